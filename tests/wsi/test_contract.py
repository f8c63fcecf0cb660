"""What every reader keeps to, whatever the format: run on the real slides and on files made here."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.reader import open_slide
from tests.wsi import makers, makers_parts
from tests.wsi.test_real_slides import READ

NEAR = 6.0  # grey values in the mean: makers shrink and code in ways of their own


def grey(folder):
    path = folder / "one-colour.tif"
    tifffile.imwrite(path, makers.picture()[..., 0], tile=(128, 128), photometric="minisblack")
    return path


def lzw(folder):
    return makers.write_pages(folder / "lzw.tif", makers.halves(makers.picture()), compression="lzw")


def zstd(folder):
    return makers.write_pages(folder / "zstd.tif", makers.halves(makers.picture()), compression="zstd")


def photo(folder):
    path = folder / "photo.jpg"
    Image.fromarray(makers.picture()).save(path, quality=95, dpi=(101600, 101600))
    return path


MADE = [
    makers.svs, lzw, zstd, grey, photo,
    makers_parts.sixteen_bits, makers_parts.ome_sub_levels, makers_parts.ome_scenes, makers_parts.ome_planes,
    makers_parts.mirax, makers_parts.jpeg2000,
]  # fmt: skip


@pytest.fixture(params=[*READ, *MADE], ids=lambda made: made if isinstance(made, str) else made.__name__)
def slide(request, tmp_path):
    if isinstance(request.param, str):
        data = request.getfixturevalue("data_dir") / "slides"
        if not data.is_dir():
            pytest.skip("the real data is not here; name its folder in MITOWEB_DATA")
        return data / request.param
    return request.param(tmp_path)


@pytest.fixture
def reader(slide):
    with open_slide(slide) as opened:
        yield opened


def test_levels_begin_with_the_whole_and_grow_coarser(reader):
    info, first = reader.info, reader.info.levels[0]
    assert (first.width, first.height, first.downsample) == (info.width, info.height, 1.0)
    downsamples = [level.downsample for level in info.levels]
    assert downsamples == sorted(set(downsamples))
    assert all(level.width > 0 and level.height > 0 for level in info.levels)


def test_reads_shifted_by_whole_pixels_agree(reader):
    side = min(96, reader.info.width // 2, reader.info.height // 2)
    for downsample in (1, 2.5):
        step = max(1, round(3 * downsample))
        one = reader.read(0, 0, side, side, downsample)
        other = reader.read(step if downsample == 1 else 3 * downsample, 0, side, side, downsample)
        assert np.abs(one[:, 3:].astype(int) - other[:, :-3]).max() <= 1


def test_outside_of_the_slide_is_white(reader):
    assert (reader.read(reader.info.width + 5, 0, 8, 8, 1) == 255).all()
    assert (reader.read(-50, -50, 20, 20, 1) == 255).all()


def test_coarse_reads_show_what_fine_ones_show(reader):
    width, height = reader.info.width, reader.info.height
    # As level 0 shows it, shrunk, where level 0 is small enough to be read as a whole.
    if width * height > 2_000_000:
        width = height = 1024
    fine = reader.read(0, 0, width // 4 * 4, height // 4 * 4, 1)
    shrunk = cv2.resize(fine, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    coarse = reader.read(0, 0, width // 4, height // 4, 4)
    assert np.abs(shrunk.astype(float) - coarse).mean() < NEAR


def test_the_overview_keeps_the_shape(reader):
    overview = reader.thumbnail(64)
    assert overview.dtype == np.uint8
    assert max(overview.shape[:2]) <= max(64, 1)
    wanted = reader.info.width / reader.info.height
    assert abs(overview.shape[1] / overview.shape[0] / wanted - 1) < 0.2


def test_the_pixel_size_is_known_or_said_to_be_unknown(reader):
    info = reader.info
    assert (info.mpp_x is None) == (info.mpp_y is None)
    assert info.mpp_x is not None or any("pixel size" in hint for hint in info.hints)


def test_what_is_told_survives_json_and_names_no_file(reader, slide):
    told = json.dumps(reader.info.as_json())
    assert SlideInfo.from_json(json.loads(told)) == reader.info
    assert slide.stem not in told
    assert str(slide.parent) not in told


def test_closing_twice_does_nothing(slide):
    opened = open_slide(slide)
    opened.close()
    opened.close()


def test_a_scene_is_picked_and_the_others_are_named(tmp_path):
    path = makers_parts.ome_scenes(tmp_path)
    with open_slide(path) as first, open_slide(path, scene=1) as second:
        assert first.info.scenes == second.info.scenes == ((600, 400), (300, 200))
        assert (first.info.width, second.info.width) == (600, 300)
        assert first.info.mpp_x == pytest.approx(0.25)
        assert second.info.mpp_x == pytest.approx(0.5)
    with pytest.raises(SlideRefused, match="no number 3"):
        open_slide(path, scene=2)


def test_of_focus_planes_the_middle_one_is_shown_and_said_to_be(tmp_path):
    with open_slide(makers_parts.ome_planes(tmp_path)) as reader:
        assert "Of 5 focus planes the middle one is shown." in reader.info.hints
        assert int(reader.read(10, 10, 1, 1, 1)[0, 0, 0]) == makers_parts.GREY_OF_PLANE[2]


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_of_sixteen_bits_those_in_use_are_shown(tmp_path, bits):
    with open_slide(makers_parts.sixteen_bits(tmp_path, bits)) as reader:
        assert any(f"of which {bits} are in use" in hint for hint in reader.info.hints)
        seen = reader.read(0, 0, 200, 100, 1)
        assert np.abs(seen.astype(int) - makers.picture()[:100, :200]).max() <= 1


def test_a_mirax_slide_without_its_folder_says_what_is_missing(tmp_path):
    path = makers_parts.mirax(tmp_path)
    path.with_suffix("").rename(tmp_path / "elsewhere")
    with pytest.raises(SlideRefused, match="needs the folder"):
        open_slide(path)


@pytest.mark.parametrize(
    ("maker", "model", "told"),
    [
        ("Hamamatsu", "NanoZoomer S360", "Hamamatsu NanoZoomer S360"),
        ("aperio", "", "Aperio"),
        ("Leica Biosystems", "GT450 DX", "Leica GT450 DX"),
        ("Leica Biosystems", "SS12345678", "Leica"),
        ("Dr. J. Doe", "AT2", ""),
    ],
)
def test_of_the_scanner_maker_and_model_are_told_and_no_serial_number(maker, model, told):
    from slides.wsi.metadata import known_scanner

    assert known_scanner(maker, model) == told
