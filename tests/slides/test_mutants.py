"""Spoilt slides through the product: each ends ready, waiting or refused, and a slide beside them is unharmed (R8)."""

import time
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from mitoweb.lib.jobs.models import Job
from slides.models import Slide, Upload
from slides.tiles import pictures
from tests.factories import SlideFactory
from tests.slides.sender import Sender
from tests.wsi import makers, makers_parts
from tests.wsi.test_mutants import mutant

pytestmark = pytest.mark.django_db
ENDS = {"ready", "quarantine", "refused"}
WITHIN_S = 30


def mrxs_zip(folder: Path) -> Path:
    makers_parts.mirax(folder)
    path = folder / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in [folder / "slide.mrxs", *(folder / "slide").iterdir()]:
            archive.write(part, part.relative_to(folder))
    return path


MAKERS = {
    "svs": makers.svs,
    "ome": makers_parts.ome_sub_levels,
    "ndpi": makers.ndpi,
    "dicom": makers.dicom_jpegls,
    "mrxs": mrxs_zip,
}
# Of the first seventy mutants those that show something new: each kind of spoiling with each end and reason of it.
TELLING = {
    "svs": (0, 1, 2, 5, 7, 8, 11, 13, 15, 17, 25, 27, 30, 41, 56, 61, 64),
    "ome": (0, 1, 2, 5, 7, 8, 9, 11, 25, 30, 38, 40, 44),
    "ndpi": (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 25, 29, 30, 34, 35, 38, 56),
    "dicom": (0, 1, 2, 5, 7, 9, 12, 24, 50),
    "mrxs": (0, 1, 2, 5, 7, 29),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MAKERS)
def test_spoilt_slides_end_in_words_and_harm_nobody(cast, run_jobs, tmp_path, name):
    through_the_check(cast, run_jobs, tmp_path, name, TELLING[name])


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", MAKERS)
def test_a_thousand_spoilt_slides_end_in_words_and_harm_nobody(cast, run_jobs, tmp_path, name):
    through_the_check(cast, run_jobs, tmp_path, name, range(1000))


def through_the_check(cast, run_jobs, folder: Path, name: str, numbers: Iterable[int]) -> None:
    data, suffix = (path := MAKERS[name](folder)).read_bytes(), "".join(path.suffixes[-2:])
    canary = SlideFactory(case__team=cast.team)
    before, sender, ends = pictures.get_tile(canary, 10, 0, 0).body, Sender(cast, cast.tech), Counter()
    for number in numbers:
        ends[end_of(sender, mutant(data, number), f"m{number}{suffix}", run_jobs)] += 1
    assert set(ends) <= ENDS, ends
    assert ends["refused"], "no mutant was spoilt enough to be refused"
    assert not Job.objects.filter(kind="slide.check").exclude(state="done").exists()
    assert pictures.get_tile(canary, 10, 0, 0).body == before


def end_of(sender: Sender, data: bytes, filename: str, run_jobs) -> str:
    """Sent by tus, checked, looked at. A mutant that was met before in this case is one that was not changed."""
    if not data:
        return "refused"
    created = sender.create(len(data), filename=filename)
    assert created.status_code == 201, created.content
    assert sender.patch(created["Location"], data).status_code == 204
    began = time.monotonic()
    run_jobs("ingest")
    assert time.monotonic() - began < WITHIN_S
    upload = Upload.objects.get(pk=created.json()["id"])
    slide = upload.slide
    for address in ("image.dzi", "image_files/8/0_0.jpeg", "thumbnail.jpeg"):
        assert sender.client.get(f"/api/slides/{slide.pk}/{address}").status_code < 500
    assert sender.client.get(f"/cases/{sender.cast.case.pk}/").status_code == 200
    state = slide.state
    assert state == "ready" or upload.reason.endswith(".")
    Upload.objects.filter(pk=upload.pk).delete()
    Slide.objects.filter(pk=slide.pk).delete()
    return state
