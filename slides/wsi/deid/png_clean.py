"""A PNG's chunks without those that hold words."""

from __future__ import annotations

import struct
import zlib

from slides.wsi.deid.icc import MAX_PROFILE_BYTES, neutral_profile
from slides.wsi.deid.jpeg_clean import Cleaned
from slides.wsi.errors import SlideRefused

PNG_START = b"\x89PNG\r\n\x1a\n"
# Name of a chunk → the lengths it may have; None: any. What has a fixed length has no place for words.
KEPT_CHUNKS = {
    b"IHDR": (13,), b"PLTE": None, b"tRNS": None, b"IDAT": None, b"IEND": (0,), b"gAMA": (4,), b"sRGB": (1,),
    b"pHYs": (9,), b"cHRM": (32,),
}  # fmt: skip
MAX_SHORT_BYTES = 768  # a palette, the longest of the short chunks
DROPPED_CHUNKS = {
    b"tEXt": "text fields", b"zTXt": "text fields", b"iTXt": "text fields", b"eXIf": "EXIF fields",
    b"tIME": "dates", b"iCCP": "words of the colour profile", b"sPLT": "a suggested palette", b"hIST": "a histogram",
    b"bKGD": "a background colour", b"sBIT": "notes on bits", b"acTL": "an animation", b"fcTL": "an animation",
    b"fdAT": "an animation", b"cICP": "colour notes", b"mDCV": "colour notes", b"cLLI": "colour notes",
    b"oFFs": "notes on place and scale", b"pCAL": "notes on place and scale", b"sCAL": "notes on place and scale",
    b"gIFg": "notes of GIF", b"gIFx": "notes of GIF", b"gIFt": "notes of GIF", b"sTER": "notes on stereo",
    b"dSIG": "a signature", b"caBX": "a signature", b"vpAg": "notes on place and scale", b"orNT": "EXIF fields",
}  # fmt: skip


def clean_png(data: bytes) -> Cleaned:
    """The chunks that make the picture, their checksums checked; SlideRefused where the file breaks off."""
    if not data.startswith(PNG_START):
        raise _broken()
    cleaned, at, out = Cleaned(), len(PNG_START), [PNG_START]
    name = b""
    while name != b"IEND":
        name, body, end = _chunk(data, at)
        if (name == b"IHDR") != (at == len(PNG_START)):
            raise _broken()
        lengths = KEPT_CHUNKS.get(name, ())
        if lengths is None:
            is_kept = name == b"IDAT" or len(body) <= MAX_SHORT_BYTES
        else:
            is_kept = len(body) in lengths
        out.append(data[at:end] if is_kept else _kept_of(cleaned, name, body))
        at = end
    if data[at:].strip(b"\0"):
        cleaned.drop("bytes behind the picture", data[at:])
    cleaned.data = b"".join(out)
    return cleaned


def _kept_of(cleaned: Cleaned, name: bytes, body: bytes) -> bytes:
    """What stays of a chunk that is no part of the picture: of a colour profile its numbers."""
    if name not in DROPPED_CHUNKS:
        if name[:1].isupper():
            raise _broken()  # a chunk that must be understood to show the picture
        cleaned.unknown.add(f"PNG {name.decode('ascii')} chunk")
    cleaned.drop(DROPPED_CHUNKS.get(name, "chunks of unknown kinds"), body)
    if name != b"iCCP":
        return b""
    profile = neutral_profile(inflated(body))
    if profile is None:
        return b""
    cleaned.numbers = profile
    made = b"profile\0\0" + zlib.compress(profile)
    return struct.pack(">I", len(made)) + name + made + struct.pack(">I", zlib.crc32(name + made))


def _chunk(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """(name, body, end) of the chunk at `at`."""
    if at + 12 > len(data):
        raise SlideRefused("The PNG image ends early. Copy it again.", "truncated")
    length, name = struct.unpack_from(">I4s", data, at)
    end = at + 12 + length
    if not (name.isalpha() and name.isascii()):
        raise _broken()
    if end > len(data):
        raise SlideRefused("The PNG image ends early. Copy it again.", "truncated")
    body = data[at + 8 : end - 4]
    if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end]):
        raise _broken()
    return name, body, end


def inflated(payload: bytes) -> bytes:
    """What a compressed text or profile says, at most MAX_PROFILE_BYTES of it; nothing where it is none."""
    at = payload.find(b"\0\0", 0, 81)  # a keyword, its end, the only method there is
    if at < 0:
        return b""
    try:
        return zlib.decompressobj().decompress(payload[at + 2 :], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""


def _broken() -> SlideRefused:
    return SlideRefused("The PNG image is damaged: its parts break off or do not fit together.", "broken")
