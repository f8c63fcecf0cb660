"""Which series a DICOM file belongs to, told from its first bytes without a library, so that it may be asked anywhere.

Elements are stepped over one by one (PS3.5, 7): sequences before the identifier can hold identifiers of other series.
`frontend/static/frontend/js/upload/dicom_series.js` does the same in the browser.
"""

from __future__ import annotations

import struct

from slides.wsi.formats.dicom import DICOM_HEAD_BYTES, is_dicom

HEAD_BYTES = 256 * 1024  # in which the identifier lies: before it come short texts alone
MEDIA_DIRECTORY = b"1.2.840.10008.1.3.10"  # a DICOMDIR, by whatever name
IMPLICIT, BIG_ENDIAN = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2"
CLASS, SYNTAX, SERIES = (0x0002, 0x0002), (0x0002, 0x0010), (0x0020, 0x000E)
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
LONG_KINDS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
UNDEFINED = 0xFFFFFFFF
DEEPEST = 16


def series_of(head: bytes) -> str | None:
    """The identifier of the series of a file that begins with these HEAD_BYTES; "" where it does not say.

    None for what is no instance: other files, and the directory of a disc.
    """
    if not is_dicom(head):
        return None
    at, syntax = DICOM_HEAD_BYTES, b""
    try:
        while True:
            is_meta = head[at : at + 2] == b"\2\0"
            tag, start, end = _element(head, at, is_implicit=syntax == IMPLICIT and not is_meta, depth=0)
            value = head[start:end].strip(b"\0 ")
            if tag == CLASS and value == MEDIA_DIRECTORY:
                return None
            if tag == SYNTAX:
                syntax = value
            if tag == SERIES:
                return value.decode("ascii", "replace")
            if tag > SERIES or syntax == BIG_ENDIAN:
                return ""
            at = end
    except struct.error:
        return ""


def _element(head: bytes, at: int, is_implicit: bool, depth: int) -> tuple[tuple[int, int], int, int]:
    """(tag, first byte of the value, end) of the element at `at`; struct.error where the bytes end before."""
    group, number = struct.unpack_from("<HH", head, at)
    kind = head[at + 4 : at + 6]
    if is_implicit or group == ITEM[0]:
        (length,), start = struct.unpack_from("<I", head, at + 4), at + 8
    elif kind in LONG_KINDS:
        (length,), start = struct.unpack_from("<I", head, at + 8), at + 12
    else:
        (length,), start = struct.unpack_from("<H", head, at + 6), at + 8
    end = _end_of_items(head, start, is_implicit, depth + 1) if length == UNDEFINED else start + length
    return (group, number), start, end


def _end_of_items(head: bytes, at: int, is_implicit: bool, depth: int) -> int:
    """Behind the end mark of a sequence, or of an item, of no stated length."""
    if depth > DEEPEST:
        raise struct.error("nested too deeply")
    while True:
        tag, _, at = _element(head, at, is_implicit, depth)
        if tag in {ITEM_END, SEQUENCE_END}:
            return at
