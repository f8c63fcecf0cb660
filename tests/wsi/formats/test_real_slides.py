"""What each file of the data folder does."""

import numpy as np
import openslide
import pytest

from slides.wsi.check import check_slide
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide

pytestmark = pytest.mark.needs_data

READ = {  # name: format, width, height, µm per pixel, objective, levels
    "CMU-1-Small-Region.svs": ("Aperio SVS", 2220, 2967, 0.499, 20.0, 1),
    "TCGA-CR-7395-01A-01-TS1.svs": ("Aperio SVS", 4443, 3567, None, None, 2),
    "gcp_multi_frame_jpeg_camelyon.dcm": ("DICOM", 1152, 700, None, None, 1),
    "highdicom_sm_image.dcm": ("DICOM", 50, 50, 0.499, None, 1),
    "large_image_grey10kx5k.tif": ("TIFF", 10_000, 5000, None, None, 6),
    "large_image_yb10kx5k.zstd.tiff": ("Tiled TIFF", 10_000, 5000, None, None, 5),
    "openslide-python_boxes.tiff": ("Tiled TIFF", 300, 250, None, None, 4),
    "openslide-python_boxes_0.dcm": ("DICOM", 16, 16, 0.499, 20.0, 1),
    "openslide-python_small.svs": ("Aperio SVS", 16, 16, 0.499, 20.0, 1),
    "pathml_small_HE_levels.tiff": ("Tiled TIFF", 300, 250, None, None, 4),
    "pathml_smalltif.tif": ("TIFF", 640, 480, None, None, 2),
    "wsi2dcm_jpeg.dcm": ("DICOM", 957, 715, 16.783, None, 1),
}
REFUSED = {
    "broken_1.svs": ("format", "a text file"),
    "broken_2.tiff": ("size", "too small: 1 by 1 px"),
    "broken_3.svs": ("broken", "damaged"),
    "openslide-python_boxes_1.dcm": ("parts", "the slide itself is missing"),
}
BY_TIFFFILE = ["CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1.svs", "openslide-python_boxes.tiff"]


@pytest.mark.parametrize("name", READ)
def test_a_real_slide_passes_its_check(data_dir, name):
    path = data_dir / "slides" / name
    info = check_slide([path], path.suffix)
    format, width, height, mpp, objective, levels = READ[name]
    assert (info.format, info.width, info.height, info.objective) == (format, width, height, objective)
    assert (info.mpp_x, info.mpp_y) == ((None, None) if mpp is None else (pytest.approx(mpp),) * 2)
    assert len(info.levels) == levels
    assert any("pixel size" in hint for hint in info.hints) == (mpp is None)
    assert any("colour profile" in hint for hint in info.hints) == (info.icc == "noted")
    assert any("16 bits" in hint for hint in info.hints) == (name == "pathml_smalltif.tif")


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_is_refused_in_words(data_dir, name):
    path = data_dir / "slides" / name
    kind, words = REFUSED[name]
    with pytest.raises(SlideRefused, match=words) as refused:
        check_slide([path], path.suffix)
    assert refused.value.kind == kind


def test_every_file_of_the_folder_is_accounted_for(data_dir):
    assert {path.name for path in (data_dir / "slides").iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", BY_TIFFFILE)
def test_tifffile_gives_the_pixels_that_openslide_gives(data_dir, name):
    path = data_dir / "slides" / name
    with openslide.OpenSlide(path) as slide, open_slide(path) as reader:
        assert type(reader._source).__name__ == "TiffSource"
        assert reader.info.width, reader.info.height == slide.dimensions
        for x, y in ((0, 0), (slide.dimensions[0] // 2, slide.dimensions[1] // 2)):
            theirs = np.asarray(slide.read_region((x, y), 0, (120, 110)).convert("RGB"))
            assert (reader.read(x, y, 120, 110, 1) == theirs).all()
