"""The pixel element of a DICOM file, copied as it is in pieces; words inside coded frames become zeros in place."""

from __future__ import annotations

import struct
from typing import BinaryIO

from slides.wsi.deid.frame_words import blank_words
from slides.wsi.deid.jpeg_clean import Cleaned
from slides.wsi.errors import SlideRefused

PIXEL_DATA = b"\xe0\x7f\x10\x00"
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = 0xFFFFFFFF
MAX_FRAGMENT_BYTES = 256 * 2**20
BLOCK_BYTES = 4 * 2**20


def copy_pixels(source: BinaryIO, target: BinaryIO, implicit: bool, expected_bytes: int) -> Cleaned:
    """Copy the element that begins where `source` stands, and nothing behind it.

    expected_bytes: of uncoded pixels. Returns what was made zeros. SlideRefused where the file breaks off.
    """
    head = _exactly(source, 8 if implicit else 12)
    if head[:4] != PIXEL_DATA or (not implicit and head[4:6] not in (b"OB", b"OW")):
        raise SlideRefused("The DICOM file holds no pixels.", "broken")
    (length,) = struct.unpack("<I", head[-4:])
    target.write(head)
    if length == UNDEFINED:
        return _copy_items(source, target)
    if length != expected_bytes + expected_bytes % 2:
        raise SlideRefused("The DICOM file's pixels are not as many as it says.", "broken")
    left = expected_bytes
    while left:
        block = _exactly(source, min(left, BLOCK_BYTES))
        target.write(block)
        left -= len(block)
    _exactly(source, expected_bytes % 2)
    target.write(bytes(expected_bytes % 2))
    return Cleaned()


def _copy_items(source: BinaryIO, target: BinaryIO) -> Cleaned:
    """The table of offsets and the fragments up to the end mark."""
    cleaned, is_table = Cleaned(), True
    while True:
        head = _exactly(source, 8)
        (length,) = struct.unpack("<I", head[4:])
        if head[:4] == END and length == 0:
            target.write(head)
            return cleaned
        if head[:4] != ITEM or length > MAX_FRAGMENT_BYTES:
            raise SlideRefused("The DICOM file's frames do not follow one another as they must.", "broken")
        fragment = bytearray(_exactly(source, length))
        if not is_table:
            blank_words(fragment, cleaned)
        is_table = False
        target.write(head)
        target.write(fragment)


def _exactly(source: BinaryIO, count: int) -> bytes:
    block = source.read(count)
    if len(block) != count:
        raise SlideRefused("The DICOM file ends early. Copy it again.", "truncated")
    return block
