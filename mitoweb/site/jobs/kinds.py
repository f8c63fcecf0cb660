"""What the list of jobs says about each: what kind in words, on what, and who may stop it or let it go on.

The list knows the jobs of no app. Apps further along the way of a slide register their kinds when they are loaded; one
that nobody has registered is shown by its own name.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may


@dataclass(frozen=True)
class Subject:
    """What a job works on, in words, with the page that shows it."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Look:
    """How a state is shown: a word, an icon, a tone."""

    word: str
    icon: str
    tone: str = ""


@dataclass(frozen=True)
class JobKind:
    title: str
    # ids of objects -> what each is, in a fixed number of queries; one that was deleted is not among them
    subjects: Callable[[set[uuid.UUID]], dict[uuid.UUID, Subject]] = lambda object_ids: {}
    # The right to stop and continue it from outside; none: an upload is given up where it was made.
    steered_by: str | None = None
    cancel: Callable[[Job, Any], Any] = core.cancel
    retry: Callable[[Job, Any], Any] = core.retry
    doing: str = "Running"  # the word while it runs: the same as on the pages of what it works on
    unit: str = ""  # what its progress counts, "tiles"; none: a share that is told in per cent
    outcomes: Mapping[str, Look] = field(default_factory=dict)  # Run.conclude's words, where "Done" would mislead


kinds: dict[str, JobKind] = {}


def kind_of(job: Job) -> JobKind:
    return kinds.get(job.kind) or JobKind(title=job.kind)


WAITING = Look("Waiting", "clock")  # for a worker, on every page
LOOKS = {
    Job.State.QUEUED: WAITING,
    Job.State.DONE: Look("Done", "circle-check", "yes"),
    Job.State.FAILED: Look("Failed", "circle-alert", "bad"),
    Job.State.CANCELLED: Look("Cancelled", "circle-x"),
}


def look_of(job: Job) -> Look:
    """The job's state as people are to see it: a check that refused its file is done, and says "Refused"."""
    kind = kind_of(job)
    if job.state == Job.State.RUNNING:
        return Look(kind.doing, "activity", "accent")
    if job.state == Job.State.DONE and job.outcome in kind.outcomes:
        return kind.outcomes[job.outcome]
    return LOOKS[Job.State(job.state)]


def may_steer(user, job: Job) -> bool:
    right = kind_of(job).steered_by
    return right is not None and may(user, right, job.team)


def may_read_log(user, job: Job) -> bool:
    return user.is_superuser if job.team is None else may(user, "job.log", job.team)


def subjects_of(jobs: Iterable[Job]) -> dict[uuid.UUID, Subject]:
    """By job id; as many queries for many jobs as for one of each kind. A job whose object was deleted has none."""
    jobs = list(jobs)
    found: dict[uuid.UUID, Subject] = {}
    for name, kind in kinds.items():
        objects = {job.pk: job.object_id for job in jobs if job.kind == name}
        subjects = kind.subjects(set(objects.values())) if objects else {}
        found |= {job_id: subjects[object_id] for job_id, object_id in objects.items() if object_id in subjects}
    return found
