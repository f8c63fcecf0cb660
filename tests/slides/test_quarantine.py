"""A slide that may hold data on people is seen by nobody until an administrator lets it out, with a reason."""

import pytest
from django.utils import timezone

from mitoweb.people.models import AuditEntry
from slides import files
from slides.models import Slide, Upload
from slides.services import ingest, uploads
from slides.wsi.sandbox import limits
from tests.factories import SlideFactory
from tests.wsi import makers

pytestmark = pytest.mark.django_db
PICTURES = ("image.dzi", "image_files/8/0_0.jpeg", "thumbnail.jpeg", "crop.jpeg?x_l0=90&y_l0=90&size_px_l0=50")


@pytest.fixture
def waiting(cast, run_jobs, tmp_path) -> Slide:
    """A slide of a format without a rewrite, sent by the technician."""
    path = makers.scn(tmp_path)
    with path.open("rb") as file:
        size = path.stat().st_size
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest(path.name, size, label="A1"))
        uploads.receive_piece(upload, 0, file, size)
    run_jobs("ingest")
    return Slide.objects.get()


def statuses(client, slide) -> set[int]:
    return {client.get(f"/api/slides/{slide.pk}/{address}").status_code for address in PICTURES}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"method": "none", "unknown": [], "verified": False, "failed": ""}, ingest.NO_REWRITE),
        ({"method": "tiff", "unknown": ["Odd"], "verified": True, "failed": ""}, ingest.UNKNOWN),
        ({"method": "tiff", "unknown": ["Odd"], "verified": False, "failed": "pixels"}, ingest.PIXELS_DIFFER),
        ({"method": "dicom", "unknown": [], "verified": False, "failed": "values"}, ingest.VALUES_LEFT),
        ({"method": "dicom", "unknown": ["Odd"], "verified": False}, ingest.UNKNOWN),  # as written before
    ],
)
def test_the_reason_is_what_the_copy_failed(found, reason):
    assert ingest.quarantine_reason(Slide(privacy=found)) == reason


def test_a_format_without_a_rewrite_waits_and_says_why(cast, waiting):
    upload = Upload.objects.get()
    assert (waiting.state, waiting.reason, waiting.format) == ("quarantine", ingest.NO_REWRITE, "Leica SCN")
    assert (upload.state, upload.step, upload.reason) == ("waiting", "de-identified", ingest.NO_REWRITE)
    assert ingest.NO_REWRITE in cast.as_(cast.reader).get(f"/cases/{cast.case.pk}/").content.decode()
    assert not files.thumbnail_path(waiting).exists()


@pytest.mark.parametrize("who", ["reader", "tech", "lead", "admin"])
def test_nobody_sees_a_picture_of_it(cast, waiting, who):
    assert statuses(cast.as_(getattr(cast, who)), waiting) == {404}


def test_the_list_of_administrators_names_what_is_unknown(cast, waiting):
    Slide.objects.update(privacy={**waiting.privacy, "unknown": ["Aperio.Oddity"]})
    page = cast.as_(cast.admin).get("/quarantine/").content.decode()
    for words in ("A1", str(cast.team), "Leica SCN", ingest.NO_REWRITE, "Aperio.Oddity", limits.confinement().sentence):
        assert words.replace("'", "&#x27;") in page
    (row,) = cast.as_(cast.admin).get("/api/quarantine/").json()
    assert (row["label"], row["team"], row["method"], row["is_original"]) == ("A1", cast.team.name, "none", True)
    assert row["unknown"] == ["Aperio.Oddity"]


def test_a_released_slide_is_shown_and_marked_as_the_original(cast, waiting, run_jobs):
    client = cast.as_(cast.admin)
    answer = client.post(f"/api/slides/{waiting.pk}/release/", {"reason": "label cut off by hand"}, "application/json")
    assert answer.status_code == 202
    assert Upload.objects.get().state == "checking"
    run_jobs("ingest")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.released_by) == ("ready", cast.admin)
    assert Upload.objects.get().state == "ready"
    assert statuses(cast.as_(cast.reader), waiting) == {200}
    words = f"Original file, released by {cast.admin.username} because: label cut off by hand"
    assert waiting.released == words
    assert words in cast.as_(cast.reader).get(f"/cases/{cast.case.pk}/").content.decode()
    entry = AuditEntry.objects.get(action="slide.release")
    assert (entry.actor, entry.text) == (cast.admin, "Let out of quarantine as the original file")


