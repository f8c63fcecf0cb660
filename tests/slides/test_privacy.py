"""Identifiers planted in slide files go no further than the sealed original: 30 in each of six formats (P1, P2).

The name of the file is one more: it is known until the check has ended, to its sender alone, and then to nobody.
"""

import uuid
import zipfile
from datetime import timedelta
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone

from slides import files
from slides.models import Slide, Upload
from slides.services import ingest, quarantine, uploads
from slides.services.sweep import sweep_leftovers
from slides.services.watching import FolderWatch
from tests.factories import SlideFactory, UploadFactory
from tests.slides.database_bytes import everything_in_the_database
from tests.wsi.deid import makers, makers_ndpi, makers_parts
from tests.wsi.deid.makers_parts import PLANTED

pytestmark = pytest.mark.django_db
# What was taken when names began to be forgotten; names of formats that came later were never kept.
TAKEN_THEN = {".dcm", ".dicom", ".jpeg", ".jpg", ".mrxs", ".ndpi", ".png", ".scn", ".svs", ".tif", ".tiff", ".zip"}
NAME = "Mueller_Anna_1951-03-02"
IN_NAME = ("Mueller", "1951-03-02")
STATES = ("uploading", "checking", "waiting", "ready", "refused", "cancelled")


def mrxs_zip(folder: Path) -> list[Path]:
    """A MIRAX set in an archive whose folders name a patient too."""
    inside = folder / "inside"
    inside.mkdir()
    parts = makers_parts.mirax(inside)
    path = folder / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            archive.write(part, f"{PLANTED[0]}/{part.relative_to(inside)}")
    return [path]


def dicom(folder: Path) -> list[Path]:
    (folder / "series").mkdir()
    return makers_parts.dicom(folder / "series")


FORMATS = {
    "svs": lambda folder: [makers.svs(folder)],
    "ome": lambda folder: [makers.ome(folder)],
    "ndpi": lambda folder: [makers_ndpi.ndpi(folder)],
    "jpeg": lambda folder: [makers_parts.jpeg(folder)],
    "dicom": dicom,
    "mrxs": mrxs_zip,
}


@pytest.fixture
def bring(cast, run_jobs):
    """Take the files of one slide in and check it; their names tell whose it is."""

    def take(paths: list[Path]) -> Slide:
        bundle = uuid.uuid4() if len(paths) > 1 else None
        for number, path in enumerate(paths):
            size = path.stat().st_size
            name = f"{NAME}_{number}{path.suffix}" if bundle else f"{NAME}{path.suffix}"
            wanted = uploads.UploadRequest(name, size, bundle=bundle, bundle_files=len(paths))
            with path.open("rb") as file:
                uploads.receive_piece(uploads.create_upload(cast.tech, cast.case, wanted), 0, file, size)
        run_jobs("ingest")
        return Slide.objects.get()

    return take


def traces(body: bytes) -> list[str]:
    return [
        value for value in (*PLANTED, *IN_NAME) if any(value.encode(code) in body for code in ("utf-8", "utf-16-le"))
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_no_identifier_leaves_the_sealed_original(bring, cast, settings, tmp_path, caplog, name):
    (tmp_path / "sent").mkdir()
    sent = FORMATS[name](tmp_path / "sent")
    assert name == "mrxs" or makers_parts.planted_in(sent) == list(PLANTED)  # an archive is packed
    slide = bring(sent)
    assert slide.state == "ready", slide.reason
    assert slide.privacy["verified"] and slide.privacy["removed"]
    sealed = [files.sealed_folder(slide) / kept for kept in slide.sealed_files]
    assert sorted(path.read_bytes() for path in sealed) == sorted(path.read_bytes() for path in sent)
    for root in (settings.SLIDES_ROOT, settings.UPLOADS_ROOT, settings.TILE_CACHE_ROOT):
        assert makers_parts.planted_in([path for path in root.rglob("*") if path.is_file()]) == []
        assert traces("\n".join(map(str, root.rglob("*"))).encode()) == []
    assert traces(everything_in_the_database()) == []
    assert traces(caplog.text.encode()) == []
    for who in (cast.reader, cast.observer, cast.tech, cast.lead):
        client = cast.as_(who)
        for address in (
            f"/cases/{cast.case.pk}/",
            f"/slides/{slide.pk}/",
            "/uploads/",
            "/jobs/",
            "/api/slides/",
            f"/api/slides/{slide.pk}/",
            "/api/uploads/",
            "/api/jobs/",
            f"/api/slides/{slide.pk}/image.dzi",
            f"/api/slides/{slide.pk}/thumbnail.jpeg",
            f"/api/slides/{slide.pk}/image_files/8/0_0.jpeg",
            f"/api/slides/{slide.pk}/crop.jpeg?x_l0=90&y_l0=90&size_px_l0=50",
        ):
            answer = client.get(address)
            assert (address, answer.status_code) == (address, 200)
            assert traces(b"".join(answer) if answer.streaming else answer.content) == []


@pytest.mark.parametrize("make", [makers.svs, makers.ome, makers.tiled, makers_ndpi.ndpi])
def test_keys_that_no_rule_knows_stop_the_slide_and_are_named(bring, cast, run_jobs, tmp_path, make):
    slide = bring([make(tmp_path, unknown=True)])
    assert (slide.state, slide.reason) == ("quarantine", ingest.UNKNOWN)
    assert slide.privacy["unknown"]
    page = cast.as_(cast.admin).get("/quarantine/").content
    assert slide.privacy["unknown"][0].encode() in page
    assert traces(page) == []
    cast.as_(cast.admin).post(f"/quarantine/{slide.pk}/release/", {"reason": "keys of a lamp"})
    run_jobs("ingest")
    slide.refresh_from_db()
    assert (slide.state, Upload.objects.get().state) == ("ready", "ready")
    assert makers_parts.planted_in(files.slide_paths(slide)) == []
    assert slide.released.startswith("Released by ")


def test_without_days_to_keep_it_the_original_goes_once_the_copy_is_in_its_place(bring, settings, tmp_path):
    settings.SEALED_DAYS = 0
    slide = bring([makers.svs(tmp_path)])
    assert (slide.state, slide.sealed_files, slide.sealed_until) == ("ready", [], None)
    assert not files.sealed_folder(slide).exists()


@pytest.fixture
def sent(cast):
    """Send a file named after a patient, or only its first bytes: sent(content, whole=False) -> the upload."""

    def send(content: bytes, whole: bool = True) -> Upload:
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest(f"{NAME}.svs", len(content)))
        uploads.receive_piece(upload, 0, BytesIO(content), len(content) if whole else 10)
        return upload

    return send


