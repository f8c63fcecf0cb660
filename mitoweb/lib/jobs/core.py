"""The job core: everything that apps need to run work outside a request.

A `Job` row is the truth. `enqueue` writes it in the caller's transaction, with the django-q2 task that starts it; a
supervisor (`manage.py worker`) claims it, and runs its handler in a process of its own that may be killed at any time.
What a handler writes counts only inside `run.fenced()`, so that a run given up for dead cannot write beside its
successor.

    @core.handler("slide.check", lane="ingest", lease_s=60, wall_s=600)
    def check_slide(run):
        for done, tile in enumerate(tiles):
            result = compute(tile)               # outside any transaction
            run.save(lambda: store(result))      # fenced, tried again while the database is away
            run.beat(done + 1, len(tiles))       # shows progress, renews the lease, stops when cancelled
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from mitoweb.lib.jobs import claims, notify, registry
from mitoweb.lib.jobs.claims import Cancelled, ClaimLost
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.models import Job
from mitoweb.lib.jobs.registry import handler

__all__ = [
    "Cancelled",
    "ClaimLost",
    "JobFailed",
    "Run",
    "TryAgain",
    "cancel",
    "enqueue",
    "handler",
    "is_given_up",
    "retry",
]

BEAT_EVERY_S = 0.5  # beats closer together than this are not written


class JobFailed(Exception):
    """The job cannot succeed, so it is not tried again. The text is a sentence for people."""


class TryAgain(Exception):
    """The machine is in the job's way, so it is put back for longer than after an error. The text is for people."""


def enqueue(
    kind, object_id, *, team=None, created_by=None, idempotency_key=None, max_attempts=3, in_turn_of: Job | None = None
) -> Job:
    """Queue a job. Call it inside the transaction that writes the row it belongs to: both are there or neither is.

    With an idempotency key that was used before, the job of that time is returned and nothing is queued. One that goes
    on with another's work, `in_turn_of`, takes that one's place in the queue.
    """
    lane = registry.find(kind).lane
    values = {
        "kind": kind,
        "object_id": object_id,
        "lane": lane,
        "team": team,
        "created_by": created_by,
        "max_attempts": max_attempts,
    }
    with transaction.atomic():
        if idempotency_key:
            job, is_new = Job.objects.get_or_create(idempotency_key=idempotency_key, defaults=values)
        else:
            job, is_new = Job.objects.create(**values), True
        if is_new and in_turn_of is not None:
            job.created = in_turn_of.created
            job.save(update_fields=["created"])
        if is_new:
            notify.queue_start(job)
    return job


def cancel(job: Job, by=None) -> bool:
    """Stop the job: at once when it waits, at its next beat when it runs (killed when it does not answer).

    Returns False when it had ended already.
    """
    return claims.cancel(job, f"Cancelled by {by}." if by else "Cancelled.")


def retry(job: Job, by=None) -> bool:
    """Queue a failed or cancelled job again, with all its attempts; it goes on where its results end."""
    with transaction.atomic():
        if not claims.reopen(job):
            return False
        notify.queue_start(job)
    return True


def is_given_up(job: Job) -> bool:
    """Whether a failed job was tried as often as it may be; else it was its handler that said so."""
    return job.attempts >= job.max_attempts or claims.is_interrupted_too_often(job)


class Run:
    """One attempt at one job, as its handler sees it."""

    def __init__(self, job: Job) -> None:
        self.job_id = job.pk
        self.object_id = job.object_id
        self.kind = job.kind
        self.attempt = job.attempts
        self.claim = job.claim
        self._lease_s = registry.find(job.kind).lease_s
        self._last_beat = 0.0
        self._total = 0
        self._step = ("", 0)  # and of how much
        self.outcome = self.said = ""

    def beat(self, done: int, total: int, message: str | None = None) -> None:
        """Report progress from the working loop: this is what keeps the job alive. Raises Cancelled or ClaimLost."""
        now = time.monotonic()
        if now - self._last_beat < BEAT_EVERY_S and done != total and total == self._total:
            return
        progress: dict[str, Any] = {"done": done, "total": total}
        if message is not None:
            progress["message"] = message
        retry_database(lambda: claims.renew(self.job_id, self.claim, self._lease_s, **progress))
        self._total, self._last_beat = total, now

    def step(self, name: str, done: int = 0, total: int = 0) -> None:
        """Report what is being done, for people, and how far that is; a new name or total begins a step.

        Without a total the step is measured by what `beat` says. A sign of life as `beat` is, with the same errors.
        """
        now = time.monotonic()
        is_new = (name, total) != self._step
        if not is_new and now - self._last_beat < BEAT_EVERY_S and done != total:
            return
        progress: dict[str, Any] = {"step": name, "step_done": done, "step_total": total}
        if is_new:
            progress |= {"step_began": Now(), "step_from": done if total else F("done")}
        retry_database(lambda: claims.renew(self.job_id, self.claim, self._lease_s, **progress))
        self._step, self._last_beat = (name, total), now

    def conclude(self, outcome: str, sentence: str) -> None:
        """What came out, where "done" does not say it: a word of the app's. Stored when the job ends."""
        self.outcome, self.said = outcome, sentence

    @contextmanager
    def fenced(self) -> Iterator[Job]:
        """A transaction that holds the job row while the claim is current; raises ClaimLost when it is not."""
        with transaction.atomic():
            job = claims.held(self.job_id, self.claim).select_for_update().first()
            if job is None:
                raise ClaimLost
            yield job

    def save(self, write: Callable[[], Any]) -> Any:
        """Run write() inside fenced(), again while the database is away. A write done twice must change nothing."""

        def fenced_write() -> Any:
            with self.fenced():
                return write()

        return retry_database(fenced_write)
