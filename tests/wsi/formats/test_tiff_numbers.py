"""Names written as the numbers of a TIFF's tags: the tags that no reader needs go, the others have to be plausible."""

import struct

import numpy as np
import pytest
import tifffile

from slides.wsi.deid.child import rewrite
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.tiff import tag_rules
from tests.wsi import makers
from tests.wsi.deid.makers_parts import PLANTED, fresh, planted_in

NAME = PLANTED[0].encode()
SHORT, LONG, RATIONAL, DOUBLE = 3, 4, 5, 12
BLACK_WHITE = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)


def shorts(count):
    """The name as numbers of two bytes, one a letter, which is how UTF-16 writes it."""
    return tuple(NAME.ljust(count, b"\1")[:count])


def pairs_of_letters(count):
    return struct.unpack(f"<{count}H", NAME.ljust(2 * count, b"\1")[: 2 * count])


def fractions(count):
    return struct.unpack(f"<{2 * count}I", (NAME + b" of somebody").ljust(8 * count, b"\1")[: 8 * count])


def slide(folder, *tags, **options):
    path = folder / "slide.tif"
    options = {"photometric": "rgb", "compression": "deflate"} | options
    pixels = options.pop("pixels", makers.picture())
    tifffile.imwrite(path, pixels, tile=(128, 128), metadata=None, extratags=[(*tag, True) for tag in tags], **options)
    return path


def copied(path, tmp_path):
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    return made, folder / made.files[0]


def tags_of(path):
    with tifffile.TiffFile(path) as file:
        return {tag.code: tag.value for tag in file.pages.first.tags}


@pytest.mark.parametrize(
    "tag",
    [
        (320, SHORT, 768, pairs_of_letters(768)),
        (320, SHORT, 768, shorts(768)),
        (301, SHORT, 768, pairs_of_letters(768)),
        (318, RATIONAL, 2, fractions(2)),
        (319, RATIONAL, 6, fractions(6)),
        (532, RATIONAL, 6, fractions(6)),
        (532, RATIONAL, 6, BLACK_WHITE),
        (529, RATIONAL, 3, fractions(3)),
        (340, DOUBLE, 3, struct.unpack("<3d", (NAME * 2)[:24])),
    ],
)
def test_a_tag_of_numbers_that_an_rgb_picture_has_no_use_for_goes_silently(tag, tmp_path):
    path = slide(tmp_path, tag)
    made, copy = copied(path, tmp_path)
    assert tag[0] in tags_of(path) and tag[0] not in tags_of(copy)
    assert planted_in([copy]) == [] and made.verified and made.unknown == ()
    assert any("metadata field" in words for words in made.removed)


@pytest.mark.parametrize(
    "tag",
    [
        (281, SHORT, 8, pairs_of_letters(8)),
        (281, SHORT, 8, shorts(8)),
        (286, RATIONAL, 1, struct.unpack("<2I", b"Meier, E")),
        (287, DOUBLE, 1, struct.unpack("<d", b"Meier, E")[0]),
        (263, LONG, 1, int.from_bytes(b"Meie", "little")),
        (32995, LONG, 1, int.from_bytes(b"Meie", "little")),
        (50674, LONG, 2, struct.unpack("<2I", b"Meier, E")),
    ],
)
def test_a_tag_whose_numbers_are_letters_goes_and_is_named(tag, tmp_path):
    path = slide(tmp_path, tag)
    made, copy = copied(path, tmp_path)
    assert tag[0] not in tags_of(copy)
    assert made.unknown == (f"TIFF tag {tag[0]}",)


def ycbcr(folder, *tags):
    return slide(folder, *tags, photometric="ycbcr", compression="jpeg", subsampling=(1, 1))


def test_black_and_white_of_ycbcr_stay_where_they_are_such(tmp_path):
    path = ycbcr(tmp_path, (532, RATIONAL, 6, BLACK_WHITE), (529, RATIONAL, 3, (299, 1000, 587, 1000, 114, 1000)))
    made, copy = copied(path, tmp_path)
    assert tags_of(copy)[532] == BLACK_WHITE and 529 in tags_of(copy)
    assert made.verified and made.unknown == ()


@pytest.mark.parametrize("tag", [(532, RATIONAL, 6, fractions(6)), (529, RATIONAL, 3, fractions(3))])
def test_black_and_white_of_ycbcr_that_are_letters_go_and_are_named(tag, tmp_path):
    made, copy = copied(ycbcr(tmp_path, tag), tmp_path)
    assert tag[0] not in tags_of(copy) and planted_in([copy]) == []
    assert made.unknown == (f"TIFF tag {tag[0]}",)


def test_a_picture_with_a_map_of_colours_gets_no_copy(tmp_path):
    colours = np.stack([np.arange(256)] * 3).astype(np.uint16)
    path = slide(tmp_path, pixels=makers.picture()[..., 0], photometric="palette", colormap=colours)
    with pytest.raises(SlideRefused):
        copied(path, tmp_path)


@pytest.mark.parametrize("kind", ["letters", "beyond the strip"])
def test_starts_in_a_hamamatsu_strip_that_are_none_go_and_are_named(kind, tmp_path):
    starts = struct.unpack("<4I", NAME[:16]) if kind == "letters" else (600, 700, 800, 1 << 27)
    made, copy = copied(_hamamatsu(tmp_path, starts), tmp_path)
    assert tag_rules.NDPI_MCU_STARTS not in tags_of(copy)
    assert made.unknown == ("TIFF tag 65426",)


def test_starts_in_a_hamamatsu_strip_stay(tmp_path):
    made, copy = copied(_hamamatsu(tmp_path, (600, 700, 800, 900)), tmp_path)
    assert tuple(tags_of(copy)[tag_rules.NDPI_MCU_STARTS]) == (600, 700, 800, 900)
    assert made.verified and made.unknown == ()


def _hamamatsu(folder, starts):
    """Of the first directory the number of rows in a strip makes place for the starts, which lie behind the end."""
    path = makers.ndpi(folder)
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<HH", 278, LONG))
    data[at : at + 12] = struct.pack("<HHII", tag_rules.NDPI_MCU_STARTS, LONG, len(starts), len(data))
    path.write_bytes(bytes(data) + struct.pack(f"<{len(starts)}I", *starts))
    return path
