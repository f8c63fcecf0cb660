"""Transparent pixels are white in every format, whatever their colours, and however alpha is stored."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from slides.wsi.formats.over_white import over_white
from slides.wsi.reader import open_slide
from tests.wsi import makers

COLOUR = np.array([200, 60, 120])
ALPHA = np.repeat(np.array([0, 0, 51, 204, 255, 255], np.uint8), 32)  # over columns of a picture 192 px wide
SIZE = (160, len(ALPHA))


def shown(colour=COLOUR):
    """(160, 192, 3): what is to be seen, worked out in fractions."""
    share = ALPHA[None, :, None] / 255
    return np.broadcast_to(np.asarray(colour) * share + 255 * (1 - share), (*SIZE, 3))


def stored(kind, bits=8, count=3, white_is_zero=False):
    """Samples (160, 192, count + 1): black where nothing is there, in 16 bits of which `bits` are in use."""
    colours = np.broadcast_to(COLOUR[:count], (*SIZE, count)).astype(float)
    if white_is_zero:
        colours = 255 - colours
    if kind == "ASSOCALPHA" or kind == "UNSPECIFIED":
        colours = colours * (ALPHA[None, :, None] / 255)
    colours[:, ALPHA == 0] = 0
    samples = np.concatenate([colours, np.broadcast_to(ALPHA[None, :, None], (*SIZE, 1))], axis=2)
    if bits == 8:
        return np.rint(samples).astype(np.uint8)
    deep = np.rint(samples * (1 << (bits - 8))).astype(np.uint16)
    deep[..., -1] = np.rint(samples[..., -1] / 255 * 65535)
    deep[:4, -64:-60, :count] = (1 << bits) - 1  # so that all of them are in use
    return deep


def difference(path, expected):
    with open_slide(path) as reader:
        pixels = reader.read(0, 0, SIZE[1], SIZE[0], 1).astype(float)
        assert reader.thumbnail(48)[20:, :10].min() == 255
    return np.abs(pixels - expected)[8:].max()


@pytest.mark.parametrize("tile", [(64, 64), None], ids=["tiles", "strips"])
@pytest.mark.parametrize("kind", ["UNASSALPHA", "ASSOCALPHA", "UNSPECIFIED"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("bits", [8, 12])
def test_of_a_tiff_nothing_is_there_where_it_is_transparent(tile, kind, planar, bits, tmp_path):
    path, pixels = tmp_path / "slide.tif", stored(kind, bits)
    if planar == "separate":
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    tifffile.imwrite(
        path, pixels, tile=tile, photometric="rgb", planarconfig=planar, extrasamples=[kind], metadata=None,
        compression="zlib",
    )  # fmt: skip
    assert difference(path, shown()) <= (2 if bits == 8 else 3)


@pytest.mark.parametrize("tile", [(64, 64), None], ids=["tiles", "strips"])
@pytest.mark.parametrize("kind", ["UNASSALPHA", "ASSOCALPHA"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_grey_has_the_same_rule(tile, kind, photometric, tmp_path):
    path = tmp_path / "slide.tif"
    pixels = stored(kind, count=1, white_is_zero=photometric == "miniswhite")
    tifffile.imwrite(
        path, pixels, tile=tile, photometric=photometric, planarconfig="contig", extrasamples=[kind], metadata=None
    )
    assert difference(path, shown((COLOUR[0],) * 3)) <= 2


def test_an_ome_tiff_has_the_same_rule(tmp_path):
    path = tmp_path / "slide.ome.tif"
    tifffile.imwrite(
        path, stored("UNASSALPHA"), tile=(64, 64), photometric="rgb", extrasamples=["UNASSALPHA"],
        metadata={"axes": "YXS"},
    )  # fmt: skip
    assert difference(path, shown()) <= 2


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_png_has_the_same_rule(mode, tmp_path):
    path, count = tmp_path / "slide.png", len(mode) - 1
    Image.fromarray(stored("UNASSALPHA", count=count), mode).save(path)
    assert difference(path, shown(COLOUR if count == 3 else (COLOUR[0],) * 3)) <= 2


def test_a_sample_that_is_zero_throughout_is_no_alpha(tmp_path):
    picture = makers.picture(192, 160)
    pixels = np.concatenate([picture, np.zeros((160, 192, 1), np.uint8)], axis=2)
    for tile in ((64, 64), None):
        tifffile.imwrite(
            tmp_path / "slide.tif", pixels, tile=tile, photometric="rgb", extrasamples=["UNSPECIFIED"], metadata=None
        )
        with open_slide(tmp_path / "slide.tif") as reader:
            assert np.array_equal(reader.read(0, 0, 192, 160, 1), picture)


def test_alpha_is_worked_out_to_the_nearest_value():
    colours, alpha = np.mgrid[:256, :256].astype(np.uint8)
    exact = colours * (alpha / 255) + 255 * (1 - alpha / 255)
    assert np.abs(over_white(colours[..., None], alpha)[..., 0] - exact).max() <= 0.5


@pytest.mark.parametrize(("extra", "expected"), [("infrared", COLOUR), ("beside", [255, 255, 255])])
def test_an_extra_sample_that_nobody_declares_may_be_no_alpha(extra, expected, tmp_path):
    """With alpha in the colours, as it is taken, a slide of which infrared was stored would be white all over."""
    samples = np.full((*SIZE, 4), 255, np.uint8)
    samples[..., :3] = COLOUR
    if extra == "infrared":
        samples[..., 3] = np.linspace(30, 90, SIZE[1])
    else:
        samples[:80, :, 3] = 0
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, samples, tile=(64, 64), photometric="rgb", extrasamples=["UNSPECIFIED"], metadata=None)
    with open_slide(path) as reader:
        assert np.array_equal(reader.read(20, 20, 1, 1, 1)[0, 0], expected)
        assert np.array_equal(reader.read(20, 120, 1, 1, 1)[0, 0], COLOUR)


def test_smaller_levels_without_the_alpha_of_level_0_are_left_aside(tmp_path):
    """They would show the black that is stored where nothing is."""
    samples = np.zeros((512, 512, 4), np.uint8)
    samples[128:384, 128:384] = [*COLOUR, 255]
    with tifffile.TiffWriter(tmp_path / "slide.tif") as tiff:
        common = {"tile": (64, 64), "photometric": "rgb", "metadata": None}
        tiff.write(samples, extrasamples=["UNASSALPHA"], **common)
        tiff.write(np.ascontiguousarray(samples[::4, ::4, :3]), subfiletype=1, **common)
    with open_slide(tmp_path / "slide.tif") as reader:
        assert reader.thumbnail(64)[:8].min() == 255
        assert any("do not say what is transparent" in hint for hint in reader.info.hints)
