"""What the list of jobs says about this app's. Registered when the app is loaded."""

import uuid
from urllib.parse import urlencode

from django.urls import reverse

from analysis.models import Analysis, Detection
from analysis.services import explanations, runs
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.site.jobs.kinds import JobKind, Subject, kinds


def register() -> None:
    kinds[runs.KIND] = JobKind("Analysis", analyses, "analysis.run", cancel, retry)
    kinds[explanations.KIND] = JobKind("Explanation", detections, "explain")


def analyses(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = Analysis.objects.filter(pk__in=ids).select_related("slide__case")
    return {row.pk: Subject(str(row.slide), _viewer(row)) for row in rows}


def detections(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    numbers = [explanations.detection_of(identity) for identity in ids]
    rows = Detection.objects.filter(pk__in=numbers).select_related("analysis__slide__case")
    return {
        explanations.job_object(row): Subject(f"detection {row.number} of {row.analysis.slide}", _viewer(row.analysis))
        for row in rows
    }


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


def _analysis(job: Job) -> Analysis | None:
    return Analysis.objects.select_related("job", "slide__case__team").filter(job=job).first()


def _viewer(analysis: Analysis) -> str:
    return f"{reverse('viewer', args=[analysis.slide_id])}?{urlencode({'analysis': analysis.pk})}"
