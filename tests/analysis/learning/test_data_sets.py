"""Freezing a data set, cutting its patches, and what leaves it."""

import errno
import shutil
import threading
import uuid

import numpy as np
import pytest
from django.db import connection

from analysis import data_set_jobs
from analysis.lab.learning.data_set_folder import PATCHES, read_data_set
from analysis.models import DataSet, DataSetRow
from analysis.services.learning import data_sets, leaving
from analysis.services.learning.choice import Choice
from analysis.services.learning.data_sets import folder_of
from analysis.services.learning.folders import find_lost_data_sets
from analysis.services.learning.places import NOT_READY
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.child import run_queued
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides.files import slide_paths
from slides.models import Slide
from slides.services.erase import erase_case
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, detection_of, frozen, judged_slide
from tests.analysis.makers import add_detection
from tests.analysis.review_makers import judge
from tests.factories import tissue_pixels, write_tiff

pytestmark = pytest.mark.django_db
THREE = [[MITOSIS, MITOSIS], [OTHER, OTHER], [MITOSIS, OTHER]]


def patches_of(data_set: DataSet) -> list[str]:
    return sorted(path.name for path in (folder_of(data_set.pk) / PATCHES).iterdir())


def test_verdicts_become_patches_with_labels():
    judged_slide(THREE)
    data_set = frozen()
    assert data_set.is_ready, data_set.job.message
    folder = read_data_set(folder_of(data_set.pk))
    assert [row.label for row in folder.rows] == [1, 0, 0.5]
    assert (folder.hash, folder.table.name) == (data_set.hash, "Spring")
    place = folder.rows[0]
    x, y = int(place.x_l0), int(place.y_l0)
    wanted = tissue_pixels(1024, 768)[y - 80 : y + 80, x - 80 : x + 80]
    assert np.array_equal(folder.read_patch(place), wanted), "the patch does not have its place in the middle"
    assert AuditEntry.objects.filter(action="data_set.freeze").count() == 1


def test_the_same_verdicts_have_the_same_hash_and_others_another():
    analysis, (first, _) = judged_slide(THREE)
    one, two = frozen("one"), frozen("two")
    assert one.hash == two.hash != ""
    judge(detection_of(analysis, 3), first, OTHER)
    assert frozen("three").hash != one.hash


def test_patches_have_the_models_pixel_size_whatever_the_slides_is(tmp_path):
    pixels = tissue_pixels(900, 1000)
    file = write_tiff(tmp_path / "oblong.tif", pixels, mpp=(0.25, 0.125))
    analysis, _ = judged_slide([[MITOSIS, MITOSIS]], file=file)
    folder = read_data_set(folder_of(frozen().pk))
    place = folder.rows[0]
    x, y = int(place.x_l0), int(place.y_l0)
    patch = folder.read_patch(place).astype(int)
    about = pixels[y - 160 : y + 160, x - 80 : x + 80].astype(int)
    shrunk = about.reshape(160, 2, 160, 3).mean(axis=1)
    assert np.abs(patch - shrunk).mean() < 8, "pixels that are not square were not made so"


def test_a_place_at_the_border_is_mirrored_there():
    analysis, readers = judged_slide([["", ""]])
    edge = add_detection(analysis, 2, 384)
    for reader in readers:
        judge(edge, reader, OTHER)
    folder = read_data_set(folder_of(frozen().pk))
    patch = folder.read_patch(folder.rows[0])
    assert np.array_equal(patch[:, 77], patch[:, 79]), "beyond the border lies something else than its mirror"


