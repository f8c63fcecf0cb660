"""What every reader keeps to, whatever the format: run on the real slides and on files made here."""

import json

import cv2
import numpy as np
import pytest

from slides.wsi.check import check_slide
from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.reader import open_slide
from tests.wsi import makers, makers_parts
from tests.wsi.conftest import KINDS
from tests.wsi.formats.test_real_slides import READ, REFUSED

NEAR = 6.0  # grey values in the mean: makers shrink and code in ways of their own
LOOK_PX = 2048  # of level 0 are compared with what the other levels show
MADE = [
    *(getattr(makers, name) for name in KINDS),
    makers.tiff_gap, makers_parts.lzw, makers_parts.jpeg2000, makers_parts.aperio_jpeg2000,
    makers_parts.sixteen_bits, makers_parts.sixteen_bits_grey, makers_parts.ome_sub_levels, makers_parts.ome_scenes,
    makers_parts.ome_planes, makers_parts.planes_in_strips, makers_parts.ndpi_planes, makers_parts.dicom_planes,
    makers_parts.mirax,
]  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(name, marks=pytest.mark.needs_data) for name in READ),
        *(pytest.param(make, id=make.__name__) for make in MADE),
    ],
)
def slide(request, tmp_path_factory):
    """Each real slide and each made one in turn."""
    if isinstance(request.param, str):
        return request.getfixturevalue("data_dir") / "slides" / request.param
    return request.param(tmp_path_factory.mktemp(request.param.__name__))


@pytest.fixture
def reader(slide):
    with open_slide(slide) as opened:
        yield opened


def apart(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


def test_the_slide_passes_its_check(slide, reader):
    assert check_slide([slide], None) == reader.info


def test_levels_begin_with_the_whole_and_grow_coarser(reader):
    info, first = reader.info, reader.info.levels[0]
    assert (first.width, first.height, first.downsample) == (info.width, info.height, 1.0)
    downsamples = [level.downsample for level in info.levels]
    assert downsamples == sorted(set(downsamples))
    assert all(level.width > 0 and level.height > 0 for level in info.levels)


def test_reads_shifted_by_whole_pixels_agree(reader):
    side = min(96, reader.info.width // 2, reader.info.height // 2)
    for downsample in (1, 2, 2.5):
        one = reader.read(0, 0, side, side, downsample)
        right = reader.read(3 * downsample, 0, side, side, downsample)
        below = reader.read(0, 5 * downsample, side, side, downsample)
        assert apart(one[:, 3:], right[:, :-3]) <= 1
        assert apart(one[5:], below[:-5]) <= 1


def test_outside_of_the_slide_is_white(reader):
    info = reader.info
    assert (reader.read(info.width + 5, 0, 8, 8, 1) == 255).all()
    assert (reader.read(-50, -50, 20, 20, 1) == 255).all()
    corner = reader.read(info.width - 4, info.height - 4, 8, 8, 1)
    assert (corner[4:] == 255).all()
    assert (corner[:, 4:] == 255).all()
    assert apart(corner[:4, :4], reader.read(info.width - 4, info.height - 4, 4, 4, 1)) == 0


def test_every_level_shows_what_level_0_shows(reader):
    info = reader.info
    for downsample in sorted({4.0, *(level.downsample for level in info.levels[1:])}):
        width, height = (int(min(LOOK_PX, side) / downsample) for side in (info.width, info.height))
        if min(width, height) < 1:
            continue
        fine = reader.read(0, 0, round(width * downsample), round(height * downsample), 1)
        shrunk = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
        coarse = reader.read(0, 0, width, height, downsample)
        assert np.abs(shrunk.astype(float) - coarse).mean() < NEAR, downsample


def test_the_overview_keeps_the_shape(reader):
    overview = reader.thumbnail(64)
    assert overview.dtype == np.uint8
    longer = max(reader.info.width, reader.info.height)
    scale = min(1, 64 / longer)
    assert overview.shape == (*(max(1, round(side * scale)) for side in (reader.info.height, reader.info.width)), 3)


def test_the_pixel_size_is_known_or_said_to_be_unknown(reader):
    info = reader.info
    assert (info.mpp_x is None) == (info.mpp_y is None)
    assert (info.mpp_x is None) == any("pixel size" in hint for hint in info.hints)
    assert info.mpp_x is None or 0.02 <= info.mpp_x <= 20


def test_a_colour_profile_is_said_to_be_there_and_not_applied(reader):
    info = reader.info
    assert info.icc in ("", "noted")
    assert (info.icc == "noted") == any("colour profile" in hint for hint in info.hints)


def test_a_scene_that_the_file_does_not_have_is_refused(slide, reader):
    for scene in (-1, max(1, len(reader.info.scenes))):
        with pytest.raises(SlideRefused, match="there is no number"):
            open_slide(slide, scene=scene)


def test_what_is_told_survives_json_and_names_no_file(reader, slide):
    told = json.dumps(reader.info.as_json())
    assert SlideInfo.from_json(json.loads(told)) == reader.info
    assert slide.name not in told
    assert str(slide.parent) not in told


def test_closing_twice_does_nothing(slide):
    opened = open_slide(slide)
    opened.close()
    opened.close()


@pytest.mark.needs_data
@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("broken")])
def test_a_broken_real_file_is_refused_in_words_without_its_name(data_dir, name):
    with pytest.raises(SlideRefused) as refused:
        check_slide([data_dir / "slides" / name], None)
    assert name not in refused.value.reason
    assert str(data_dir) not in refused.value.reason
