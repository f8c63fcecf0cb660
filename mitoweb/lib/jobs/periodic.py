"""Jobs that come by themselves. Apps register theirs in <app>/tasks.py; each supervisor queues those that are due."""

import datetime
import uuid

from django.utils import timezone

from mitoweb.lib.jobs import core, registry
from mitoweb.lib.jobs.models import Job

OF_NOTHING = uuid.UUID(int=0)  # what a job works on that belongs to no row

_periods: dict[str, int] = {}


def register(kind: str, *, every_s: int) -> None:
    """Run the handler of `kind` once in each `every_s` seconds of the clock. Its handler must be registered before."""
    registry.find(kind)  # a wrong name fails here, not in the supervisor
    _periods[kind] = every_s


def enqueue_due() -> list[Job]:
    """Queue what was not queued in its present period yet; the jobs of the present periods, new or not.

    The key names the period by the clock, so restarts and several supervisors together still queue each job once.
    """
    now_s = timezone.now().timestamp()
    jobs = []
    for kind, every_s in _periods.items():
        start = datetime.datetime.fromtimestamp(now_s // every_s * every_s, datetime.UTC)
        jobs.append(core.enqueue(kind, OF_NOTHING, idempotency_key=f"{kind} {start:%Y-%m-%dT%H:%M:%S}"))
    return jobs
