"""Words in stored frames and strips made zeros where they are, so that every offset in the file stays true."""

from __future__ import annotations

from slides.wsi.deid.coded_ends import EOC, j2k_end
from slides.wsi.deid.jpeg_clean import APP0, APP14, BEHIND_SCAN, EOI, PICTURE, Cleaned
from slides.wsi.deid.jpeg_tables import SOS, Segment, Tables
from slides.wsi.errors import SlideRefused

APP8 = 0xE8
START, START_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
SOT, COMMENT_2000 = 0x90, 0x64  # of JPEG 2000
LS_FRAME, LS_PRESET = 0xF7, 0xF8  # of JPEG-LS
LS_LIMITS = b"\x01", 11  # of the segments of presets the one that is no table of colours: its kind and length
# Of application segments the ones a decoder heeds: their marker, start, and length of the numbers.
NOTES = (
    (APP0, b"JFIF\0", 12),
    (APP14, b"Adobe", 12),
    (APP8, b"SPIFF\0", 30),
    (APP8, b"\0\0\0\1\xff\xd8", 6),
    (APP8, b"mrfx", 5),
)
COMMENTS, BEHIND = "comments in frames", "bytes behind frames"
UNCLEAR, DAMAGED = "a frame whose code does not end in its own fragment", "a damaged frame"
OTHER_CODING = "a frame of a coding whose end is not known"
PRESETS = "a JPEG-LS table of colours"


class Stream:
    """A JPEG stream that is looked through marker by marker; what goes becomes zeros where it is."""

    def __init__(self, data: bytearray, cleaned: Cleaned) -> None:
        self._data, self._cleaned, self._tables = data, cleaned, Tables()
        self._segments: list[tuple[int, Segment]] = []
        self._notes: set[tuple[int, bytes, int]] = set()
        self._is_ls = False
        self.at = 2

    def marker(self) -> int:
        """The marker that comes next, 0 where there is none with a segment."""
        while self._data[self.at : self.at + 2] == b"\xff\xff":  # what fills up before a marker
            self.at += 1
        is_one = self._data[self.at : self.at + 1] == b"\xff" and self.at + 4 <= len(self._data)
        return self._data[self.at + 1] if is_one else 0

    def pass_segment(self) -> int:
        """Look at the next segment and go behind it; its marker. SlideRefused where it is none of a picture."""
        marker, start = self.marker(), self.at
        self.at = start + 2 + max(2, int.from_bytes(self._data[start + 2 : start + 4]))
        body = bytes(self._data[start + 4 : self.at])
        if marker in PICTURE and not (marker == SOS and self._is_ls):
            segment = self._tables.take(bytes(self._data[start : self.at]))
            self._segments += [(start, segment)] if segment else []
        elif marker == LS_PRESET and (body[:1], len(body)) != LS_LIMITS:
            self._cleaned.unknown.add(PRESETS)
            self._blank(start + 4, self.at, COMMENTS)
        elif marker not in PICTURE | {LS_FRAME, LS_PRESET}:
            self._blank(start + 4 + self._numbers_bytes(marker, body), self.at, COMMENTS)
        self._is_ls |= marker == LS_FRAME
        return marker

    def blank_tables(self) -> None:
        """Once the scans are known: tables that none uses become empty comments."""
        for start, segment in self._segments:
            self._data[start : start + len(segment.data)] = segment.kept_in_place()
        self._cleaned.drop_unused(self._tables)

    def blank_rest(self) -> None:
        """Zeros for what lies behind."""
        self._blank(self.at, len(self._data), BEHIND)

    def _numbers_bytes(self, marker: int, body: bytes) -> int:
        """How much of an application segment, the first of its kind, is numbers that a decoder needs."""
        note = next((note for note in NOTES if marker == note[0] and body.startswith(note[1])), None)
        if note is None or note in self._notes:
            return 0
        self._notes.add(note)
        return min(note[2], len(body))

    def _blank(self, start: int, end: int, what: str) -> None:
        blank(self._data, start, end, self._cleaned, what)


def blank(data: bytearray, start: int, end: int, cleaned: Cleaned, what: str) -> None:
    """Zeros in place of these bytes, noted where they were none before."""
    payload = bytes(data[start:end])
    if any(payload):
        cleaned.drop(what, payload)
        data[start:end] = bytes(len(payload))


def blank_words(fragment: bytearray, cleaned: Cleaned) -> None:
    """Make zeros of the words in a stored frame: comments, notes, tables that no scan uses, and bytes behind its end.

    cleaned: what is removed is added to it; of a coding that is not JPEG, JPEG-LS or JPEG 2000, its name as unknown.
    """
    if fragment[:2] == START:
        _blank_jpeg(fragment, cleaned)
    elif fragment[:4] == START_2000:
        _blank_jpeg2000(fragment, cleaned)
    elif any(fragment):
        cleaned.unknown.add(OTHER_CODING)


def _blank_jpeg(fragment: bytearray, cleaned: Cleaned) -> None:
    stream = Stream(fragment, cleaned)
    try:
        while stream.marker() not in (0, EOI):
            if stream.pass_segment() == SOS:
                behind = BEHIND_SCAN.search(fragment, stream.at)
                stream.at = behind.start() if behind else len(fragment)
    except SlideRefused:
        cleaned.unknown.add(DAMAGED)
        return
    stream.blank_tables()
    if fragment[stream.at : stream.at + 2] != bytes((0xFF, EOI)):
        cleaned.unknown.add(UNCLEAR)
        return
    stream.at += 2
    stream.blank_rest()


def _blank_jpeg2000(fragment: bytearray, cleaned: Cleaned) -> None:
    at = 2
    while at + 4 <= len(fragment) and fragment[at] == 0xFF and fragment[at + 1] != SOT:
        end = at + 2 + int.from_bytes(fragment[at + 2 : at + 4])
        if fragment[at + 1] == COMMENT_2000 and end <= len(fragment):
            blank(fragment, at + 6, end, cleaned, COMMENTS)
        at = max(end, at + 4)
    code_end = j2k_end(fragment, at)
    if code_end is None or fragment[code_end - 2 : code_end] != EOC:
        cleaned.unknown.add(UNCLEAR)
        return
    blank(fragment, code_end, len(fragment), cleaned, BEHIND)