def forgotten(upload: Upload) -> None:
    upload.refresh_from_db()
    assert upload.name == ".svs"
    assert traces(everything_in_the_database()) == []


def test_a_refused_file_leaves_no_name(sent, run_jobs):
    upload = sent(b"only text\n" * 20)
    assert IN_NAME[0].encode() in everything_in_the_database()  # this test can fail
    run_jobs("ingest")
    forgotten(upload)
    assert upload.state == "refused"


def test_an_upload_that_was_not_continued_leaves_no_name(sent):
    upload = sent(b"only text\n" * 20, whole=False)
    Upload.objects.update(expires=timezone.now() - timedelta(minutes=1))
    sweep_leftovers()
    forgotten(upload)
    assert upload.state == "cancelled"


def test_an_upload_that_was_stopped_leaves_no_name(cast, sent):
    uploads.cancel_upload(cast.tech, sent(b"only text\n" * 20, whole=False))
    assert traces(everything_in_the_database()) == []


def test_a_duplicate_leaves_no_name_and_tells_no_label_of_another_slide(cast, bring, sent, run_jobs, tmp_path):
    path = makers.svs(tmp_path)
    Slide.objects.filter(pk=bring([path]).pk).update(label=NAME)
    upload = sent(path.read_bytes())
    run_jobs("ingest")
    Slide.objects.update(label="A1")
    forgotten(upload)
    assert upload.step == uploads.Step.DUPLICATE
    page = cast.as_(cast.tech).get(f"/api/uploads/{upload.pk}/").json()
    assert (page["slide"], page["slide_label"]) == (str(Slide.objects.get().pk), "A1")


def test_a_slide_that_is_let_out_of_quarantine_is_found_without_its_name(cast, bring, run_jobs, tmp_path):
    slide = bring([makers.svs(tmp_path, unknown=True)])
    forgotten(Upload.objects.get())
    quarantine.release_slide(cast.admin, slide, "keys of a lamp")
    run_jobs("ingest")
    forgotten(Upload.objects.get())
    assert Upload.objects.get().state == "ready"


@pytest.mark.parametrize("way", ["import", "watch"])
def test_a_folder_that_is_brought_in_leaves_no_name(cast, settings, tmp_path, caplog, way):
    place = tmp_path / "scans" / cast.team.name / cast.case.accession
    place.mkdir(parents=True)
    makers.svs(tmp_path).rename(place / f"{NAME}.svs")
    if way == "import":
        words = (str(place), "--case", cast.case.accession, "--team", cast.team.name, "--by", cast.tech.username)
        call_command("import_slides", *words, stdout=StringIO(), stderr=StringIO())
    else:
        watch = FolderWatch(tmp_path / "scans", cast.tech, settle_s=0)
        watch.run_round(), watch.run_round()
    assert Slide.objects.get().state == "ready"
    assert traces(everything_in_the_database()) == []
    assert traces(caplog.text.encode()) == []
    for root in (settings.SLIDES_ROOT, settings.UPLOADS_ROOT, settings.TILE_CACHE_ROOT):
        assert traces("\n".join(map(str, root.rglob("*"))).encode()) == []


def test_names_that_ended_uploads_kept_before_are_forgotten(cast):
    migration = import_module("slides.migrations.0006_forget_names")
    assert TAKEN_THEN <= migration.SUFFIXES
    slide = SlideFactory(case=cast.case)
    kept = {state: UploadFactory(case=cast.case, state=state, name=f"{NAME}.SVS", label="A1") for state in STATES}
    old = {"state": "refused", "step": "already here", "reason": f"Same file as slide {NAME} of this case."}
    duplicate = UploadFactory(case=cast.case, name=NAME, label="A2", slide=slide, **old)
    migration.forget(apps, None)
    for state, upload in kept.items():
        upload.refresh_from_db()
        assert upload.name == (f"{NAME}.SVS" if state in ("uploading", "checking") else ".svs")
        assert files.kept_path(upload).suffix == ".svs"
    duplicate.refresh_from_db()
    assert (duplicate.slide, duplicate.duplicate_of, duplicate.name) == (None, slide, ".dcm")
    assert duplicate.reason == ingest.DUPLICATE
    migration.point_at_slides(apps, None)
    duplicate.refresh_from_db()
    assert duplicate.slide == slide