def test_a_killed_cutting_goes_on_where_its_patches_end(monkeypatch):
    judged_slide(THREE)
    data_set = data_sets.freeze_data_set("Spring", Choice(), administrator())
    written = []

    def die_at_the_second(folder, file, rgb, write=data_set_jobs.data_set_folder.write_patch):
        if len(written) == 1:
            raise MemoryError
        written.append(file)
        write(folder, file, rgb)

    with monkeypatch.context() as patched:
        patched.setattr(data_set_jobs.data_set_folder, "write_patch", die_at_the_second)
        run_queued()
    data_set.refresh_from_db()
    assert not data_set.is_ready
    assert not (folder_of(data_set.pk) / "data_set.json").exists(), "half a data set counts as whole"
    Job.objects.filter(pk=data_set.job_id).update(not_before=None)
    (folder_of(data_set.pk) / PATCHES / ".000002.png.part").write_bytes(b"half")
    again = []
    write = data_set_jobs.data_set_folder.write_patch
    monkeypatch.setattr(
        data_set_jobs.data_set_folder, "write_patch", lambda *args: again.append(args[1]) or write(*args)
    )
    run_queued()
    data_set.refresh_from_db()
    assert data_set.is_ready
    assert again == ["patches/000002.png", "patches/000003.png"]
    assert patches_of(data_set) == ["000001.png", "000002.png", "000003.png"]


def test_a_full_disk_ends_the_job_in_words_and_leaves_nothing_half_done(monkeypatch):
    judged_slide(THREE)

    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("analysis.lab.learning.data_set_folder.write_atomically", refuse)
        data_set = frozen()
    assert (data_set.job.state, data_set.is_ready) == ("failed", False)
    assert "The disk is full. What was cut is kept" in data_set.job.message
    assert patches_of(data_set) == []


def test_slides_whose_file_is_gone_are_left_out_and_the_others_are_cut():
    gone, emptied, garbled = (slide_paths(judged_slide([[MITOSIS, MITOSIS]])[0].slide)[0] for _ in range(3))
    judged_slide([[OTHER, OTHER]])
    gone.unlink()
    emptied.write_bytes(b"")
    garbled.write_bytes(b"no slide at all")
    data_set = frozen()
    assert data_set.is_ready, data_set.job.message
    folder = read_data_set(folder_of(data_set.pk))
    assert [row.label for row in folder.rows] == [0]
    told = {left.why: left.count for left in folder.table.left_out}
    assert told == {data_set_jobs.FILE_GONE: 2, data_set_jobs.UNREADABLE: 1}


def test_an_erased_case_leaves_with_its_patches_and_the_hash_is_noted_anew():
    analysis, _ = judged_slide(THREE)
    judged_slide([[OTHER, OTHER]])
    data_set = frozen()
    before = data_set.hash
    erase_case(administrator(), analysis.slide.case)
    data_set.refresh_from_db()
    assert not data_set.is_ready, "the folder holds patches of an erased case and counts as ready"
    run_queued()
    data_set.refresh_from_db()
    assert data_set.is_ready
    folder = read_data_set(folder_of(data_set.pk))
    assert [row.label for row in folder.rows] == [0]
    assert len(patches_of(data_set)) == 1
    assert data_set.hash == folder.hash != before
    assert "3 places left, since a case was erased." in folder.table.notes[0]
    assert DataSetRow.objects.count() == 1


def test_a_case_that_is_withdrawn_leaves_at_once_and_is_never_frozen_again():
    analysis, _ = judged_slide(THREE)
    case = analysis.slide.case
    data_set, lead = frozen(), administrator()
    leaving.switch_learning(case, False, "The patient said no.", lead)
    run_queued()
    data_set.refresh_from_db()
    assert (patches_of(data_set), data_set.is_ready) == ([], True)
    assert data_set.rows.standing().count() == 0
    assert {row.left_why for row in data_set.rows.all()} == {"a case was withdrawn from learning"}
    with pytest.raises(Refused, match="Nothing to freeze"):
        data_sets.freeze_data_set("again", Choice(), lead)
    with pytest.raises(Refused, match="withdrawn already"):
        leaving.switch_learning(case, False, "Twice.", lead)
    with pytest.raises(Refused, match="reason is needed"):
        leaving.switch_learning(case, True, " ", lead)
    leaving.switch_learning(case, True, "A mistake.", lead)
    assert frozen("again").rows.count() == 3


