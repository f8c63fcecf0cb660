"""A second scan in a file is offered, becomes a slide of its own with its own pixels, and outlives the first one."""

import numpy as np
import pytest
import tifffile

from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides import files
from slides.models import Slide
from slides.services import erase, ingest, uploads
from slides.tiles import pictures
from tests.factories import tissue_pixels

JSON = {"content_type": "application/json"}


@pytest.fixture
def slide(cast, run_jobs, tmp_path):
    """An uploaded file with two scans: tissue of 512 x 384 px at 0.25 µm, and white of 300 x 200 px at 0.5 x 0.4 µm."""
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as tiff:
        for pixels, mpp in (
            (tissue_pixels(512, 384), (0.25, 0.25)),
            (np.full((200, 300, 3), 250, np.uint8), (0.5, 0.4)),
        ):
            size = {"resolution": tuple(1e4 / side for side in mpp), "resolutionunit": "CENTIMETER"}
            tiff.write(pixels, tile=(128, 128), photometric="rgb", compression="zlib", metadata=None, **size)
    with path.open("rb") as file:
        size = path.stat().st_size
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest("x.tif", size))
        uploads.receive_piece(upload, 0, file, size)
    run_jobs("ingest")
    return Slide.objects.get()


def add(cast, slide, scene=1, who=None):
    return cast.as_(who or cast.tech).post(f"/api/slides/{slide.pk}/scenes/", {"scene": scene}, **JSON)


def case_page(cast, who) -> str:
    return cast.as_(who).get(f"/cases/{cast.case.pk}/").content.decode()


def test_a_second_scan_is_offered_and_becomes_a_slide_with_its_own_pixels_and_size(cast, slide, run_jobs):
    assert (slide.state, slide.scene, slide.scenes) == ("ready", 0, [[512, 384], [300, 200]])
    page = case_page(cast, cast.tech)
    assert "Add picture 2 of the file as a slide" in page and "300 × 200 px" in page
    assert "data-scene" not in case_page(cast, cast.observer)
    answer = add(cast, slide)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["scene"], answer.json()["label"]) == (1, "Slide 1 picture 2")
    run_jobs("ingest")
    further = Slide.objects.get(pk=answer.json()["id"])
    assert (further.state, further.width, further.height, further.privacy) == ("ready", 300, 200, slide.privacy)
    assert (further.mpp_x, further.mpp_y) == (pytest.approx(0.5), pytest.approx(0.4))
    assert further.hints[0] == "Of 2 pictures in the file number 2 is shown."
    assert "data-scene" not in case_page(cast, cast.tech)
    assert pictures.get_tile(further, 9, 0, 0).body != pictures.get_tile(slide, 9, 0, 0).body
    assert AuditEntry.objects.filter(action="slide.scene", actor=cast.tech).exists()


def test_it_stays_whole_when_the_first_one_is_erased(cast, slide, run_jobs):
    further = Slide.objects.get(pk=add(cast, slide).json()["id"])
    run_jobs("ingest")
    before, folder = files.slide_paths(further)[0].read_bytes(), files.slide_folder(slide)
    erase.erase_slide(cast.lead, slide)
    run_jobs("erase")
    assert not folder.exists()
    assert files.slide_paths(further)[0].read_bytes() == before


@pytest.mark.parametrize(
    ("scene", "status", "code"), [(0, 409, "scene_shown"), (2, 400, "number"), (-1, 400, "invalid")]
)
def test_what_is_shown_or_not_there_is_refused_in_words(cast, slide, scene, status, code):
    answer = add(cast, slide, scene)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Slide.objects.count() == 1


def test_it_is_added_once(cast, slide):
    assert [add(cast, slide).status_code for _ in range(2)] == [201, 409]


@pytest.mark.parametrize(("who", "status"), [("lead", 201), ("reader", 403), ("observer", 403), ("stranger", 404)])
def test_who_uploads_slides_adds_pictures(cast, slide, who, status):
    assert add(cast, slide, who=getattr(cast, who)).status_code == status


def test_one_whose_first_slide_was_erased_meanwhile_is_refused_and_leaves_nothing(cast, slide, run_jobs):
    further = Slide.objects.get(pk=add(cast, slide).json()["id"])
    erase.erase_slide(cast.lead, slide)
    run_jobs("ingest")
    further.refresh_from_db()
    assert (further.state, further.folder) == ("refused", "")
    assert "deleted meanwhile" in further.reason


def test_a_check_that_breaks_off_lets_the_picture_be_offered_again(cast, slide):
    further = Slide.objects.get(pk=add(cast, slide).json()["id"])
    Job.objects.filter(pk=further.job_id).update(state="failed", message="The disk was full.")
    ingest.note_broken_off(Job.objects.get(pk=further.job_id))
    assert not Slide.objects.filter(pk=further.pk).exists()
    assert "data-scene" in case_page(cast, cast.tech)
