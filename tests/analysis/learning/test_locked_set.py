"""What readers agree on in the slides that decide, and the folder that the gate reads."""

import uuid

import numpy as np
import pytest
from django.conf import settings

from analysis.lab.errors import DatasetRefused
from analysis.lab.gate.locked_set_folder import read_locked_set
from analysis.locked_set_jobs import cut_locked_set
from analysis.models import LockedSlide
from analysis.services.learning import locked_set
from analysis.services.learning.locked_set import (
    NO_ANALYSIS,
    NO_REGION,
    TOO_FEW_READERS,
    LockedSetState,
    Reviewed,
    review_locked_set,
)
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.child import run_queued
from slides.files import slide_paths
from slides.models import Slide
from slides.services.erase import erase_case
from tests.analysis.learning.makers import MITOSIS, OTHER, UNSURE, administrator, judged_slide
from tests.analysis.makers import add_detection
from tests.factories import RegionFactory, SlideFactory, tissue_pixels, write_tiff

pytestmark = pytest.mark.django_db
READ = [[MITOSIS, MITOSIS], [OTHER, OTHER], [MITOSIS, OTHER], [MITOSIS, UNSURE]]
SQUARE = [[200, 150], [700, 150], [700, 600], [200, 600]]


def read_slide(labels=READ, polygon=SQUARE, **values):
    """A locked slide with a region that was read."""
    analysis, readers = judged_slide(labels, **values)
    RegionFactory(slide=analysis.slide, polygon=polygon)
    locked_set.lock_slide(analysis.slide, "Kept.", administrator())
    return analysis, readers


def only_row():
    (row,) = review_locked_set().slides
    return row


def test_readers_agree_differ_or_are_unsure():
    read_slide()
    row = only_row()
    assert (len(row.mitoses_l0), len(row.others_l0), len(row.disputed_l0)) == (1, 1, 2)
    assert (row.lacks, len(row.readers)) == ("", 2)


def test_what_lies_outside_the_region_counts_for_nothing():
    analysis, _ = read_slide()
    add_detection(analysis, 900, 700)  # a call that nobody judged
    assert only_row().lacks == ""
    add_detection(analysis, 640, 500)
    assert only_row().lacks == TOO_FEW_READERS, "a region with an unjudged call counts as read"


@pytest.mark.parametrize(
    ("labels", "region", "lacks"),
    [([[MITOSIS, ""]], True, TOO_FEW_READERS), ([[MITOSIS, MITOSIS]], False, NO_REGION), (None, True, NO_ANALYSIS)],
)
def test_a_slide_that_decides_nothing_yet_says_why(labels, region, lacks):
    slide = judged_slide(labels)[0].slide if labels else SlideFactory()
    if region:
        RegionFactory(slide=slide, polygon=SQUARE)
    locked_set.lock_slide(slide, "Kept.", administrator())
    assert only_row().lacks == lacks
    with pytest.raises(DatasetRefused):
        cut_locked_set(review_locked_set())


@pytest.mark.parametrize(
    ("cases", "mitoses", "lacks", "decides"),
    [("AB", 25, "", True), ("AB", 24, "", False), ("AA", 25, "", False), ("AB", 25, TOO_FEW_READERS, False)],
)
def test_it_decides_from_two_cases_and_fifty_mitoses_on(cases, mitoses, lacks, decides):
    """Two slides; what readers agree on is told above."""
    ids = {name: uuid.uuid4() for name in cases}
    found = [
        Reviewed(LockedSlide(slide=Slide(case_id=ids[name])), why, mitoses_l0=np.zeros((mitoses, 2)))
        for name, why in zip(cases, ("", lacks), strict=True)
    ]
    state = LockedSetState(found)
    assert state.may_decide == decides
    assert f"{2 * mitoses} mitoses that readers agree on" in state.sentence
    assert state.sentence.startswith("May decide" if decides else "Needs a person")


def test_its_folder_holds_the_frames_and_places_of_what_was_read():
    read_slide()
    found = cut_locked_set(review_locked_set())
    (frame,) = read_locked_set(found.folder).frames
    assert frame.mitoses_px.tolist() == [[100, 100]], "places are not told from the frame's corner"
    assert frame.area_mm2 == pytest.approx(500 * 450 * 0.25**2 * 1e-6)
    assert frame.corner_l0 == (200, 150)
    assert cut_locked_set(review_locked_set()).hash == found.hash


def test_frames_have_the_models_pixel_size_and_no_more_than_2048_px(tmp_path):
    file = write_tiff(tmp_path / "wide.tif", tissue_pixels(5200, 600), mpp=(0.125, 0.25))
    polygon = [[0, 200], [5200, 200], [5200, 500], [2600, 350], [0, 500]]
    read_slide(file=file, polygon=polygon)
    found = cut_locked_set(review_locked_set())
    places = np.concatenate([frame.to_l0(frame.mitoses_px) for frame in found.frames])
    assert places.tolist() == [[300, 250]]
    assert len(found.frames) == 2
    assert found.frames[0].reviewed_px
    assert found.area_mm2 == pytest.approx(5200 * 0.125 * (150 + 75) * 0.25 * 1e-6, rel=0.01)


def test_a_slide_that_cannot_be_read_stops_the_cutting_and_leaves_nothing():
    analysis, _ = read_slide()
    read_slide()
    slide_paths(analysis.slide)[0].unlink()
    before = set(settings.LOCKED_SETS_ROOT.glob("*"))
    with pytest.raises(core.JobFailed, match="cannot be read"):
        cut_locked_set(review_locked_set())
    assert set(settings.LOCKED_SETS_ROOT.glob("*")) == before


def test_frames_of_an_erased_case_are_erased():
    analysis, _ = read_slide()
    found = cut_locked_set(review_locked_set())
    erase_case(administrator(), analysis.slide.case)
    run_queued()
    assert not found.folder.exists()


def test_looks_are_counted():
    assert locked_set.count_looks() == 0
    locked_set.record_look("one beside another", "0" * 64, administrator())
    assert locked_set.count_looks() == 1


def test_an_empty_set_needs_a_person():
    assert LockedSetState([]).sentence.startswith("Needs a person: 0 cases and 0 mitoses")
    with pytest.raises(Refused, match="reason"):
        locked_set.lock_slide(SlideFactory(), "", administrator())