def test_what_leaves_while_patches_are_cut_is_not_in_the_folder(monkeypatch):
    analysis, _ = judged_slide(THREE)
    judged_slide([[OTHER, OTHER]])
    data_set = data_sets.freeze_data_set("Spring", Choice(), administrator())
    write, by = data_set_jobs.data_set_folder.write_patch, administrator()

    def withdraw_first(*args):
        if leaving.is_learned_from(analysis.slide.case):
            leaving.switch_learning(analysis.slide.case, False, "No.", by)
        write(*args)

    monkeypatch.setattr(data_set_jobs.data_set_folder, "write_patch", withdraw_first)
    run_queued()
    run_queued()
    data_set.refresh_from_db()
    assert data_set.is_ready
    assert len(read_data_set(folder_of(data_set.pk)).rows) == len(patches_of(data_set)) == 1


def test_a_name_is_needed_and_taken_once():
    judged_slide(THREE)
    by = administrator()
    for name, sentence in ((" ", "needs a name"), ("n" * 101, "has 101 characters")):
        with pytest.raises(Refused, match=sentence):
            data_sets.freeze_data_set(name, Choice(), by)
    assert not DataSet.objects.exists()
    data_sets.freeze_data_set("Spring", Choice(), by)
    with pytest.raises(Refused, match="named Spring already"):
        data_sets.freeze_data_set(" Spring ", Choice(), by)


@pytest.mark.django_db(transaction=True)
def test_of_two_freezes_at_once_one_is_kept():
    judged_slide(THREE)
    by, told = administrator(), []

    def freeze():
        try:
            told.append(data_sets.freeze_data_set("Spring", Choice(), by).name)
        except Refused as refusal:
            told.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=freeze) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["Spring", "There is a data set named Spring already; take another name."]
    assert (DataSet.objects.count(), DataSetRow.objects.count()) == (1, 3)


def test_a_lopsided_data_set_may_be_frozen_and_says_so():
    judged_slide([[MITOSIS, MITOSIS]])
    told = " ".join(data_sets.freeze_data_set("Spring", Choice(), administrator()).warnings)
    for sentence in ("of one class alone", "of one slide", "No figure was added"):
        assert sentence in told


def test_a_training_takes_what_is_ready_and_marks_it():
    judged_slide(THREE)
    data_set = data_sets.freeze_data_set("Spring", Choice(), administrator())
    with pytest.raises(Refused, match="still being cut"):
        data_sets.take_for_training(data_set)
    run_queued()
    used = data_sets.take_for_training(data_set).used
    assert used is not None
    assert data_sets.take_for_training(data_set).used == used


def test_a_reader_who_was_deleted_is_named_so():
    assert data_sets.map_names([10**6]) == {10**6: "a reader who was deleted"}


def test_slides_that_are_not_ready_are_told():
    analysis, _ = judged_slide(THREE)
    Slide.objects.filter(pk=analysis.slide_id).update(state="checking")
    preview = data_sets.preview_data_set(Choice(), administrator())
    assert preview.left_out == [(NOT_READY, 3)]
    assert preview.warnings == ["Nothing is left to learn from."]


def test_a_job_of_a_data_set_that_is_not_there_says_so():
    job = core.enqueue(data_sets.CUT, uuid.uuid4())
    run_queued()
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "What this job was for has been deleted.")


def test_patches_that_are_gone_are_found_and_cut_again():
    judged_slide(THREE)
    data_set = frozen()
    folder = folder_of(data_set.pk)
    assert list(find_lost_data_sets()) == []
    for lose in (lambda: shutil.rmtree(folder), (folder / "data_set.json").unlink):
        lose()
        (finding,) = find_lost_data_sets()
        assert finding.sentence == "Data set Spring: its patches are gone."
        finding.mend()
        run_queued()
        data_set.refresh_from_db()
        assert data_set.is_ready
        assert read_data_set(folder).hash == data_set.hash
