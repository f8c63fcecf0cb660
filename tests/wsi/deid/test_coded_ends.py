"""Bytes that a tile's decoder never looks at: they are in no picture and must not be in a copy."""

import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

from slides.wsi.deid.coded_ends import code_alone
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers
from tests.wsi.deid.makers_parts import PLANTED, fresh, planted_in, png_chunk

NAME = PLANTED[0].encode()
LZW, DEFLATE, ZSTD, PACKBITS = 5, 8, 50000, 32773
SKIPPABLE = struct.pack("<II", 0x184D2A50, len(NAME)) + NAME
PACKAGES = {"deflate": DEFLATE, "lzw": LZW, "packbits": PACKBITS, "zstd": ZSTD}


def behind(code):
    return code + NAME


def among_png_chunks(code):
    return code[:33] + png_chunk(b"tEXt", b"Comment\0" + NAME) + code[33:]


def before_the_frame(code):
    return SKIPPABLE + code


def with_first_tile(path, change):
    """The slide with another code for its first tile, which lies at the end of the file."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        offsets, lengths = list(page.dataoffsets), list(page.databytecounts)
    data = path.read_bytes()
    data += bytes(len(data) % 2)
    code = change(data[offsets[0] : offsets[0] + lengths[0]])
    path.write_bytes(data + code)
    offsets[0], lengths[0] = len(data), len(code)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["TileOffsets"].overwrite(tuple(offsets))
        tiff.pages.first.tags["TileByteCounts"].overwrite(tuple(lengths))
    return path


def copied(path, tmp_path):
    folder = fresh(tmp_path)
    made = make_copy([path], folder)
    return made, folder / made.files[0]


@pytest.mark.parametrize("compression", ["deflate", "lzw", "packbits", "webp", "png", "jpeg2000", "jpeg", None])
def test_bytes_behind_the_code_of_a_tile_are_not_copied(compression, tmp_path):
    path = makers.write_pages(tmp_path / "slide.tif", makers.halves(makers.picture()), compression=compression)
    with_first_tile(path, behind)
    made, copy = copied(path, tmp_path)
    assert planted_in([path]) == [PLANTED[0]] and planted_in([copy]) == []
    assert made.verified and made.unknown == ()
    with open_slide(path) as before, open_slide(copy) as after:
        assert np.array_equal(before.read(0, 0, 600, 400, 1), after.read(0, 0, 600, 400, 1))


def test_text_among_the_chunks_of_a_png_tile_is_not_copied(tmp_path):
    path = with_first_tile(makers.tiff_png(tmp_path), among_png_chunks)
    made, copy = copied(path, tmp_path)
    assert planted_in([copy]) == [] and made.verified


def test_notes_before_a_zstd_frame_are_for_a_person_to_look_at(tmp_path):
    path = with_first_tile(makers.tiff_zstd(tmp_path), before_the_frame)
    made, _ = copied(path, tmp_path)
    assert made.unknown == ("a tile whose code does not end where its pixels do",)


def test_a_coding_whose_end_is_not_known_is_for_a_person_to_look_at(tmp_path):
    path = makers.write_pages(tmp_path / "slide.tif", makers.halves(makers.picture()), compression="lerc")
    made, _ = copied(path, tmp_path)
    assert made.unknown == ("TIFF compression 34887",)


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("seed", range(5))
def test_a_code_without_a_rest_stays_as_it_is(name, seed):
    random = np.random.default_rng(seed)
    raw = random.integers(0, random.integers(2, 256), 5000, np.uint8).tobytes()
    encode = imagecodecs.zlib_encode if name == "deflate" else getattr(imagecodecs, f"{name}_encode")
    code = encode(raw)
    assert code_alone(PACKAGES[name], code, len(raw)) == code
    if name != "lzw":
        assert code_alone(PACKAGES[name], code + NAME, len(raw)) == code
    else:
        assert NAME not in code_alone(LZW, code + NAME, len(raw))


@pytest.mark.parametrize("seed", [451, 1369, 2671])
def test_an_lzw_code_is_not_cut_where_a_part_of_it_seems_to_hold_the_whole_tile(seed):
    """Its last code, cut, decodes to bytes that were never there: by their number such a part has all of them."""
    steps = np.random.default_rng(seed).integers(-6, 6, (4000, 1))
    raw = (np.array([200, 120, 170]) + steps).astype(np.uint8).tobytes()
    code = imagecodecs.lzw_encode(raw)
    assert code_alone(LZW, code, len(raw)) == code
    assert imagecodecs.lzw_decode(code_alone(LZW, code + NAME, len(raw)))[: len(raw)] == raw


@pytest.mark.parametrize("name", ["deflate", "zstd"])
def test_a_code_that_breaks_off_is_none(name):
    raw = makers.picture().tobytes()
    encode = imagecodecs.zlib_encode if name == "deflate" else imagecodecs.zstd_encode
    assert code_alone(PACKAGES[name], encode(raw)[:-40], len(raw)) is None


def test_a_code_that_holds_more_than_its_tile_is_none():
    raw = makers.picture().tobytes()
    assert code_alone(DEFLATE, imagecodecs.zlib_encode(raw), len(raw) - 1) is None
