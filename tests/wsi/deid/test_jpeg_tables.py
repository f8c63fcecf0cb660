"""Names written as numbers in tables of a JPEG that no scan uses: the picture is the same, and the copy has none."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from slides.wsi.deid import jpeg_tables
from slides.wsi.deid.child import rewrite
from slides.wsi.deid.jpeg_clean import clean_jpeg
from slides.wsi.reader import open_slide
from tests.wsi import makers
from tests.wsi.deid.makers_parts import PLANTED, fresh, planted_in

NAME = PLANTED[0].encode()
START_END = b"\xff\xd8\xff\xd9"
DQT, DHT, SOS, EOI = b"\xff\xdb", b"\xff\xc4", b"\xff\xda", b"\xff\xd9"


def segment(marker, body):
    return marker + struct.pack(">H", len(body) + 2) + body


def quantisers(number, text=NAME):
    return segment(DQT, bytes([number]) + text.ljust(64, b"\1"))


def wide_quantisers(number):
    return segment(DQT, bytes([0x10 | number]) + NAME.decode().encode("utf-16-be").ljust(128, b"\1"))


def huffman(number):
    counts = bytes(7) + bytes([len(NAME)]) + bytes(8)
    return segment(DHT, bytes([number]) + counts + NAME)


def behind_start(code, more):
    return code[:2] + more + code[2:]


def unused_number(code):
    return behind_start(code, quantisers(3))


def unused_wide_number(code):
    return behind_start(code, wide_quantisers(2))


def number_that_is_given_again(code):
    return behind_start(code, quantisers(0))


def unused_huffman_number(code):
    return behind_start(code, huffman(0x13))


def huffman_number_that_is_given_again(code):
    return behind_start(code, huffman(0x10))


def behind_the_scan(code):
    return code[: code.rfind(EOI)] + quantisers(0) + EOI


def together_with_used_ones(code):
    at = code.find(DQT)
    length = int.from_bytes(code[at + 2 : at + 4])
    body = code[at + 4 : at + 2 + length] + quantisers(3)[4:]
    return code[:at] + segment(DQT, body) + code[at + 2 + length :]


PLACES = [
    unused_number, unused_wide_number, number_that_is_given_again, unused_huffman_number,
    huffman_number_that_is_given_again, behind_the_scan, together_with_used_ones,
]  # fmt: skip


def coded(**options):
    file = io.BytesIO()
    Image.fromarray(makers.picture()).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def pixels(code):
    return np.asarray(Image.open(io.BytesIO(code)))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}])
@pytest.mark.parametrize("plant", PLACES)
def test_a_table_that_no_scan_uses_is_not_in_the_copy_of_a_picture(plant, options, tmp_path):
    code = plant(coded(**options))
    assert NAME in code or NAME.decode().encode("utf-16-be") in code
    path, folder = tmp_path / "slide.jpg", fresh(tmp_path)
    path.write_bytes(code)
    made = rewrite([path], folder)
    assert planted_in([folder / made.files[0]]) == []
    assert made.verified and made.unknown == () and jpeg_tables.UNUSED in made.removed
    assert np.array_equal(pixels(code), pixels((folder / made.files[0]).read_bytes()))


def test_a_quantiser_between_the_scans_of_a_progressive_picture_is_not_copied():
    code = coded(progressive=True)
    at = code.rfind(SOS)
    cleaned = clean_jpeg(code[:at] + quantisers(0) + code[at:])
    assert NAME not in cleaned.data and cleaned.data == clean_jpeg(code).data
    assert np.array_equal(pixels(cleaned.data), pixels(code))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}])
def test_a_picture_without_such_tables_stays_as_it_is(options):
    cleaned = clean_jpeg(coded(**options))
    assert cleaned.data == coded(**options) and not cleaned.removed and not cleaned.unknown


def test_what_of_grey_pictures_is_for_colours_alone_goes():
    code = imagecodecs.jpeg8_encode(makers.picture()[..., 0].copy(), level=90)
    assert imagecodecs.jpeg8_decode(clean_jpeg(code).data).tobytes() == imagecodecs.jpeg8_decode(code).tobytes()


@pytest.mark.parametrize("wide", [True, False])
def test_a_table_that_is_used_and_has_letters_where_no_coder_has_them_is_for_a_person_to_look_at(wide):
    code = coded()
    if wide:
        at = code.find(DQT)
        body = bytes([0x10]) + (NAME * 8)[:128]
        code = code[:at] + segment(DQT, body) + code[at + 2 + int.from_bytes(code[at + 2 : at + 4]) :]
    else:
        at = code.find(DHT)
        body = code[at + 4 : at + 2 + int.from_bytes(code[at + 2 : at + 4])]
        assert body[0] == 0 and body[-1] == 11  # the direct table's longest code, which this picture has no use for
        code = code[:at] + segment(DHT, body[:-1] + b"\x05") + code[at + 4 + len(body) :]
    assert clean_jpeg(code).unknown == {jpeg_tables.ODD}


@pytest.mark.parametrize("plant", PLACES)
def test_a_table_that_no_scan_uses_is_made_zeros_in_a_frame_of_dicom(plant, tmp_path):
    (tmp_path / "series").mkdir()
    path = next(makers.dicom(tmp_path / "series", levels=1).glob("*.dcm"))
    data = dcmread(path)
    frames = [plant(frame) for frame in generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames)]
    data.PixelData = encapsulate(frames)
    data.save_as(path, enforce_file_format=True)
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    assert planted_in([path]) == [PLANTED[0]] and planted_in([folder / made.files[0]]) == []
    assert made.verified and made.unknown == ()


@pytest.mark.parametrize("plant", [place for place in PLACES if place is not behind_the_scan])
def test_a_table_that_no_scan_uses_is_made_zeros_in_a_hamamatsu(plant, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.wsi.makers.imagecodecs.jpeg8_encode", _planting(plant))
    path, folder = makers.ndpi(tmp_path), fresh(tmp_path)
    made = rewrite([path], folder)
    assert planted_in([path]) == [PLANTED[0]] and planted_in([folder / made.files[0]]) == []
    assert made.verified and made.unknown == ()


def _planting(plant):
    encode = imagecodecs.jpeg8_encode
    return lambda *pixels, **options: plant(encode(*pixels, **options))


def apart(code):
    """A tile without its tables, and a stream of these alone."""
    tile, tables, at = code[:2], code[:2], 2
    while code[at : at + 2] != SOS:
        end = at + 2 + int.from_bytes(code[at + 2 : at + 4])
        if code[at : at + 2] in (DQT, DHT):
            tables += code[at:end]
        else:
            tile += code[at:end]
        at = end
    return tile + code[at:], tables + EOI


def with_shared_tables(folder, plant, whole_tiles=0):
    """A slide of four tiles that share tables; the first `whole_tiles` of them have them as well."""
    path, side = folder / "slide.tif", makers.TILE
    pixels = makers.picture(2 * side, 2 * side)
    parts = [pixels[y : y + side, x : x + side].copy() for y in (0, side) for x in (0, side)]
    codes = [imagecodecs.jpeg8_encode(part, level=90, colorspace="RGB", outcolorspace="RGB") for part in parts]
    tiles = [code if n < whole_tiles else apart(code)[0] for n, code in enumerate(codes)]
    with tifffile.TiffWriter(path) as file:
        file.write(
            iter(tiles), shape=pixels.shape, dtype=np.uint8, tile=(side, side), photometric="rgb", metadata=None,
            compression="jpeg", jpegtables=plant(apart(codes[0])[1]),
        )  # fmt: skip
    return path


def tables_of(path):
    with tifffile.TiffFile(path) as file:
        return file.pages.first.jpegtables


def whole(path):
    with open_slide(path) as reader:
        return reader.read(0, 0, reader.info.levels[0].width, reader.info.levels[0].height, 1)


@pytest.mark.parametrize("whole_tiles", [0, 2])
@pytest.mark.parametrize("plant", [place for place in PLACES if place is not behind_the_scan])
def test_a_table_that_no_tile_uses_is_not_in_the_tables_that_tiles_share(plant, whole_tiles, tmp_path):
    path, folder = with_shared_tables(tmp_path, plant, whole_tiles), fresh(tmp_path)
    made = rewrite([path], folder)
    copy = folder / made.files[0]
    assert planted_in([path]) == [PLANTED[0]] and planted_in([copy]) == []
    assert made.verified and made.unknown == () and jpeg_tables.UNUSED in made.removed
    assert tables_of(copy) == tables_of(with_shared_tables(tmp_path, bytes))
    assert np.array_equal(whole(path), whole(copy))


def test_tables_that_all_tiles_bring_themselves_are_not_shared_too(tmp_path):
    path, folder = with_shared_tables(tmp_path, bytes, whole_tiles=4), fresh(tmp_path)
    made = rewrite([path], folder)
    assert made.verified and made.unknown == ()
    assert tables_of(path) and not tables_of(folder / made.files[0])
    assert np.array_equal(whole(path), whole(folder / made.files[0]))


@pytest.mark.parametrize("plant", PLACES)
def test_a_table_that_no_scan_uses_is_not_in_the_copy_of_a_tile(plant, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("tests.wsi.deid.test_jpeg_tables.apart", lambda code: (plant(code), START_END))
        path = with_shared_tables(tmp_path, bytes)
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    assert planted_in([path]) == [PLANTED[0]] and planted_in([folder / made.files[0]]) == []
    assert made.verified and made.unknown == ()
    assert np.array_equal(whole(path), whole(folder / made.files[0]))
