"""The part of an erasure that belongs to this app: everything that was made from slides (slides/services/erase.py)."""

import uuid
from collections.abc import Iterable

from django.db.models import Model, QuerySet

from analysis.models import Analysis, Detection, Explanation, Figure, TileDone, Verdict
from analysis.services import explanations
from mitoweb.lib.jobs.models import Job
from slides.models import Slide


def made_of(slides: Iterable[Slide]) -> list[str]:
    """In words: "2 analyses", "140 verdicts"; nothing where there is none."""
    analyses = _of(slides)
    counts = [
        (analyses.count(), "analysis", "analyses"),
        (Verdict.objects.filter(analysis__in=analyses).count(), "verdict", "verdicts"),
        (Figure.objects.filter(analysis__in=analyses).count(), "added figure", "added figures"),
    ]
    return [f"{number:,} {one if number == 1 else many}" for number, one, many in counts if number]


def worked_on(slides: Iterable[Slide]) -> list[uuid.UUID]:
    """Analyses, and the detections that explanations were asked for, as jobs name them."""
    analyses = _of(slides)
    asked = Job.objects.filter(kind=explanations.KIND, team__cases__slides__in=slides).distinct()
    numbers = [explanations.detection_of(object_id) for object_id in asked.values_list("object_id", flat=True)]
    detections = Detection.objects.filter(pk__in=numbers, analysis__in=analyses)
    return [*analyses.values_list("pk", flat=True), *map(explanations.job_object, detections.only("pk"))]


def erase(slides: Iterable[Slide]) -> None:
    """Delete the rows. Each analysis is locked first, so that no reader adds to one that is about to go."""
    analyses = list(_of(slides).select_for_update().order_by("pk").values_list("pk", flat=True))
    _drop(Verdict, Verdict.objects.filter(analysis__in=analyses))
    _drop(Explanation, Explanation.objects.filter(detection__analysis__in=analyses))
    for model in (Figure, Detection, TileDone):
        _drop(model, model.objects.filter(analysis__in=analyses))
    Analysis.objects.filter(pk__in=analyses).delete()


def _of(slides: Iterable[Slide]) -> QuerySet[Analysis]:
    return Analysis.objects.filter(slide__in=[slide.pk for slide in slides])


def _drop(model: type[Model], rows: QuerySet) -> None:
    """One statement, without the pictures of ten thousand explanations being read first."""
    rows._raw_delete(rows.db)
