"""A job in words: how far it is, how long it took, who works on it."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.site.jobs.kinds import kind_of

FIRST = f"{WorkerPulse.SUPERVISOR} "  # begins a pulse's name, which then holds what fits of the machine's
LONGEST = WorkerPulse._meta.get_field("name").max_length


def describe_duration(passed: timedelta) -> str:
    """ "4 s", "12 min", "3 h 5 min", "2 days": the largest unit, and of hours their minutes."""
    seconds = max(0, round(passed.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    if seconds < 24 * 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days = round(seconds / 86400)
    return f"{days} day{'' if days == 1 else 's'}"


def describe_time(job: Job) -> str:
    """How long it took or has been running; nothing of one that waits or was cancelled before it began."""
    now = timezone.now()
    if job.state == Job.State.RUNNING:
        return f"for {describe_duration(now - (job.started or now))}"
    if job.state == Job.State.QUEUED or job.started is None or job.finished is None:
        return ""
    return describe_duration(job.finished - job.started)


def describe_progress(job: Job) -> str:
    """How far one is that is not done: "3 of 9 tiles" or "25 %"; nothing where that is not known."""
    done, total = job.step_progress if job.state == Job.State.RUNNING else (job.done, job.total)
    if job.state == Job.State.DONE or not total:
        return ""
    unit = kind_of(job).unit
    if job.state == Job.State.RUNNING and job.step_total:
        return f"{done} of {total}"
    return f"{done} of {total} {unit}" if unit else f"{round(100 * done / total)} %"


def describe_seconds_left(job: Job) -> str:
    """ "about 40 s left" in the step that it is at; nothing where only a share of the whole is known."""
    left_s = job.step_seconds_left if job.step_total or kind_of(job).unit else None
    return f"about {describe_duration(timedelta(seconds=left_s))} left" if left_s else ""


def name_workers(workers: Iterable[str]) -> dict[str, str]:
    """What people may call whoever wrote these words on its jobs (`mitoweb.lib.jobs.identity`): "Worker 1".

    Numbered by the machines that ever had one, in the order of their names: a machine's name may be made of digits.
    """
    names = WorkerPulse.objects.filter(name__startswith=FIRST).values_list("name", flat=True)
    machines = sorted(name.removeprefix(FIRST) for name in names)
    named = {}
    for worker in filter(None, workers):
        machine = find_machine(worker)
        known = [number for number, name in enumerate(machines, 1) if name == machine[: LONGEST - len(FIRST)]]
        named[worker] = f"Worker {known[0]}" if known else "Worker"
    return named


def find_machine(worker: str) -> str:
    """The machine's own name in a worker's."""
    return worker.partition(" ")[0].partition("/")[0]
