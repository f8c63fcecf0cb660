"""The slides that decide between model versions: declared by an administrator, read by at least two, never trained on.

Their labels are the consensus of readers who have judged all that the region asks of them; where two differ, the place
counts neither way.
"""

import uuid
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from django.db import IntegrityError, transaction
from shapely import Polygon, make_valid, unary_union

from analysis.lab.tolerances import LEAST_CASES, LEAST_MITOSES
from analysis.models import Analysis, DataSet, LockedSetLook, LockedSlide, LockWithdrawal
from analysis.pipeline.count import points_in_rings
from analysis.services.label_table import MITOSIS, NONE, NOT_MITOSIS, LabelTable
from analysis.services.learning.keeping_apart import (
    hold_learning,
    is_held_back,
    rows_of_same_glass,
    select_locked_slides,
)
from analysis.services.learning.leaving import check_reason, let_leave
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides.models import Slide
from slides.services.areas import Rings, list_rings

LEAST_READERS = 2
WORN_OUT_AFTER = 20  # looks, after which the set should be refreshed
NO_ANALYSIS = "no analysis of it is done"
NO_REGION = "no region to count in is drawn, and the whole slide was analysed: draw what was read"
TOO_FEW_READERS = "fewer than two readers have judged all that is asked in the region"


# Declaring it -----------------------------------------------------------------------------------------------------
def lock_slide(slide: Slide, reason: str, by) -> LockedSlide:
    """Keep a slide for deciding; rights are the caller's. Places of its case, and of copies of its file, leave the data
    sets that no training has read. Refused where one has, for H05, and for what cannot be decided on."""
    reason = check_reason(reason)
    if is_held_back(slide.label):
        raise Refused("H05 is for reporting only: it is not trained on, and nothing is decided on it.", "held_back")
    if slide.state != Slide.State.READY or slide.kind != Slide.Kind.TISSUE or slide.mpp_x is None:
        raise Refused("Only a tissue slide that is ready and has a pixel size can decide.", "slide_not_ready")
    try:
        with transaction.atomic():
            hold_learning()
            if LockedSlide.objects.standing().filter(slide=slide).exists():
                raise Refused("This slide is in the locked set already.", "locked_already")
            _refuse_trained_on(slide)
            let_leave(rows_of_same_glass(slide), "its slide was put into the locked set")
            lock = LockedSlide.objects.create(slide=slide, reason=reason, by=by)
            text = "Put into the locked set"
            audit.record_change(by, slide.case.team, "locked_set.add", f"slide {slide.pk}", text)
    except IntegrityError as error:
        raise Refused("The slide could not be locked: it was changed meanwhile. Try again.", "changed_since") from error
    return lock


def _refuse_trained_on(slide: Slide) -> None:
    used = DataSet.objects.filter(pk__in=rows_of_same_glass(slide).values("data_set")).exclude(used=None)
    if names := sorted(used.values_list("name", flat=True)):
        raise Refused(
            f"This case was trained on already (data set {', '.join(names)}), so it cannot tell how good a version is "
            "on what it has not seen. Choose another.",
            "trained_on",
        )


def withdraw_lock(lock: LockedSlide, reason: str, by) -> LockWithdrawal:
    """From here on the slide may be learned from. Refused where that was done before."""
    reason = check_reason(reason)
    with transaction.atomic():
        hold_learning()
        if LockWithdrawal.objects.filter(lock=lock).exists():
            raise Refused("This slide was taken out of the locked set already.", "withdrawn")
        withdrawal = LockWithdrawal.objects.create(lock=lock, reason=reason, by=by)
        text = "Taken out of the locked set"
        audit.record_change(by, lock.slide.case.team, "locked_set.remove", f"slide {lock.slide_id}", text)
    return withdrawal


def record_look(what: str, digest: str, by=None) -> LockedSetLook:
    """One evaluation on the set whose folder has this hash."""
    with transaction.atomic():
        look = LockedSetLook.objects.create(by=by, what=what[:200], hash=digest)
        audit.record_change(by, None, "locked_set.look", f"locked_set_look {look.pk}", "Evaluated on the locked set")
    return look


def count_looks() -> int:
    return LockedSetLook.objects.count()


def may_be_locked(slides):
    """Of these slides those that can be put into the set at all."""
    trained = DataSet.objects.exclude(used=None).values("rows__slide__case")
    found = slides.filter(state=Slide.State.READY, kind=Slide.Kind.TISSUE).exclude(mpp_x=None)
    return found.exclude(pk__in=select_locked_slides()).exclude(case__in=trained)


