"""How a job starts: a django-q2 task per job, which wakes the supervisors. The job row says what work there is.

A task that gets lost costs a second (a supervisor looks by itself), so the task queue may be killed at any time.
"""

from django.db import connection, transaction
from django_q.tasks import async_task

from mitoweb.lib.jobs.models import Job

CHANNEL = "mitoweb_jobs"
START = "mitoweb.lib.jobs.notify.start_job"
PROBE = "mitoweb.lib.jobs.notify.do_nothing"


def queue_start(job: Job) -> None:
    """Queue the task that starts a job, in the current transaction: nothing starts a job that was rolled back."""
    async_task(START, str(job.pk), task_name=f"{job.kind} {job.pk}", group=job.kind)


def queue_probe() -> None:
    """Queue a task that does nothing: it leaves the queue when tasks are run."""
    with transaction.atomic():  # outside one, the broker closes connections older than CONN_MAX_AGE: the supervisor's
        async_task(PROBE, save=False)


def start_job(job_id: str) -> None:
    """Runs in the cluster: wake every supervisor, and one that has a free slot claims the job."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, job_id])


def do_nothing() -> None:
    """Runs in the cluster."""
