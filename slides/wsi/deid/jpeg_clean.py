"""A JPEG stream without its words: the segments that make the picture are kept, byte for byte, and nothing else.

Comments, EXIF, XMP, IPTC, thumbnails and whatever lies behind the end marker go. Nothing is decoded.
"""

from __future__ import annotations

import dataclasses
import re
import struct

from slides.wsi.deid.icc import neutral_profile
from slides.wsi.deid.jpeg_tables import (
    COM,
    DNL,
    DRI,
    FRAMES,
    ODD,
    SOS,
    TABLES,
    UNUSED,
    Name,
    Segment,
    Tables,
    broken,
)
from slides.wsi.errors import SlideRefused

EOI, APP0, APP2, APP14 = 0xD9, 0xE0, 0xE2, 0xEE
PICTURE = FRAMES | TABLES | {SOS, DNL, DRI}
APPS = frozenset(range(0xE0, 0xF0))
IN_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # the marker that ends a scan
BEHIND_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # the same where JPEG-LS may be met, whose code holds low ones
ICC = b"ICC_PROFILE\0"
ICC_PART_BYTES = 65_000
KNOWN_APPS = (  # the start of a segment's body, and what it is to people
    (b"JFIF\0", "a thumbnail"),
    (b"JFXX\0", "a thumbnail"),
    (b"Exif\0", "EXIF fields"),
    (b"EXIF\0", "EXIF fields"),
    (b"http://ns.adobe.com/", "XMP fields"),
    (b"Photoshop 3.0\0", "IPTC fields"),
    (b"Adobe_Photoshop2.5", "IPTC fields"),
    (b"MPF\0", "further pictures"),
    (b"FPXR\0", "FlashPix fields"),
    (b"Ducky", "quality notes"),
    (b"Adobe", "a colour note"),
    (ICC, "words of the colour profile"),
)
UNKNOWN_NAME = "JPEG APP{} segment"


@dataclasses.dataclass
class Cleaned:
    """A stream made anew. removed: in words. unknown: names of parts that no rule knows. payloads: what was removed.

    numbers: the colour profile that was made for it. needed: names of the tables that it takes from elsewhere.
    """

    data: bytes = b""
    removed: set[str] = dataclasses.field(default_factory=set)
    unknown: set[str] = dataclasses.field(default_factory=set)
    payloads: list[bytes] = dataclasses.field(default_factory=list)
    numbers: bytes = b""
    needed: frozenset[Name] = frozenset()

    def drop(self, what: str, payload: bytes) -> None:
        """Note a part that is left out."""
        self.removed.add(what)
        if payload not in self.payloads[-8:]:  # frames repeat what the coder says
            self.payloads.append(payload)

    def drop_unused(self, tables: Tables) -> None:
        """Note the tables that no scan uses, and name one that is used and could be text."""
        if tables.unused():
            self.drop(UNUSED, tables.unused_bytes())
        if tables.has_odd():
            self.unknown.add(ODD)
        self.needed = frozenset(tables.needed)


def clean_jpeg(data: bytes) -> Cleaned:
    """The stream up to its end marker with the picture's own segments; SlideRefused where it breaks off."""
    if data[:2] != b"\xff\xd8":
        raise broken()
    cleaned, tables, at = Cleaned(), Tables(), 2
    out: list[Segment | bytes] = [b"\xff\xd8"]
    profile: list[bytes] = []
    markers: set[int] = set()
    while True:
        marker, at = _marker(data, at)
        if marker == EOI:
            break
        end = _segment_end(data, at)
        body = data[at + 2 : end]
        if marker in PICTURE:
            whole = bytes((0xFF, marker)) + data[at:end]
            out.append(tables.take(whole) or whole)
        elif marker == APP2 and body.startswith(ICC):
            profile.append(body[len(ICC) :])
            cleaned.drop("words of the colour profile", profile[-1])
        else:
            out.append(_kept_of(cleaned, marker, body, is_first=marker not in markers))
        if marker == SOS:
            scan_at, end = end, _scan_end(data, end)
            out.append(data[scan_at:end])
        markers.add(marker)
        at = end
    if SOS not in markers:
        raise broken()
    if data[at:].strip(b"\0"):
        cleaned.drop("bytes behind the picture", data[at:])
    cleaned.drop_unused(tables)
    parts = [part.kept() if isinstance(part, Segment) else part for part in out]
    # A colour profile's place is behind the start, JFIF and Adobe.
    head = next((n for n, part in enumerate(parts[1:], 1) if part and part[1] not in (APP0, APP14)), len(parts))
    cleaned.data = b"".join((*parts[:head], *_profile(cleaned, profile), *parts[head:], b"\xff\xd9"))
    return cleaned


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, which may be filled up with 0xFF, and where its length begins."""
    if data[at : at + 1] != b"\xff":
        raise broken()
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise broken()
    return data[at], at + 1


def _segment_end(data: bytes, at: int) -> int:
    length = int.from_bytes(data[at : at + 2])
    if length < 2 or at + length > len(data):
        raise broken()
    return at + length


def _scan_end(data: bytes, at: int) -> int:
    """Where the marker behind a scan begins; SlideRefused where the file ends before."""
    found = IN_SCAN.search(data, at)
    if found is None:
        raise SlideRefused("The JPEG image ends early. Copy it again.", "truncated")
    return found.end() - 2


def _kept_of(cleaned: Cleaned, marker: int, body: bytes, is_first: bool) -> bytes:
    """What stays of a segment that is no part of the picture: of the first JFIF its density, of Adobe its colours."""
    if is_first and marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        if body[12:] != b"\0\0":
            cleaned.drop("a thumbnail", body[12:])
        return struct.pack(">BBH", 0xFF, APP0, 16) + body[:12] + b"\0\0"
    if is_first and marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        if body[12:]:
            cleaned.drop("a colour note", body[12:])
        return struct.pack(">BBH", 0xFF, APP14, 14) + body[:12]
    if marker == COM:
        cleaned.drop("comments", body)
        return b""
    if marker not in APPS:
        raise broken()
    name = next((words for start, words in KNOWN_APPS if body.startswith(start)), None)
    if name is None:
        cleaned.unknown.add(UNKNOWN_NAME.format(marker - APP0))
    cleaned.drop(name or "segments of unknown kinds", body)
    return b""


def _profile(cleaned: Cleaned, parts: list[bytes]) -> list[bytes]:
    """The colour profile's numbers in segments of their own, none where they are not whole."""
    ordered = sorted((part for part in parts if len(part) > 2), key=lambda part: part[0])
    if [part[0] for part in ordered] != list(range(1, len(ordered) + 1)):
        return []
    profile = neutral_profile(b"".join(part[2:] for part in ordered))
    if profile is None:
        return []
    cleaned.numbers = profile
    pieces = [profile[at : at + ICC_PART_BYTES] for at in range(0, len(profile), ICC_PART_BYTES)]
    return [
        struct.pack(">BBH", 0xFF, APP2, 2 + len(ICC) + 2 + len(piece)) + ICC + bytes((n, len(pieces))) + piece
        for n, piece in enumerate(pieces, 1)
        if len(pieces) <= 255
    ]
