"""The segments of a JPEG stream: enough to say whether a stored tile may be sent as it is, and to put tables before it.

Taken are baseline streams of one scan. Segments that could hold text (COM, EXIF, XMP, ICC, anything unknown) are not:
a tile that has one is decoded instead. No decoding here, and no library.
"""

from __future__ import annotations

import dataclasses
import re
import struct

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOF0, DHT, SOS, DQT, DRI, APP0, APP14 = 0xC0, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE
SOF15, NO_FRAME = 0xCF, {DHT, 0xC8, 0xCC}  # between the first and the last kind of frame
TABLES = {DHT, DQT}
JFIF = re.compile(rb"JFIF\0.{7}\0\0", re.DOTALL)  # without a thumbnail
ADOBE = re.compile(rb"Adobe.{7}", re.DOTALL)
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # in a scan: anything but a stuffed byte or a restart
MAX_TABLES_BYTES = 4096
RGB, YCBCR = 0, 1  # as the Adobe marker says it


class NotPlain(ValueError):
    """A stream that is not sent as it is."""


@dataclasses.dataclass(frozen=True, slots=True)
class PlainJpeg:
    """What is asked of a stored tile. width, height: px. components: 1 or 3. skip: bytes of JFIF and Adobe segments
    right behind the start marker, which are left out. length: bytes up to and with the end marker."""

    width: int
    height: int
    components: int
    skip: int
    length: int


def read_plain(data: bytes) -> PlainJpeg:
    """The facts of a tile's stream, every byte of it looked at; NotPlain where it is not to be sent."""
    if data[:2] != SOI:
        raise NotPlain("no start marker")
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xee"):
        marker, start, end = _segment(data, at)
        if not (JFIF if marker == APP0 else ADOBE).fullmatch(data[start:end]):
            raise NotPlain("an application segment of an unknown kind")
        at = end
    skip, frame = at - 2, None
    while True:
        marker, start, end = _segment(data, at)
        at = end
        if marker == SOS:
            break
        if marker == SOF0:
            if frame is not None:
                raise NotPlain("two frames")
            body = data[start:end]
            if len(body) < 6 or body[0] != 8 or body[5] not in (1, 3) or len(body) != 6 + 3 * body[5]:
                raise NotPlain("not 8-bit grey or colour")
            height, width = struct.unpack(">HH", body[1:5])
            frame = width, height, body[5]
        elif marker not in TABLES and marker != DRI:
            raise NotPlain(f"a segment of kind {marker:02x}")
    found = MARKER.search(data, at)
    if frame is None or found is None or data[found.start() : found.start() + 2] != EOI:
        raise NotPlain("no single scan up to the end marker")
    return PlainJpeg(*frame, skip=skip, length=found.end())


def said_colours(data: bytes) -> int | None:
    """RGB or YCBCR, as a stream of three components says by its own markers; None where it does not say, or is grey.

    Adobe's marker says it, JFIF means YCbCr, the letters R, G and B as names of the components RGB. Failing these, only
    YCbCr is coded with fewer samples or with a quantisation of its own for two of the components.
    """
    frame, notes = _frame_and_notes(data)
    if len(frame) != 6 + 3 * 3:
        return None
    adobe = next((note[11] for note in notes if note[:5] == b"Adobe" and len(note) >= 12), None)
    if adobe is not None:
        return RGB if adobe == 0 else YCBCR
    if any(note.startswith(b"JFIF\0") for note in notes):
        return YCBCR
    names, sampling, tables = frame[6::3], frame[7::3], frame[8::3]
    if names == b"RGB":
        return RGB
    return YCBCR if len(set(sampling)) > 1 or tables[1] == tables[2] != tables[0] else None


def is_grey(data: bytes) -> bool:
    """Whether a stream has one component."""
    return len(_frame_and_notes(data)[0]) == 6 + 3


def _frame_and_notes(data: bytes) -> tuple[bytes, list[bytes]]:
    """The body of the segment that describes the frame, and of the JFIF and Adobe segments before it; else nothing."""
    notes, at = [], 2
    try:
        while True:
            marker, start, end = _segment(data, at)
            if marker in {APP0, APP14}:
                notes.append(data[start:end])
            elif SOF0 <= marker <= SOF15 and marker not in NO_FRAME:
                return data[start:end], notes
            at = end
    except NotPlain:
        return b"", notes


def head_before(tables: bytes | None, components: int, transform: int) -> bytes:
    """What goes before a tile's own segments: start marker, colour marker, and the tables of an abbreviated stream.

    transform: RGB or YCBCR, how three components are meant; browsers would guess otherwise.
    """
    body = tables_of(tables) if tables else b""
    adobe = struct.pack(">BBH5sHHHB", 0xFF, APP14, 14, b"Adobe", 100, 0, 0, transform) if components == 3 else b""
    return SOI + adobe + body


def tables_of(stream: bytes) -> bytes:
    """The quantisation and Huffman tables of a tables-only stream; NotPlain where it holds anything else."""
    if stream[:2] != SOI or stream[-2:] != EOI or len(stream) > MAX_TABLES_BYTES:
        raise NotPlain("no stream of tables")
    body = stream[2:-2]
    refuse_other_than_tables(body)
    return body


def refuse_other_than_tables(body: bytes, also: tuple[int, ...] = ()) -> None:
    """NotPlain unless `body` is a row of table segments (and of kinds in `also`)."""
    at = 0
    while at < len(body):
        marker, _, at = _segment(body, at)
        if marker not in TABLES and marker not in also:
            raise NotPlain("tables with other segments among them")


def _segment(data: bytes, at: int) -> tuple[int, int, int]:
    """(marker, first byte, end) of the segment at `at`."""
    if len(data) < at + 4 or data[at] != 0xFF:
        raise NotPlain("the segments break off")
    length = int.from_bytes(data[at + 2 : at + 4])
    if length < 2 or at + 2 + length > len(data):
        raise NotPlain("a segment reaches over the end")
    return data[at + 1], at + 4, at + 2 + length
