"""django-q2 as the doorbell: its tasks say that there is work, the job row says what work.

A ring that gets lost costs a second (the foreman looks by itself), so the queue may be killed at any time.
"""

from django.db import connection, transaction
from django_q.tasks import async_task

CHANNEL = "mitoweb_jobs"
RING = "mitoweb.lib.jobs.doorbell.ring"
ANSWER = "mitoweb.lib.jobs.doorbell.answer"


def press() -> None:
    """Queue a ring in the current transaction: nothing rings for a job that was rolled back."""
    async_task(RING)


def call(number: int) -> None:
    """Queue a canary: the cluster that is alive answers with the same number."""
    with transaction.atomic():  # outside one, the broker closes connections older than CONN_MAX_AGE: the foreman's
        async_task(ANSWER, number)


def ring() -> None:
    """Runs in the cluster: wake every foreman."""
    _notify("ring")


def answer(number: int) -> None:
    """Runs in the cluster: show that tasks still run."""
    _notify(f"canary {number:d}")


def _notify(payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
