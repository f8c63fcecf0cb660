"""Colour profiles without their words: the numbers that say how colours are meant, and nothing else.

A profile is made anew. Its header keeps what a colour engine needs; dates, makers and identifiers are zero.
"""

from __future__ import annotations

import struct

HEADER_BYTES, ENTRY_BYTES = 128, 12
MAX_PROFILE_BYTES = 16 * 2**20
MAX_TAGS = 100
KEPT_HEADER = ((8, 24), (36, 40), (44, 48), (64, 80))  # version, class, spaces; signature; flags; intent, illuminant
NUMBERS = {
    b"wtpt", b"bkpt", b"chad", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"lumi",
    b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt",
}  # fmt: skip
NUMBER_TYPES = {b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA "}
NAME = b"profile"


def neutral_profile(data: bytes) -> bytes | None:
    """The profile with its numbers alone; None where it is not one, or keeps nothing."""
    if len(data) < HEADER_BYTES + 4 or len(data) > MAX_PROFILE_BYTES or data[36:40] != b"acsp":
        return None
    version = data[8]
    tags = {b"desc": _text(version), b"cprt": _text(version), **_numbers(data)}
    if len(tags) == 2:
        return None
    return _assembled(data, tags)


def _numbers(data: bytes) -> dict[bytes, bytes]:
    """The tags that hold numbers only, each as it is."""
    (count,) = struct.unpack_from(">I", data, HEADER_BYTES)
    found: dict[bytes, bytes] = {}
    for number in range(min(count, MAX_TAGS)):
        at = HEADER_BYTES + 4 + number * ENTRY_BYTES
        if at + ENTRY_BYTES > len(data):
            break
        name, offset, length = struct.unpack_from(">4sII", data, at)
        body = data[offset : offset + length]
        if name in NUMBERS and len(body) == length and body[:4] in NUMBER_TYPES:
            found[name] = body
    return found


def _text(version: int) -> bytes:
    """A description of no words, in the coding of the profile's version."""
    if version >= 4:
        return struct.pack(">4sIIIHHII", b"mluc", 0, 1, 12, 0x656E, 0x5553, 2 * len(NAME), 28) + NAME.decode().encode(
            "utf-16-be"
        )
    ascii_part = struct.pack(">4sII", b"desc", 0, len(NAME) + 1) + NAME + b"\0"
    return ascii_part + bytes(4 + 4 + 2 + 1 + 67)


def _assembled(data: bytes, tags: dict[bytes, bytes]) -> bytes:
    start = HEADER_BYTES + 4 + ENTRY_BYTES * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = bytearray(HEADER_BYTES)
    for first, end in KEPT_HEADER:
        header[first:end] = data[first:end]
    header[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    header[:4] = struct.pack(">I", start + len(bodies))
    return bytes(header) + table + bodies
