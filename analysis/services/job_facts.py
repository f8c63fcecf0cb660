"""What the list of jobs says about each: what kind in words, on what, and who may stop it or let it go on."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from analysis.models import Analysis, Detection
from analysis.services import explanations, runs
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may
from slides.models import Slide, Upload

TITLES = {
    runs.KIND: "Analysis",
    explanations.KIND: "Explanation",
    "slide.check": "Check of a slide",
    "uploads.sweep": "Tidying of uploads",
}
# Only these may be stopped and continued from outside; an upload is given up where it was made.
STEERED_BY = {runs.KIND: "analysis.run", explanations.KIND: "explain"}


@dataclass(frozen=True)
class Subject:
    """What a job works on, in words, with the page that shows it."""

    text: str
    url: str = ""


def title(job: Job) -> str:
    return TITLES.get(job.kind, job.kind)


def may_steer(user, job: Job) -> bool:
    right = STEERED_BY.get(job.kind)
    return right is not None and may(user, right, job.team)


def may_read_log(user, job: Job) -> bool:
    return user.is_superuser if job.team is None else may(user, "job.log", job.team)


def cancel(job: Job, user) -> None:
    analysis = _analysis(job)
    if analysis:
        runs.cancel(analysis, user)
    else:
        core.cancel(job, user)


def retry(job: Job, user) -> None:
    analysis = _analysis(job)
    if analysis:
        runs.retry(analysis, user)
    else:
        core.retry(job, user)


def subjects(jobs: Iterable[Job]) -> dict[uuid.UUID, Subject]:
    """By job id; four queries however many jobs. A job whose object was deleted has none."""
    by_kind: dict[str, dict[uuid.UUID, uuid.UUID]] = {}
    for job in jobs:
        by_kind.setdefault(job.kind, {})[job.pk] = job.object_id
    found: dict[uuid.UUID, Subject] = {}
    for kind, objects in by_kind.items():
        known = _LOOK_UP.get(kind, _slides_and_uploads)(set(objects.values()))
        found |= {job_id: known[object_id] for job_id, object_id in objects.items() if object_id in known}
    return found


def _analysis(job: Job) -> Analysis | None:
    return Analysis.objects.select_related("job", "slide__case__team").filter(job=job).first()


def _analyses(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = Analysis.objects.filter(pk__in=ids).select_related("slide__case")
    return {row.pk: Subject(str(row.slide), _viewer(row)) for row in rows}


def _detections(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    numbers = [explanations.detection_of(identity) for identity in ids]
    rows = Detection.objects.filter(pk__in=numbers).select_related("analysis__slide__case")
    return {
        explanations.job_object(row): Subject(f"detection {row.number} of {row.analysis.slide}", _viewer(row.analysis))
        for row in rows
    }


def _slides_and_uploads(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    slides = Slide.objects.filter(pk__in=ids).select_related("case")
    uploads = Upload.objects.filter(pk__in=ids).select_related("case")
    return {row.pk: Subject(f"{row.case} {row.label}", f"/cases/{row.case_id}/") for row in [*slides, *uploads]}


def _viewer(analysis: Analysis) -> str:
    return f"{reverse('viewer', args=[analysis.slide_id])}?{urlencode({'analysis': analysis.pk})}"


_LOOK_UP = {runs.KIND: _analyses, explanations.KIND: _detections}
