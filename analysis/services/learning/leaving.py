"""What leaves data sets: places of cases that are withdrawn from learning, locked, or erased. A job erases their
patches and writes the folder's table and hash anew."""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from analysis.models import DataSet, DataSetRow, LearningSwitch, LockedSlide, LockWithdrawal
from analysis.models.learning_data import DataSetRowQuerySet
from analysis.services.learning.data_sets import CUT, ERASE
from analysis.services.learning.keeping_apart import hold_learning
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides.models import Case, Slide

ERASE_FRAMES = "locked-set.erase"
LONGEST_REASON = 300


def switch_learning(case: Case, on: bool, reason: str, by) -> LearningSwitch:
    """Withdraw a case from learning, or give it back; rights are the caller's. What a training has read it has read:
    the run keeps the hash of what it used. Refused without a reason, and where nothing would change."""
    reason = check_reason(reason)
    with transaction.atomic():
        hold_learning()
        if is_learned_from(case) == on:
            state = "is learned from already" if on else "is withdrawn already"
            raise Refused(f"This case {state}.", "learning_so_already")
        if not on:
            let_leave(DataSetRow.objects.filter(case=case), "a case was withdrawn from learning")
        switch = LearningSwitch.objects.create(case=case, on=on, reason=reason, by=by)
        text = "Given back to learning" if on else "Withdrawn from learning"
        audit.record_change(by, case.team, "case.learning", f"case {case.pk}", text)
    return switch


def is_learned_from(case: Case) -> bool:
    last = LearningSwitch.objects.filter(case=case).first()
    return last is None or last.on


def check_reason(reason: str, longest: int = LONGEST_REASON) -> str:
    """Its words; Refused without any, and where there are too many."""
    reason = " ".join(reason.split())
    if not reason:
        raise Refused("A reason is needed: it is kept.", "reason_missing")
    if len(reason) > longest:
        raise Refused(f"The reason has {len(reason)} characters; {longest} are the most.", "reason.length")
    return reason


def let_leave(rows: DataSetRowQuerySet, why: str) -> list[DataSet]:
    """Of those of these places that still stand in a data set: note that they left, and have their patches erased. In
    the caller's transaction. The data sets."""
    left = _follow(rows, why)
    rows.standing().update(left_at=timezone.now(), left_why=why)
    return left


def erase_learning(slides: Iterable[Slide]) -> None:
    """The part of an erasure that is learning's: inside its transaction, before the slides go."""
    slides = list(slides)
    rows = DataSetRow.objects.filter(slide__in=slides)
    _follow(rows, "a case was erased")
    locks = LockedSlide.objects.filter(slide__in=slides)
    for slide_id in set(locks.values_list("slide", flat=True)):
        core.enqueue(ERASE_FRAMES, slide_id)
    for each in (rows, LockWithdrawal.objects.filter(lock__in=locks), locks):
        each._raw_delete(each.db)


def _follow(rows: DataSetRowQuerySet, why: str) -> list[DataSet]:
    """Have the folders of the data sets that hold these places follow their rows, once these have left."""
    counts = Counter(rows.standing().values_list("data_set", flat=True))
    # Before the data sets are locked: whoever writes for a job holds the job's row first.
    for job in Job.objects.filter(data_set__in=counts).order_by("pk"):
        core.cancel(job)
    rows_of_sets = DataSet.objects.select_for_update(of=("self",)).select_related("job")
    data_sets = list(rows_of_sets.filter(pk__in=counts).order_by("pk"))
    for data_set in data_sets:
        if not data_set.folder_revision:  # its cutting was stopped, here or by an erasure
            data_set.job = core.enqueue(CUT, data_set.pk, created_by=data_set.made_by, in_turn_of=data_set.job)
        core.enqueue(ERASE, data_set.pk)
        count = counts[data_set.pk]
        places = "1 place" if count == 1 else f"{count:,} places"
        data_set.notes = [*data_set.notes, f"{timezone.localdate():%-d %B %Y}: {places} left, since {why}."]
        data_set.revision += 1
        data_set.save(update_fields=["job", "revision", "notes"])
    return data_sets
