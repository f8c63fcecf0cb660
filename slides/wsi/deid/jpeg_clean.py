"""A JPEG stream without its words: the segments that make the picture are kept, byte for byte, and nothing else.

Comments, EXIF, XMP, IPTC, thumbnails and whatever lies behind the end marker go. Nothing is decoded.
"""

from __future__ import annotations

import dataclasses
import re
import struct

from slides.wsi.deid.icc import neutral_profile
from slides.wsi.errors import SlideRefused

SOI, EOI, SOS, COM, APP0, APP2, APP8, APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE2, 0xE8, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PICTURE = FRAMES | {0xC4, 0xCC, SOS, 0xDB, 0xDC, 0xDD}  # + Huffman, arithmetic, quantisation, lines, restarts
APPS = frozenset(range(0xE0, 0xF0))
IN_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # the marker that ends a scan
BEHIND_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # the same where JPEG-LS may be met, whose code holds low ones
SOT, COMMENT_2000 = 0x90, 0x64  # of JPEG 2000
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
# Of application segments in stored frames, the ones a decoder heeds: their marker, start, and length of the numbers.
FRAME_NOTES = (
    (APP0, b"JFIF\0", 14),
    (APP14, b"Adobe", 12),
    (APP8, b"SPIFF\0", 30),
    (APP8, b"\0\0\0\1\xff\xd8", 6),
    (APP8, b"mrfx", 5),
)
UNKNOWN_NAME = "JPEG APP{} segment"


@dataclasses.dataclass
class Cleaned:
    """A stream made anew. removed: in words. unknown: names of parts that no rule knows. payloads: what was removed.

    numbers: the colour profile that was made for it.
    """

    data: bytes = b""
    removed: set[str] = dataclasses.field(default_factory=set)
    unknown: set[str] = dataclasses.field(default_factory=set)
    payloads: list[bytes] = dataclasses.field(default_factory=list)
    numbers: bytes = b""

    def drop(self, what: str, payload: bytes) -> None:
        """Note a part that is left out."""
        self.removed.add(what)
        self.payloads.append(payload)


def clean_jpeg(data: bytes) -> Cleaned:
    """The stream up to its end marker with the picture's own segments; SlideRefused where it breaks off."""
    if data[:2] != b"\xff\xd8":
        raise broken()
    cleaned, at, out, profile, framed, scanned = Cleaned(), 2, [b"\xff\xd8"], [], False, False
    while True:
        marker, at = _marker(data, at)
        if marker == EOI:
            break
        end = _segment_end(data, at)
        body = data[at + 2 : end]
        if marker in PICTURE:
            framed, scanned = framed or marker in FRAMES, scanned or marker == SOS
            if marker == SOS:
                end = _scan_end(data, end)
            out.append(bytes((0xFF, marker)) + data[at:end])
        elif marker == APP2 and body.startswith(ICC):
            profile.append(body[len(ICC) :])
            cleaned.drop("words of the colour profile", profile[-1])
        else:
            out.append(_kept_of(cleaned, marker, body))
        at = end
    if not (framed and scanned):
        raise broken()
    if data[at:].strip(b"\0"):
        cleaned.drop("bytes behind the picture", data[at:])
    head = _leading(out)
    cleaned.data = b"".join((*out[:head], *_profile(cleaned, profile), *out[head:], b"\xff\xd9"))
    return cleaned


def broken() -> SlideRefused:
    """The refusal of a stream that is not one."""
    return SlideRefused("The JPEG image is damaged: its parts break off or do not fit together.", "broken")


def _leading(parts: list[bytes]) -> int:
    """How many parts come before the place of a colour profile: the start, JFIF and Adobe."""
    return next(
        (n for n, part in enumerate(parts[1:], 1) if part and part[1] not in (APP0, APP14)),
        len(parts),
    )


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


def _kept_of(cleaned: Cleaned, marker: int, body: bytes) -> bytes:
    """What stays of a segment that is no part of the picture: of JFIF its density, of Adobe its colours."""
    if marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        if body[12:] != b"\0\0":
            cleaned.drop("a thumbnail", body[12:])
        return struct.pack(">BBH", 0xFF, APP0, 16) + body[:12] + b"\0\0"
    if marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
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


def blank_words(fragment: bytearray) -> list[bytes]:
    """Make zeros of the words in a stored frame, in place, so that nothing moves; returns what was there.

    JPEG: comments, application segments other than JFIF and Adobe, and bytes behind the end marker. JPEG 2000: comments
    of the main header. Other codings stay.
    """
    if fragment[:2] == b"\xff\xd8":
        return _blank_jpeg(fragment)
    if fragment[:4] == b"\xff\x4f\xff\x51":
        return _blank_jpeg2000(fragment)
    return []


def _blank_jpeg(fragment: bytearray) -> list[bytes]:
    at, words = 2, []
    while fragment[at : at + 1] == b"\xff" and at + 4 <= len(fragment) and fragment[at + 1] != EOI:
        marker, end = fragment[at + 1], at + 2 + int.from_bytes(fragment[at + 2 : at + 4])
        body = bytes(fragment[at + 4 : end])
        kept = _numbers_bytes(marker, body) if marker == COM or marker in APPS else len(body)
        if any(body[kept:]):
            words.append(body[kept:])
            fragment[at + 4 + kept : at + 4 + len(body)] = bytes(len(body) - kept)
        at = max(end, at + 4)
        if marker == SOS:
            behind = BEHIND_SCAN.search(fragment, at)
            at = behind.start() if behind else len(fragment)
    last = fragment.find(b"\xff\xd9", at)
    if last > 0 and any(fragment[last + 2 :]):
        words.append(bytes(fragment[last + 2 :]))
        fragment[last + 2 :] = bytes(len(fragment) - last - 2)
    return words


def _numbers_bytes(marker: int, body: bytes) -> int:
    """How much of an application segment is numbers that a decoder needs."""
    lengths = (length for kind, start, length in FRAME_NOTES if marker == kind and body.startswith(start))
    return min(next(lengths, 0), len(body))


def _blank_jpeg2000(fragment: bytearray) -> list[bytes]:
    at, words = 2, []
    while at + 4 <= len(fragment) and fragment[at] == 0xFF and fragment[at + 1] != SOT:
        end = at + 2 + int.from_bytes(fragment[at + 2 : at + 4])
        if fragment[at + 1] == COMMENT_2000 and end <= len(fragment):
            words.append(bytes(fragment[at + 6 : end]))
            fragment[at + 6 : end] = bytes(max(0, end - at - 6))
        at = max(end, at + 4)
    return words
