"""Real slides through every step of the check: hash, archive, probe, working copy, levels, index, overview."""

import uuid
import zipfile

import pytest

from slides import files
from slides.models import Slide
from slides.services import uploads
from slides.tiles import pictures
from slides.wsi.native import NativeIndex
from slides.wsi.reader import open_slide

pytestmark = [pytest.mark.django_db, pytest.mark.needs_data]
REAL = {
    "CMU": ("slides/CMU-1-Small-Region.svs",),
    "TCGA": ("slides/TCGA-CR-7395-01A-01-TS1.svs",),
    "DICOM of JPEG": ("slides/wsi2dcm_jpeg.dcm",),
    "DICOM series": ("slides/openslide-python_boxes_0.dcm", "slides/openslide-python_boxes_1.dcm"),
    "single image": ("slides/pathml_smalltif.tif",),
}


@pytest.fixture
def bring(cast, run_jobs):
    def take(paths) -> Slide:
        bundle = uuid.uuid4() if len(paths) > 1 else None
        for path in paths:
            size = path.stat().st_size
            wanted = uploads.UploadRequest(path.name, size, label="A1", bundle=bundle, bundle_files=len(paths))
            with path.open("rb") as file:
                uploads.receive_piece(uploads.create_upload(cast.tech, cast.case, wanted), 0, file, size)
        run_jobs("ingest")
        return Slide.objects.get()

    return take


def assert_shown(slide: Slide, sent) -> None:
    """Ready, with a verified copy of the same pixels, every level tile by tile, and the original sealed."""
    assert slide.state == "ready", slide.reason
    assert slide.privacy["verified"] and not slide.privacy["unknown"]
    sealed = [files.sealed_folder(slide) / name for name in slide.sealed_files]
    assert sorted(path.read_bytes() for path in sealed) == sorted(path.read_bytes() for path in sent)
    assert slide.tile_overlap == 0
    zoom = pictures.get_geometry(slide)
    for level in range(len(zoom.levels)):
        assert pictures.get_tile(slide, level, 0, 0).body[:2] == b"\xff\xd8"
    assert pictures.get_thumbnail(slide).body[:2] == b"\xff\xd8"


def assert_same_pixels(slide: Slide, sent) -> None:
    with open_slide(sent) as before, open_slide(files.slide_paths(slide)) as after:
        assert (after.info.width, after.info.height) == (before.info.width, before.info.height)
        assert (after.info.mpp_x, after.info.scanner) == (before.info.mpp_x, before.info.scanner)
        for x, y in ((0, 0), (before.info.width // 2, before.info.height // 2)):
            assert (after.read(x, y, 200, 200, 1.0) == before.read(x, y, 200, 200, 1.0)).all()


@pytest.mark.parametrize("name", REAL)
def test_a_real_slide_goes_all_the_way(bring, data_dir, name):
    sent = [data_dir / place for place in REAL[name]]
    slide = bring(sent)
    assert_shown(slide, sent)
    assert_same_pixels(slide, sent)


def test_most_tiles_of_a_real_slide_are_sent_as_they_are_stored(bring, data_dir):
    slide = bring([data_dir / REAL["CMU"][0]])
    every = files.slide_paths(slide) + ([files.levels_path(slide)] if slide.has_made_levels else [])
    index = NativeIndex(files.native_path(slide), every)
    top = len(pictures.get_geometry(slide).levels) - 1
    assert {top, top - 1, top - 2} <= set(index.levels)
    assert pictures.get_native_tile(slide, top, 0, 0) is not None


def test_a_mirax_set_in_an_archive_goes_all_the_way(bring, tmp_path):
    from tests.wsi import makers_parts

    makers_parts.mirax(tmp_path)
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in [tmp_path / "slide.mrxs", *(tmp_path / "slide").iterdir()]:
            archive.write(part, part.relative_to(tmp_path))
    slide = bring([path])
    assert_shown(slide, [path])
    assert slide.format == "MIRAX"
