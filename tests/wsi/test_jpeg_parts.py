"""Which JPEG streams may be sent as they are, and what is put before them."""

import numpy as np
import pytest
import simplejpeg

from slides.wsi import jpeg_parts
from slides.wsi.jpeg_parts import NotPlain, head_before, read_plain, tables_of

PIXELS = np.random.default_rng(1).integers(0, 255, (64, 48, 3), np.uint8)
STREAM = simplejpeg.encode_jpeg(PIXELS, quality=90, colorsubsampling="420")
JFIF_END = 2 + 18  # behind the start marker and the JFIF segment


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def test_a_plain_stream_tells_its_size_and_what_is_left_out():
    plain = read_plain(STREAM)
    assert (plain.width, plain.height, plain.components) == (48, 64, 3)
    assert (plain.skip, plain.length) == (18, len(STREAM))


def test_padding_behind_the_end_is_not_sent():
    assert read_plain(STREAM + b"\0" * 7).length == len(STREAM)


@pytest.mark.parametrize(
    "foreign",
    [
        segment(0xFE, b"DOE^JOHN"),
        segment(0xE1, b"Exif\0\0DOE^JOHN"),
        segment(0xE2, b"ICC_PROFILE\0\1\1"),
        segment(0xE0, b"JFXX\0DOE^JOHN..."),
        segment(0xEE, b"AdobeDOE^JOHN"),
        segment(0xED, b"Photoshop 3.0\0"),
    ],
    ids=["comment", "exif", "icc", "jfxx", "long adobe", "photoshop"],
)
def test_a_segment_that_could_hold_text_is_not_sent(foreign):
    for place in (2, JFIF_END):
        with pytest.raises(NotPlain):
            read_plain(STREAM[:place] + foreign + STREAM[place:])


def test_text_inside_the_scan_or_a_second_picture_behind_it_is_not_sent():
    with pytest.raises(NotPlain):
        read_plain(STREAM[:-2] + segment(0xFE, b"DOE^JOHN") + STREAM[-2:])
    assert read_plain(STREAM + STREAM).length == len(STREAM)


@pytest.mark.parametrize("end", [0, 1, 2, 10, 100, -3])
def test_streams_that_break_off_are_not_sent(end):
    with pytest.raises(NotPlain):
        read_plain(STREAM[:end])


def test_progressive_streams_are_not_sent():
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG", progressive=True)
    with pytest.raises(NotPlain):
        read_plain(buffer.getvalue())


def test_hostile_bytes_are_never_more_than_not_plain():
    draw = np.random.default_rng(2)
    for _ in range(2000):
        data = bytearray(STREAM)
        for place in draw.integers(0, len(data), 3):
            data[place] = draw.integers(0, 256)
        try:
            plain = read_plain(bytes(data))
        except NotPlain:
            continue
        assert plain.length <= len(data)


def test_a_stream_without_its_own_marks_reads_the_same_behind_the_head():
    plain = read_plain(STREAM)
    sent = head_before(None, 3, jpeg_parts.YCBCR) + STREAM[2 + plain.skip :]
    assert np.array_equal(simplejpeg.decode_jpeg(sent), simplejpeg.decode_jpeg(STREAM))


@pytest.mark.parametrize("tables", [b"", b"\xff\xd8\xff\xd9x", b"\xff\xd8" + segment(0xFE, b"DOE") + b"\xff\xd9"])
def test_tables_with_anything_else_among_them_are_not_sent(tables):
    with pytest.raises(NotPlain):
        tables_of(tables)
