"""Nothing that decides is ever learned from: services say so in words, and the database holds it whoever writes."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from analysis.models import DataSet, DataSetRow, LearningSwitch, LockedSetLook, LockedSlide, LockWithdrawal
from analysis.services.learning import data_sets, leaving, locked_set
from analysis.services.learning.choice import Choice
from analysis.services.learning.keeping_apart import is_held_back
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.child import run_queued
from slides.models import Slide
from slides.services.erase import erase_case
from tests.analysis.learning.makers import MITOSIS, administrator, frozen, judged_slide
from tests.factories import CaseFactory, SlideFactory

pytestmark = pytest.mark.django_db
JUDGED = [[MITOSIS, MITOSIS]]


def row_of(data_set: DataSet, slide: Slide, **values) -> DataSetRow:
    """As raw SQL would write it, past all services."""
    place = {"x_l0": 1, "y_l0": 1, "mpp_x": 0.25, "mpp_y": 0.25, "verdicts": [], "readers": 2, "mitoses": 2}
    place |= {"label": 1, "settled": True, "purpose": "validate", "added": False, "case": slide.case, **values}
    number = data_set.rows.count() + 1
    return DataSetRow.objects.bulk_create([DataSetRow(data_set=data_set, number=number, slide=slide, **place)])[0]


@pytest.fixture
def empty_set():
    return DataSet.objects.create(name="raw", choice={}, readers=[], left_out=[])


def lock(slide: Slide) -> LockedSlide:
    return locked_set.lock_slide(slide, "Kept for deciding.", administrator())


def test_nothing_of_a_locked_case_and_no_copy_of_its_file_gets_into_a_data_set(empty_set):
    slide = SlideFactory()
    lock(slide)
    sibling, copy, other = SlideFactory(case=slide.case), SlideFactory(sha256=slide.sha256), SlideFactory()
    for taken in (slide, sibling, copy):
        with pytest.raises(IntegrityError, match="in the locked set"), transaction.atomic():
            row_of(empty_set, taken)
    row_of(empty_set, other)


def test_what_is_in_a_data_set_cannot_be_locked_past_the_services(empty_set):
    slide = SlideFactory()
    row = row_of(empty_set, slide)
    for taken in (slide, SlideFactory(case=slide.case), SlideFactory(sha256=slide.sha256)):
        with pytest.raises(IntegrityError, match="is in a data set"), transaction.atomic():
            LockedSlide.objects.create(slide=taken, reason="x", by=administrator())
    leaving.let_leave(DataSetRow.objects.filter(pk=row.pk), "tried")
    LockedSlide.objects.create(slide=slide, reason="x", by=administrator())


def test_locking_takes_a_case_out_of_data_sets_that_no_training_has_read():
    analysis, _ = judged_slide(JUDGED)
    data_set = frozen()
    lock(SlideFactory(case=analysis.slide.case))
    run_queued()
    data_set.refresh_from_db()
    assert data_set.rows.standing().count() == 0
    assert data_set.is_ready
    assert "put into the locked set" in data_set.notes[0]
    with pytest.raises(Refused, match="Nothing to freeze"):
        data_sets.freeze_data_set("again", Choice(), administrator())


def test_a_case_that_was_trained_on_is_never_locked_even_if_it_left(empty_set):
    analysis, _ = judged_slide(JUDGED)
    data_set = frozen("Spring")
    data_sets.take_for_training(data_set)
    for _ in range(2):
        with pytest.raises(Refused, match=r"trained on already \(data set Spring\)"):
            lock(analysis.slide)
        leaving.let_leave(data_set.rows.all(), "tried")
    with pytest.raises(IntegrityError, match="is in a data set"), transaction.atomic():
        LockedSlide.objects.create(slide=analysis.slide, reason="x", by=administrator())
    assert not LockedSlide.objects.exists()


def test_a_slide_that_was_taken_out_of_the_set_may_be_learned_from(empty_set):
    slide = SlideFactory()
    locked = lock(slide)
    with pytest.raises(Refused, match="in the locked set already"):
        lock(slide)
    locked_set.withdraw_lock(locked, "Refreshed.", administrator())
    with pytest.raises(Refused, match="already"):
        locked_set.withdraw_lock(locked, "Twice.", administrator())
    row_of(empty_set, slide)
    assert not LockedSlide.objects.standing().exists()


def test_h05_is_known_by_its_label_to_services_and_database_alike(empty_set):
    by = administrator()
    for label in ("H05", "A1 H05_03", "h05-all", "A05_01Ab"):
        slide = SlideFactory(label=label)
        assert is_held_back(label), label
        with pytest.raises(Refused, match="H05 is for reporting only"):
            locked_set.lock_slide(slide, "x", by)
        with pytest.raises(IntegrityError, match="reporting only"), transaction.atomic():
            LockedSlide.objects.create(slide=slide, reason="x", by=by)
        with pytest.raises(IntegrityError, match="reporting only"), transaction.atomic():
            row_of(empty_set, slide)
    for label in ("H055", "SH05", "A05", "26-04417 A1"):
        assert not is_held_back(label), label
        locked_set.lock_slide(SlideFactory(label=label), "x", by)


def test_a_place_of_another_case_than_its_slides_is_refused(empty_set):
    with pytest.raises(IntegrityError, match="not of its case"), transaction.atomic():
        row_of(empty_set, SlideFactory(), case=CaseFactory())


def test_a_withdrawn_case_gets_into_no_data_set_and_one_in_a_data_set_is_not_withdrawn_past_it(empty_set):
    withdrawn, kept = SlideFactory(), SlideFactory()
    leaving.switch_learning(withdrawn.case, False, "No.", administrator())
    with pytest.raises(IntegrityError, match="withdrawn from learning"), transaction.atomic():
        row_of(empty_set, withdrawn)
    row_of(empty_set, kept)
    with pytest.raises(IntegrityError, match="still in a data set"), transaction.atomic():
        LearningSwitch.objects.create(case=kept.case, on=False, reason="x", by=administrator())


def test_rows_are_never_changed_or_deleted(empty_set):
    slide = SlideFactory()
    row = row_of(empty_set, slide)
    for change in ({"label": 0}, {"verdicts": []}, {"x_l0": 5}, {"weight": 2}):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            DataSetRow.objects.filter(pk=row.pk).update(**{"readers": 3} | change)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        DataSetRow.objects.all()._raw_delete("default")
    leaving.let_leave(DataSetRow.objects.all(), "tried")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        DataSetRow.objects.update(left_at=None, left_why="")


def test_declarations_withdrawals_and_looks_are_never_changed_or_deleted():
    locked = lock(SlideFactory())
    locked_set.withdraw_lock(locked, "x", administrator())
    locked_set.record_look("a beside b", "0" * 64, administrator())
    leaving.switch_learning(CaseFactory(), False, "x", administrator())
    for model, values in ((LockedSlide, {"reason": "y"}), (LockWithdrawal, {"reason": "y"}),
                          (LockedSetLook, {"what": "y"}), (LearningSwitch, {"on": True})):  # fmt: skip
        with pytest.raises(IntegrityError, match="never"), transaction.atomic():
            model.objects.update(**values)
    for model in (LockWithdrawal, LockedSlide, LockedSetLook):
        with pytest.raises(IntegrityError, match="never"), transaction.atomic():
            model.objects.all()._raw_delete("default")
    assert locked_set.count_looks() == 1


def test_what_was_declared_goes_with_its_case():
    locked = lock(SlideFactory())
    locked_set.withdraw_lock(locked, "x", administrator())
    leaving.switch_learning(locked.slide.case, False, "x", administrator())
    erase_case(administrator(), locked.slide.case)
    assert not (LockedSlide.objects.exists() or LockWithdrawal.objects.exists() or LearningSwitch.objects.exists())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"state": "checking"}, "ready"), ({"kind": "sheet"}, "tissue slide"),
     ({"mpp_x": None, "mpp_y": None, "mpp_source": "unknown"}, "pixel size")],
)  # fmt: skip
def test_what_cannot_decide_is_not_locked(values, sentence):
    slide = SlideFactory(**values)
    with pytest.raises(Refused, match=sentence):
        lock(slide)
    with pytest.raises(Refused, match="reason is needed"):
        locked_set.lock_slide(slide, "  ", administrator())


@pytest.mark.django_db(transaction=True)
def test_of_freezing_and_locking_at_once_one_gives_way():
    """Whoever comes second sees what the first has done, and nothing is both."""
    for turn in range(3):
        analysis, _ = judged_slide(JUDGED)
        by, told = administrator(), []

        def do(act, *args, told=told):
            try:
                act(*args)
            except Refused as refusal:
                told.append(str(refusal))
            finally:
                connection.close()

        acts = [(data_sets.freeze_data_set, f"set {turn}", Choice(), by)]
        acts += [(locked_set.lock_slide, analysis.slide, "Kept.", by)]
        threads = [threading.Thread(target=do, args=act) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert LockedSlide.objects.standing().filter(slide=analysis.slide).exists(), told
        assert not DataSetRow.objects.standing().filter(case=analysis.slide.case).exists()
