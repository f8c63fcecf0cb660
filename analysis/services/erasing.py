"""The part of an erasure that belongs to this app: everything that was made from slides (slides/services/erase.py)."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from analysis.models import (
    Analysis,
    AuditSample,
    Comment,
    DataSetRow,
    Detection,
    Explanation,
    FieldLook,
    Figure,
    NucleiSample,
    TileDone,
    Verdict,
)
from analysis.services import explanations
from analysis.services.learning.leaving import erase_learning
from mitoweb.lib.jobs.models import Job
from slides.models import Slide


def describe_made_rows(slides: Iterable[Slide]) -> list[str]:
    """In words: "2 analyses", "140 verdicts"; nothing where there is none."""
    analyses = _select_analyses(slides)
    counts = [
        (analyses.count(), "analysis", "analyses"),
        (Verdict.objects.filter(analysis__in=analyses).count(), "verdict", "verdicts"),
        (Figure.objects.filter(analysis__in=analyses).count(), "added figure", "added figures"),
        (Comment.objects.filter(analysis__in=analyses, withdraws=None).count(), "comment", "comments"),
        (FieldLook.objects.filter(analysis__in=analyses).count(), "field looked at", "fields looked at"),
    ]
    return [f"{number:,} {one if number == 1 else many}" for number, one, many in counts if number]


def find_job_objects(slides: Iterable[Slide]) -> list[uuid.UUID]:
    """Analyses, the detections that explanations were asked for, and data sets, as jobs name them."""
    analyses = _select_analyses(slides)
    asked = Job.objects.filter(kind=explanations.KIND, team__cases__slides__in=slides).distinct()
    numbers = [explanations.read_detection_id(object_id) for object_id in asked.values_list("object_id", flat=True)]
    detections = Detection.objects.filter(pk__in=numbers, analysis__in=analyses)
    places = DataSetRow.objects.filter(slide__in=[slide.pk for slide in slides])
    data_sets = places.values_list("data_set", flat=True).distinct()
    return [*analyses.values_list("pk", flat=True), *map(explanations.make_job_id, detections.only("pk")), *data_sets]


def erase_analyses(slides: Iterable[Slide]) -> None:
    """Delete the rows. Each analysis is locked first, so that no reader adds to one that is about to go."""
    slides = list(slides)
    erase_learning(slides)
    analyses = list(_select_analyses(slides).select_for_update().order_by("pk").values_list("pk", flat=True))
    rows: list[QuerySet] = [
        FieldLook.objects.filter(analysis__in=analyses),
        AuditSample.objects.filter(analysis__in=analyses),
        Comment.objects.filter(analysis__in=analyses),
        Verdict.objects.filter(analysis__in=analyses),
        Explanation.objects.filter(detection__analysis__in=analyses),
        NucleiSample.objects.filter(slide__in=[slide.pk for slide in slides]),
        *(model.objects.filter(analysis__in=analyses) for model in (Figure, Detection, TileDone)),
    ]
    for each in rows:
        each._raw_delete(each.db)  # one statement, without the pictures of ten thousand explanations being read first
    Analysis.objects.filter(pk__in=analyses).delete()


def _select_analyses(slides: Iterable[Slide]) -> QuerySet[Analysis]:
    return Analysis.objects.filter(slide__in=[slide.pk for slide in slides])
