"""The contract of SlideReader, on every format."""

import json

import numpy as np
import pytest
from PIL import Image

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.reader import open_slide
from tests.wsi import makers


@pytest.fixture
def reader(sample):
    with open_slide(sample.path) as reader:
        yield reader


def differ(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b).max())


def test_info_says_what_the_file_is(reader, sample):
    info = reader.info
    height, width = sample.expected.shape[:2]
    assert (info.format, info.width, info.height) == (sample.format, width, height)
    assert (info.mpp_x, info.mpp_y) == (pytest.approx(sample.mpp, rel=1e-3),) * 2 if sample.mpp else (None, None)
    assert info.objective == sample.objective
    assert info.levels[0].downsample == 1
    downsamples = [level.downsample for level in info.levels]
    assert downsamples == sorted(downsamples)


def test_info_survives_json(reader):
    assert SlideInfo.from_json(json.loads(json.dumps(reader.info.as_json()))) == reader.info


def test_the_library_meant_for_the_format_reads_it(reader, sample):
    assert type(reader._source).__name__ == sample.source


def test_level_0_pixels_are_where_they_were_drawn(reader, sample):
    assert differ(reader.read(100, 50, 300, 200, 1), sample.expected[50:250, 100:400]) <= sample.tolerance


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_averages_the_area(reader, sample, factor):
    part = sample.expected[40 : 40 + 64 * factor, 80 : 80 + 96 * factor].astype(float)
    mean = part.reshape(64, factor, 96, factor, 3).mean(axis=(1, 3))
    assert differ(reader.read(80, 40, 96, 64, factor), np.rint(mean).astype(int)) <= sample.tolerance + 2


def test_enlarging_interpolates(reader, sample):
    pixels = reader.read(10, 10, 80, 60, 0.5)
    assert differ(pixels[::2, ::2], sample.expected[10:40, 10:50]) <= sample.tolerance + 3


def test_outside_the_slide_is_white(reader, sample):
    height, width = sample.expected.shape[:2]
    pixels = reader.read(-20, -10, width + 40, height + 20, 1)
    frame = np.ones(pixels.shape[:2], bool)
    frame[10 : 10 + height, 20 : 20 + width] = False
    assert (pixels[frame] == 255).all()
    assert differ(pixels[10 : 10 + height, 20 : 20 + width], sample.expected) <= sample.tolerance
    assert (reader.read(width + 1000, 0, 16, 16, 1) == 255).all()
    assert (reader.read(0, -1e7, 16, 16, 64) == 255).all()


@pytest.mark.parametrize("downsample", [0.7, 1, 1.1, 2, 3.3, 4])
def test_shifted_reads_agree(reader, downsample):
    """OpenSlide may place a coarse level half a level-0 pixel off; all else is exact."""
    whole = reader.read(37.5, 21.25, 90, 60, downsample)
    moved = reader.read(37.5 + 13 * downsample, 21.25 + 7 * downsample, 60, 40, downsample)
    allowed = 1 if type(reader._source).__name__ == "OpenSlideSource" else 0
    assert differ(whole[7:47, 13:73], moved) <= allowed


def test_the_right_and_bottom_edge_are_not_mixed_with_white(reader, sample):
    height, width = sample.expected.shape[:2]
    pixels = reader.read(width - 8, height - 8, 4, 4, 2)
    mean = sample.expected[-8:, -8:].astype(float).mean(axis=(0, 1))
    assert np.abs(pixels.mean(axis=(0, 1)) - mean).max() <= sample.tolerance + 2


def test_a_thumbnail_keeps_the_proportions(reader, sample):
    height, width = sample.expected.shape[:2]
    pixels = reader.thumbnail(150)
    assert pixels.shape == (round(150 * height / width), 150, 3)
    assert np.abs(pixels.mean(axis=(0, 1)) - sample.expected.mean(axis=(0, 1))).max() <= 2
    assert reader.thumbnail(5000).shape == sample.expected.shape


def test_pixels_are_writable_bytes_of_their_own(reader):
    first = reader.read(0, 0, 32, 32, 1)
    first[:] = 0
    assert first.dtype == np.uint8
    assert reader.read(0, 0, 32, 32, 1).any()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((0, 0, 0, 10, 1), "0 x 10"),
        ((0, 0, 10_000, 10_000, 1), "10000 x 10000"),
        ((0, 0, 10, 10, 0), "downsample"),
        ((0, 0, 10, 10, float("nan")), "downsample"),
        ((float("inf"), 0, 10, 10, 1), "finite"),
    ],
)
def test_sizes_out_of_range_are_an_error_of_the_caller(svs_path, arguments, told):
    with open_slide(svs_path) as reader, pytest.raises(ValueError, match=told):
        reader.read(*arguments)


def test_large_reads_come_in_bands_without_a_seam(svs_path, monkeypatch):
    with open_slide(svs_path) as reader:
        whole = reader.read(3.3, 1.7, 200, 150, 2.3)
        monkeypatch.setattr("slides.wsi.reader.BAND_PX", 5000)
        assert differ(reader.read(3.3, 1.7, 200, 150, 2.3), whole) == 0


def test_closing_twice_does_nothing(sample):
    reader = open_slide(sample.path)
    reader.close()
    reader.close()


def test_a_gap_in_a_tiff_is_white(tmp_path):
    path = makers.tiff_gap(tmp_path)
    with open_slide(path) as reader:
        assert (reader.read(0, 0, makers.TILE, makers.TILE, 1) == 255).all()
        assert (
            differ(reader.read(makers.TILE, 0, 64, 64, 1), makers.picture()[:64, makers.TILE : makers.TILE + 64]) == 0
        )


@pytest.mark.parametrize(
    "name", ["a\"b';--.svs", "\u202egpj.svs", "..\u2215..\u2215etc.svs", "x" * 240 + ".svs", "ä b\n.svs"]
)
def test_odd_names_do_not_matter(svs_path, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(svs_path.read_bytes())
    with open_slide(path) as reader:
        assert reader.info.width == makers.WIDTH


def test_a_stored_name_without_extension_is_judged_by_its_content(svs_path, tmp_path):
    path = tmp_path / "5f0c"
    path.write_bytes(svs_path.read_bytes())
    with open_slide(path) as reader:
        assert reader.info.format == "Aperio SVS"


def test_dicom_instances_may_come_as_a_list(tmp_path):
    folder = makers.dicom(tmp_path)
    with open_slide(sorted(folder.iterdir())) as reader:
        assert len(reader.info.levels) == 2


def test_dicom_of_two_slides_is_refused(tmp_path):
    makers.dicom(tmp_path)
    (tmp_path / "level1.dcm").rename(tmp_path / "other.dcm")
    makers.dicom(tmp_path, levels=1)
    with pytest.raises(SlideRefused, match="different slides"):
        open_slide(tmp_path)


def test_several_files_that_are_no_dicom_are_refused(svs_path, tmp_path):
    png = makers.png(svs_path.parent)
    with pytest.raises(SlideRefused, match="all are DICOM"):
        open_slide([svs_path, png])


def test_transparent_pixels_are_white(tmp_path):
    pixels = np.zeros((40, 50, 4), np.uint8)
    pixels[:, :25, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with open_slide(tmp_path / "a.png") as reader:
        read = reader.read(0, 0, 50, 40, 1)
    assert (read[:, :25] == 0).all()
    assert (read[:, 25:] == 255).all()
