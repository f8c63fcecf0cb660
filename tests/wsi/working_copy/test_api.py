"""Working copies made by the child: of every format, within its bounds, and nothing left where there is none."""

import hashlib
import signal

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from slides.wsi.deid.byte_search import find_in_bytes
from slides.wsi.errors import CutShort, SlideRefused
from slides.wsi.reader import open_slide
from slides.wsi.sandbox import one_task
from slides.wsi.working_copy import api, deidentify
from slides.wsi.working_copy.api import PIXELS, VALUES
from slides.wsi.working_copy.child import make_copy
from slides.wsi.working_copy.verify import same_pixels
from tests.wsi import makers as plain
from tests.wsi.deid import makers
from tests.wsi.deid.makers_parts import PLANTED, cut, fresh, planted_in
from tests.wsi.dicom_makers import coded
from tests.wsi.makers_parts import planes_in_strips

LIMITS = {"timeout_s": 60, "memory_mb": 2048}
REAL_SLIDES = [
    "CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1.svs", "openslide-python_small.svs",
    "openslide-python_boxes.tiff", "pathml_small_HE_levels.tiff", "pathml_smalltif.tif",
    "large_image_yb10kx5k.zstd.tiff", "large_image_grey10kx5k.tif",
]  # fmt: skip


@pytest.mark.parametrize("make", [makers.svs, plain.jpeg, plain.png, plain.ndpi])
def test_a_copy_is_all_there_is_in_the_folder_and_the_slide_is_untouched(make, tmp_path):
    path, folder = make(tmp_path), fresh(tmp_path)
    before = hashlib.sha256(path.read_bytes()).digest()
    made = deidentify([path], folder, **LIMITS)
    assert [folder / name for name in made.files] == list(folder.iterdir())
    assert made.verified and made.unknown == () and planted_in([folder / made.files[0]]) == []
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_the_name_of_a_copy_says_nothing_of_the_slides_name(tmp_path):
    made = deidentify([makers.svs(tmp_path)], fresh(tmp_path), **LIMITS)
    assert made.files == ("slide.svs",)


def test_a_format_without_a_rewrite_gets_no_copy(tmp_path):
    folder = fresh(tmp_path)
    made = deidentify([plain.scn(tmp_path)], folder, **LIMITS)
    assert (made.files, made.method, made.verified) == ((), "none", False)
    assert list(folder.iterdir()) == []


def test_a_broken_slide_is_refused_in_words_and_leaves_nothing(tmp_path):
    path, folder = makers.svs(tmp_path), fresh(tmp_path)
    cut(path, path.stat().st_size // 3)
    with pytest.raises(SlideRefused) as refusal:
        deidentify([path], folder, **LIMITS)
    assert refusal.value.reason.endswith(".") and not any(value in refusal.value.reason for value in PLANTED)
    assert list(folder.iterdir()) == []


def test_a_child_that_dies_is_a_refusal_and_leaves_nothing(tmp_path):
    folder = fresh(tmp_path)
    with pytest.raises(SlideRefused) as refusal:
        deidentify([makers.svs(tmp_path)], folder, timeout_s=60, memory_mb=64)
    assert refusal.value.kind == "limits"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_child_that_the_machine_ends_is_no_refusal_and_leaves_nothing(tmp_path, monkeypatch, number):
    started = one_task.subprocess.Popen

    def started_and_hit(*arguments, **options):
        child = started(*arguments, **options)
        child.send_signal(number)
        return child

    path, folder = makers.svs(tmp_path), fresh(tmp_path)
    with monkeypatch.context() as short, pytest.raises(CutShort):
        short.setattr(one_task.subprocess, "Popen", started_and_hit)
        short.setattr(api, "START_S", 1)
        deidentify([path], folder, timeout_s=1, memory_mb=2048)
    assert list(folder.iterdir()) == []
    assert deidentify([path], folder, **LIMITS).verified


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        deidentify([plain.png(tmp_path)], tmp_path, **LIMITS)


def test_a_value_is_found_in_every_coding_and_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("slides.wsi.deid.byte_search.BLOCK_BYTES", 64)
    path = tmp_path / "bytes"
    coded = ["Zoë Meier".encode(), "Jürgen".encode("latin-1"), "Kowalski".encode("utf-16-le")]
    for shift in range(70):
        path.write_bytes(bytes(shift) + bytes(30).join(coded) + bytes(shift))
        found = find_in_bytes([path], ["Zoë Meier", "Jürgen", "Kowalski", "Nobody", "abc"])
        assert set(found) == {"Zoë Meier", "Jürgen", "Kowalski"}


def test_a_copy_with_other_pixels_is_not_the_same(tmp_path):
    path = plain.tiff_zstd(tmp_path)
    other = plain.write_pages(tmp_path / "other.tif", plain.halves(plain.picture()[:, ::-1].copy()), compression="zstd")
    assert same_pixels([path], [path], seed=1)
    assert not same_pixels([path], [other], seed=1)


@pytest.mark.needs_data
@pytest.mark.parametrize("name", REAL_SLIDES)
def test_real_slides_get_a_verified_copy_with_nothing_unknown(name, data_dir, tmp_path):
    path = data_dir / "slides" / name
    made = deidentify([path], tmp_path, timeout_s=100, memory_mb=2048)
    assert made.verified and made.unknown == ()
    with open_slide(path) as before, open_slide(tmp_path / made.files[0]) as after:
        assert after.info == before.info


@pytest.mark.needs_data
def test_broken_slides_are_refused_one_by_one(data_dir, tmp_path):
    for path in sorted((data_dir / "slides").glob("broken_*")):
        with pytest.raises(SlideRefused):
            deidentify([path], tmp_path, **LIMITS)
        assert list(tmp_path.iterdir()) == []


def test_a_copy_says_what_it_failed(tmp_path):
    """Other pixels: ImageJ keeps planes in a text that goes. A value that is left: the pixels spell it."""
    name = b"SURNAMEFORENAME"
    spelled = coded(
        tmp_path / "a.dcm",
        lambda rgb: name + rgb.tobytes()[len(name) :],
        ExplicitVRLittleEndian,
        PatientName=name.decode(),
    )
    for number, (path, failed) in enumerate([(planes_in_strips(tmp_path), PIXELS), (spelled, VALUES)]):
        (tmp_path / str(number)).mkdir()
        made = make_copy([path], tmp_path / str(number))
        assert (made.verified, made.failed) == (False, failed)