def test_of_a_released_rewrite_the_copy_is_shown(cast, waiting, run_jobs):
    Slide.objects.update(privacy={**waiting.privacy, "method": "tiff", "unknown": ["X"], "verified": True})
    page = cast.as_(cast.admin).post(f"/quarantine/{waiting.pk}/release/", {"reason": "X is a lamp's age"}, follow=True)
    assert "Released: the slide is being made ready." in page.content.decode()
    run_jobs("ingest")
    waiting.refresh_from_db()
    assert waiting.released == f"Released by {cast.admin.username} because: X is a lamp's age"


@pytest.mark.parametrize("reason", ["", "ok", "  \u200b\u200b\u200b\u200b  ", "x" * 301])
def test_a_release_needs_a_reason(cast, waiting, reason):
    client = cast.as_(cast.admin)
    answer = client.post(f"/api/slides/{waiting.pk}/release/", {"reason": reason}, "application/json")
    assert answer.status_code == 400
    client.post(f"/quarantine/{waiting.pk}/release/", {"reason": reason})
    waiting.refresh_from_db()
    assert waiting.state == "quarantine"


@pytest.mark.parametrize(("who", "status"), [("lead", 403), ("tech", 403), ("stranger", 404)])
def test_administrators_alone_release(cast, waiting, who, status):
    client = cast.as_(getattr(cast, who))
    assert client.post(f"/api/slides/{waiting.pk}/release/", {"reason": "because"}, "application/json").status_code == (
        status
    )
    assert client.post(f"/quarantine/{waiting.pk}/release/", {"reason": "because"}).status_code == status
    waiting.refresh_from_db()
    assert waiting.state == "quarantine"


def test_a_slide_that_is_not_waiting_cannot_be_released(cast):
    slide = SlideFactory(case=cast.case)
    answer = cast.as_(cast.admin).post(f"/api/slides/{slide.pk}/release/", {"reason": "because"}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_waiting")


def test_putting_the_upload_away_leaves_the_slide_waiting(cast, waiting, django_capture_on_commit_callbacks):
    upload = Upload.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        cast.as_(cast.tech).delete(f"/api/uploads/{upload.pk}/", headers={"Tus-Resumable": "1.0.0"})
    assert Slide.objects.get().state == "quarantine"
    assert files.slide_paths(waiting)[0].exists()


def test_an_administrator_deletes_a_slide_from_the_list(cast, waiting, run_jobs):
    client, address = cast.as_(cast.admin), f"/slides/{waiting.pk}/erase/"
    question = client.get(f"{address}?next=/quarantine/", headers={"HX-Request": "true"})
    assert "1 slide" in question.content.decode()
    assert client.get(address)["Location"] == f"/cases/{waiting.case_id}/", "a part of a page was shown alone"
    assert client.post(address, {"next": "/quarantine/"})["Location"] == "/quarantine/"
    run_jobs("erase")
    assert not Slide.objects.exists()
    assert not files.slide_folder(waiting).exists()


def test_a_slide_that_killed_its_decoders_comes_back_and_keeps_a_measured_pixel_size(cast, run_jobs):
    slide = SlideFactory(
        case=cast.case,
        state="quarantine",
        decoder_died=[timezone.now()] * 3,
        mpp_x=0.3,
        mpp_y=0.3,
        mpp_source="hand",
        privacy={"method": "tiff", "unknown": [], "removed": [], "verified": True},
    )
    cast.as_(cast.admin).post(f"/quarantine/{slide.pk}/release/", {"reason": "a new driver"})
    run_jobs("ingest")
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths, slide.mpp_x, slide.mpp_source) == ("ready", 0, 0.3, "hand")


def test_the_sandbox_is_told_to_administrators_alone(cast):
    found = cast.as_(cast.admin).get("/api/protection/").json()
    assert (found["sandbox"], found["sentence"]) == (limits.confinement().level, limits.confinement().sentence)
    assert cast.as_(cast.lead).get("/api/protection/").status_code == 403
    assert cast.as_(cast.lead).get("/quarantine/").status_code == 403
