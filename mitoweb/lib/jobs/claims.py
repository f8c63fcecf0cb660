"""Every change of a job's state: claim, renew, end, put back. Each is one transaction, and all but the claim are fenced
by the claim they were given, so a worker that was given up cannot write. Times are the database's."""

import datetime
import logging
import uuid

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from mitoweb.lib.jobs import registry
from mitoweb.lib.jobs.models import Job

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 2  # before the second attempt; doubled for each after it
MACHINE_PAUSE_S = 30  # the same where the machine was short of something, which takes a while to pass

CLAIM = """
    WITH kinds AS (SELECT * FROM unnest(%(kinds)s::text[], %(leases)s::float[]) AS k(kind, lease_s)),
    turns AS (
        SELECT team_id, CASE WHEN team_id IS NULL
            THEN (SELECT max(started) FROM jobs_job AS own WHERE own.lane = %(lane)s AND own.team_id IS NULL)
            ELSE (SELECT max(started) FROM jobs_job AS own WHERE own.lane = %(lane)s AND own.team_id = waiting.team_id)
        END AS had
        FROM (SELECT DISTINCT team_id FROM jobs_job WHERE state = 'queued' AND lane = %(lane)s) AS waiting
    ),
    next AS (
        SELECT jobs_job.id, kinds.lease_s FROM jobs_job JOIN kinds USING (kind)
        JOIN turns ON turns.team_id IS NOT DISTINCT FROM jobs_job.team_id
        WHERE state = 'queued' AND lane = %(lane)s AND (not_before IS NULL OR not_before <= now())
        ORDER BY turns.had NULLS FIRST, created LIMIT 1 FOR UPDATE OF jobs_job SKIP LOCKED
    )
    UPDATE jobs_job SET
        state = 'running', attempts = attempts + 1, claim = %(claim)s, worker = %(worker)s,
        lease_until = now() + next.lease_s * interval '1 second', heartbeat = now(),
        started = coalesce(started, now()), message = '', outcome = '',
        step = '', step_done = 0, step_total = 0, step_from = 0, step_began = NULL
    FROM next WHERE jobs_job.id = next.id
    RETURNING jobs_job.id
"""


class ClaimLost(Exception):
    """Another worker has the job now, or it ended; nothing that this one does counts any more."""


class Cancelled(Exception):
    """Someone asked for this job to stop, or its handler gives it up for what its sentence says."""