# What it says -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Reviewed:
    """What readers agree on in the reviewed region of a slide; places are level-0 px, float (n, 2). `lacks`: why the
    slide decides nothing yet, "" where it does."""

    lock: LockedSlide
    lacks: str = ""
    analysis: Analysis | None = None
    rings_l0: Rings = field(default_factory=list)
    readers: tuple[int, ...] = ()
    mitoses_l0: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    others_l0: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    disputed_l0: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def slide(self) -> Slide:
        return self.lock.slide


@dataclass(frozen=True)
class LockedSetState:
    """The set as it is now."""

    slides: list[Reviewed]

    @cached_property
    def cases(self) -> int:
        return len({row.slide.case_id for row in self.slides if not row.lacks})

    @cached_property
    def mitoses(self) -> int:
        return sum(len(row.mitoses_l0) for row in self.slides)

    @property
    def may_decide(self) -> bool:
        return self.cases >= LEAST_CASES and self.mitoses >= LEAST_MITOSES

    @property
    def sentence(self) -> str:
        cases = "1 case" if self.cases == 1 else f"{self.cases} cases"
        agreed = f"{cases} and {self.mitoses} mitoses that readers agree on"
        if self.may_decide:
            return f"May decide: {agreed}."
        return f"Needs a person: {agreed}; at least {LEAST_CASES} and {LEAST_MITOSES} are needed to decide."


def review_locked_set() -> LockedSetState:
    """All slides of the set with what their readers agree on."""
    return LockedSetState([review_locked_slide(row) for row in _list_locks()])


def holds_anything() -> bool:
    """Whether enough readers have read any slide of it; quicker than all of its state."""
    return any(not review_locked_slide(row).lacks for row in _list_locks())


def _list_locks():
    return LockedSlide.objects.standing().select_related("slide__case__team", "by").order_by("at", "pk")


def review_locked_slide(lock: LockedSlide) -> Reviewed:
    """By the newest analysis that enough readers have worked through."""
    lacks = NO_ANALYSIS
    done = lock.slide.analyses.filter(job__state=Job.State.DONE, withdrawn=None).select_related("slide")
    for analysis in done.order_by("-created"):
        rings = _find_region(analysis)
        if not rings:
            lacks = NO_REGION if lacks == NO_ANALYSIS else lacks
            continue
        found = _agree(lock, analysis, rings)
        if found is not None:
            return found
        lacks = TOO_FEW_READERS
    return Reviewed(lock, lacks)


def _find_region(analysis: Analysis) -> Rings:
    """What was read: the regions drawn to count in, as far as they were analysed; else the region analysed."""
    drawn = [make_valid(Polygon(region.polygon)) for region in analysis.slide.regions.to_count_in()]
    analysed = make_valid(Polygon(analysis.polygon)) if analysis.polygon else None
    if not drawn:
        return list_rings(analysed) if analysed is not None else []
    area = unary_union(drawn)
    return list_rings(area if analysed is None else area.intersection(analysed))


def _agree(lock: LockedSlide, analysis: Analysis, rings: Rings) -> Reviewed | None:
    """None with too few readers who have left nothing open in the region. A call or figure counts as judged by whoever
    was unsure, and is then disputed."""
    table = LabelTable(analysis, lock.by)
    inside = points_in_rings(table.points, rings) & table.is_placed
    judged = [reader for reader in table.readers if (inside & (table.get_labels(reader) != NONE)).any()]
    readers = [reader for reader in judged if not (inside & table.find_open(reader)).any()]
    if len(readers) < LEAST_READERS:
        return None
    labels = np.stack([table.get_labels(reader) for reader in readers])
    given = (labels != NONE).sum(axis=0)
    agreed = [
        inside & (given >= LEAST_READERS) & ((labels == kind).sum(axis=0) == given) for kind in (MITOSIS, NOT_MITOSIS)
    ]
    disputed = inside & (given > 0) & ~agreed[0] & ~agreed[1]
    places = [table.points[mask] for mask in (*agreed, disputed)]
    return Reviewed(lock, "", analysis, rings, tuple(readers), *places)


def find_lock(lock_id: uuid.UUID) -> LockedSlide | None:
    return LockedSlide.objects.standing().select_related("slide__case__team").filter(pk=lock_id).first()
