"""Identifiers planted in slide files go no further than the sealed original: 30 in each of six formats (P1, P2)."""

import uuid
import zipfile
from pathlib import Path

import pytest

from slides import files
from slides.models import Slide, Upload
from slides.services import ingest, uploads
from tests.slides.database_bytes import everything_in_the_database
from tests.wsi.deid import makers, makers_ndpi, makers_parts
from tests.wsi.deid.makers_parts import PLANTED

pytestmark = pytest.mark.django_db


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
    """Take the files of one slide in and check it; names of our own, since the sender's are the sender's alone."""

    def take(paths: list[Path]) -> Slide:
        bundle = uuid.uuid4() if len(paths) > 1 else None
        for number, path in enumerate(paths):
            size = path.stat().st_size
            wanted = uploads.Wanted(f"{number}{path.suffix}", size, label="A1", bundle=bundle, bundle_files=len(paths))
            with path.open("rb") as file:
                uploads.receive(uploads.create_upload(cast.tech, cast.case, wanted), 0, file, size)
        run_jobs("ingest")
        return Slide.objects.get()

    return take


def traces(body: bytes) -> list[str]:
    return [value for value in PLANTED if any(value.encode(code) in body for code in ("utf-8", "utf-16-le"))]


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