def claim(lane: str, worker: str, in_background: bool | None = None) -> Job | None:
    """Take a queued job of the lane, counting the attempt before the work starts; None when there is none.

    Teams take turns: it is the oldest job of the team whose last start in this lane is longest ago, so that nobody
    waits behind all that another team has queued. `in_background`: of such kinds alone, or of the others; None for any.
    """
    handlers = [one for one in registry.in_lane(lane) if in_background in {None, one.in_background}]
    if not handlers:
        return None
    values = {
        "kinds": [handler.kind for handler in handlers],
        "leases": [handler.lease_s for handler in handlers],
        "lane": lane,
        "claim": uuid.uuid4(),
        "worker": worker,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    return Job.objects.get(pk=row[0]) if row else None


def held(job_id: uuid.UUID, claim_id: uuid.UUID):
    """The job as a queryset of one, empty once the claim is not current."""
    return Job.objects.filter(pk=job_id, claim=claim_id, state=Job.State.RUNNING)


def renew(job_id: uuid.UUID, claim_id: uuid.UUID, lease_s: int, **progress) -> None:
    """Push the lease out and store progress; raises ClaimLost or Cancelled."""
    lease_until = Now() + datetime.timedelta(seconds=lease_s)
    mine = held(job_id, claim_id)
    if mine.filter(cancel_requested=False).update(heartbeat=Now(), lease_until=lease_until, **progress):
        return
    raise Cancelled if mine.exists() else ClaimLost


def end(
    job_id: uuid.UUID, claim_id: uuid.UUID, state: str, message: str | None = "", log: str = "", outcome: str = ""
) -> bool:
    """Finish the job if the claim is current; returns whether it stands in that state. Doing it twice is harmless.

    A `message` of None keeps the one that stands (who cancelled it). `outcome`: what came out of one that is done.
    """
    with transaction.atomic():
        job = held(job_id, claim_id).select_for_update().first()
        if job is None:
            return Job.objects.filter(pk=job_id, claim=claim_id, state=state).exists()
        job.outcome = outcome
        _end(job, state, job.message if message is None else message, log)
    return True


def put_back(
    job_id: uuid.UUID,
    claim_id: uuid.UUID,
    reason: str,
    log: str = "",
    *,
    interrupted: bool = False,
    first_pause_s: float = FIRST_PAUSE_S,
) -> bool:
    """An attempt went wrong: queue the job again after a pause, or end it when cancelled or out of attempts.

    `interrupted` says that something outside the job may have stopped it (a killed worker). Such an attempt does not
    count, so a long job survives any number of restarts. One that brings its worker down at the same place each time
    does not: of interruptions after which it was no further than ever before, it may have so many in a row as its
    handler says.
    """
    with transaction.atomic():
        job = held(job_id, claim_id).select_for_update().first()
        if job is None:
            return False
        if interrupted:
            job.attempts -= 1
            job.interruptions = 0 if job.done > job.furthest else job.interruptions + 1
            job.furthest = max(job.furthest, job.done)
        if job.cancel_requested:
            _end(job, Job.State.CANCELLED, job.message, log)
        elif is_interrupted_too_often(job):
            sentence = f"{reason} It was stopped {job.interruptions} times without getting further."
            _end(job, Job.State.FAILED, sentence, log)
        elif interrupted:
            pause_s = first_pause_s if job.interruptions else 0
            _queue(job, f"{reason} It goes on by itself.", log, not_before=Now() + datetime.timedelta(seconds=pause_s))
        elif job.attempts >= job.max_attempts:
            times = "once" if job.attempts == 1 else f"{job.attempts} times"
            _end(job, Job.State.FAILED, f"{reason} It was tried {times}.", log)
        else:
            message = f"{reason} It will be tried again (attempt {job.attempts + 1} of {job.max_attempts})."
            pause_s = first_pause_s * 2 ** (job.attempts - 1)
            _queue(job, message, log, not_before=Now() + datetime.timedelta(seconds=pause_s))
    return True


def release(job_id: uuid.UUID, claim_id: uuid.UUID) -> bool:
    """Hand the job back untried: the worker stops for reasons of its own, so the attempt does not count."""
    with transaction.atomic():
        job = held(job_id, claim_id).select_for_update().first()
        if job is None:
            return False
        job.attempts -= 1
        _queue(job, "The worker was stopped; the job goes on with its next start.", "", not_before=None)
    return True


def cancel(job: Job, message: str) -> bool:
    """End a queued job now, ask a running one to stop; False when it had ended already."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.ended:
            return False
        if job.state == Job.State.QUEUED:
            _end(job, Job.State.CANCELLED, message, "")
        else:
            Job.objects.filter(pk=job.pk).update(cancel_requested=True, message=message)
    return True


def reopen(job: Job) -> bool:
    """Queue a failed or cancelled job again with all its attempts; False when it is in another state."""
    return bool(
        Job.objects.filter(pk=job.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED]).update(
            state=Job.State.QUEUED,
            attempts=0,
            furthest=0,
            interruptions=0,
            claim=None,
            lease_until=None,
            not_before=None,
            cancel_requested=False,
            message="",
            finished=None,
        )
    )


def running():
    """Running jobs, each with `expired`: whether nobody has shown progress on it for the time of its lease."""
    return Job.objects.filter(state=Job.State.RUNNING).annotate(expired=Q(lease_until__lt=Now()))


def _queue(job: Job, message: str, log: str, not_before) -> None:
    job.state = Job.State.QUEUED
    job.claim = job.lease_until = None
    job.not_before = not_before
    job.message = message
    job.log = _bounded(job.log, log)
    names = ("state", "attempts", "furthest", "interruptions", "claim", "lease_until", "not_before", "message", "log")
    job.save(update_fields=names)


def is_interrupted_too_often(job: Job) -> bool:
    """Whether it was stopped from outside so often, without getting further, that the cause must be its own."""
    try:
        return job.interruptions > registry.find(job.kind).max_interruptions
    except registry.UnknownKind:
        return job.interruptions > 0


def _end(job: Job, state: str, message: str, log: str) -> None:
    """End it. One that is done has all of it done, however little its outcome left to do."""
    job.state = state
    if state == Job.State.DONE:
        job.done, job.step = job.total, ""
    job.message = message
    job.log = _bounded(job.log, log)
    job.lease_until = None
    job.finished = Now()
    counted = ("done", "step", "attempts", "furthest", "interruptions")
    job.save(update_fields=["state", "outcome", "message", "log", "lease_until", "finished", *counted])
    job.refresh_from_db()
    _call_on_end(job)


def _call_on_end(job: Job) -> None:
    """Call the handler's on_end in a savepoint: an app that fails there must not keep the job from ending."""
    try:
        on_end = registry.find(job.kind).on_end
    except registry.UnknownKind:
        return  # a job of an app that is no longer installed can still be cancelled
    if on_end is None:
        return
    try:
        with transaction.atomic():
            on_end(job)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Job %s: its app failed to take notice of the end", job.pk)


def _bounded(old: str, new: str) -> str:
    """The newest part of both, within JOB_LOG_BYTES; PostgreSQL stores no NUL."""
    text = f"{old.rstrip()}\n\n{new.strip()}".strip() if new else old
    raw = text.replace("\x00", "").encode(errors="replace")
    return raw[-settings.JOB_LOG_BYTES :].decode(errors="ignore")
