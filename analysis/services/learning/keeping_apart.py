"""What must not meet: cases that are learned from, withdrawn, or kept for deciding. Migration 0017 holds the same."""

import re

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from analysis.models import DataSetRow, LearningSwitch, LockedSlide
from analysis.models.learning_data import HELD_BACK_LABEL
from slides.models import Slide

LOCK = 510016  # as in the migration


def hold_learning(*, shared: bool = False) -> None:
    """Until this transaction ends, nobody else locks a slide or withdraws a case; if not shared, nobody freezes."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [LOCK])


def is_held_back(label: str) -> bool:
    """Whether a slide's label says that it is H05, which is reported on and nothing else."""
    return re.search(HELD_BACK_LABEL, label, re.IGNORECASE) is not None


def of_same_glass(slide: Slide) -> Q:
    """Slides of the same case, and copies of the same file in other cases."""
    same_file = Q(sha256=slide.sha256) if slide.sha256 else Q(pk=slide.pk)
    return Q(case=slide.case_id) | same_file


def select_locked_slides() -> QuerySet[Slide]:
    return Slide.objects.filter(pk__in=LockedSlide.objects.standing().values("slide"))


def with_standing(slides: QuerySet[Slide]) -> QuerySet[Slide]:
    """Annotates `is_locked` (its case, or a copy of its file, is in the locked set) and `learns` (False where its case
    was withdrawn from learning, else True or None)."""
    locked = select_locked_slides()
    last = LearningSwitch.objects.filter(case=OuterRef("case")).order_by("-pk").values("on")[:1]
    same_file = locked.filter(sha256=OuterRef("sha256")).exclude(sha256="")
    is_locked = Q(Exists(locked.filter(case=OuterRef("case")))) | Q(Exists(same_file))
    return slides.annotate(is_locked=is_locked, learns=Subquery(last))


def rows_of_same_glass(slide: Slide) -> QuerySet[DataSetRow]:
    return DataSetRow.objects.filter(slide__in=Slide.objects.filter(of_same_glass(slide)))
