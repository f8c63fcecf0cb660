"""Coded tiles and strips on their way into a copy: as they are, less the comments that the codings have room for."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from slides.wsi.deid.jpeg_clean import APP0, APP14, APPS, COM, PICTURE, SOS, clean_jpeg
from slides.wsi.deid.tiff_parts import Directory, Tiff, broken
from slides.wsi.deid.tiff_rules import COMPRESSION, STRIP_BYTES, STRIP_OFFSETS, TILE_BYTES, TILE_OFFSETS
from slides.wsi.errors import SlideRefused

JPEG, JPEG_2000 = {7}, {33003, 33004, 33005, 34712}
PIECE_BYTES = 1 << 20
WHOLE_BYTES = 32 << 20  # a larger JPEG is not taken into memory
MAX_PARTS = 10_000_000
TABLE_MARKERS = {0xDB, 0xC4, 0xCC, 0xDD}
SOC, SOT, J2K_COM, CODESTREAM = b"\xff\x4f", 0xFF90, 0xFF64, b"\xff\x4f\xff\x51"
DAMAGED = "a damaged JPEG tile"


class Pixels:
    """Reads the coded parts of directories. removed: in words; payloads: what was cut out; unknown: odd things."""

    def __init__(self, tiff: Tiff) -> None:
        self._tiff = tiff
        self.removed: set[str] = set()
        self.payloads: list[bytes] = []
        self.unknown: set[str] = set()

    def parts(self, directory: Directory) -> list[tuple[int, int]]:
        """(offset, length) of every tile or strip; SlideRefused where they are not told or lie behind the end."""
        order = self._tiff.layout.order
        tags = (TILE_OFFSETS, TILE_BYTES) if is_tiled(directory) else (STRIP_OFFSETS, STRIP_BYTES)
        if not all(tag in directory.entries for tag in tags):
            raise broken()
        offsets, lengths = (directory.entries[tag].numbers(order) for tag in tags)
        if len(offsets) != len(lengths) or not 0 < len(offsets) <= MAX_PARTS:
            raise broken()
        for offset, length in zip(offsets, lengths, strict=True):
            if length and offset + length > self._tiff.size:
                raise SlideRefused("The file ends early: a part of the image is missing. Copy it again.", "truncated")
        return list(zip(offsets, lengths, strict=True))

    def pieces(self, directory: Directory, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of one tile or strip for the copy."""
        coding = directory.number(COMPRESSION, self._tiff.layout.order, 1)
        if coding in JPEG:
            yield from self._jpeg(offset, length)
            return
        if coding in JPEG_2000 and length <= WHOLE_BYTES:
            yield self._without_j2k_comments(self._tiff.read(offset, length))
            return
        yield from self._raw(offset, length)

    def jpeg_tables(self, data: bytes) -> bytes:
        """A tables-only stream with nothing but its tables; SlideRefused where it is none."""
        if data[:2] != b"\xff\xd8":
            raise broken()
        kept, at = [b"\xff\xd8"], 2
        while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xD9:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
            if data[at + 1] in TABLE_MARKERS:
                kept.append(data[at:end])
            elif data[at + 1] == APP14 and data[at + 4 : at + 9] == b"Adobe":
                kept.append(struct.pack(">BBH", 0xFF, APP14, 14) + data[at + 4 : at + 16])
            else:
                self._cut("comments", data[at + 4 : end])
            at = end
        return b"".join((*kept, b"\xff\xd9"))

    def _raw(self, offset: int, length: int) -> Iterator[bytes]:
        for start in range(0, length, PIECE_BYTES):
            yield self._tiff.read(offset + start, min(PIECE_BYTES, length - start))

    def _jpeg(self, offset: int, length: int) -> Iterator[bytes]:
        if self._tiff.layout.ndpi or length > WHOLE_BYTES:
            # Restart offsets count from the stream's start, so nothing may move.
            first = min(length, PIECE_BYTES)
            yield self._blanked(self._tiff.read(offset, first))
            yield from self._raw(offset + first, length - first)
            return
        data = self._tiff.read(offset, length)
        try:
            cleaned = clean_jpeg(data)
        except SlideRefused:
            self.unknown.add(DAMAGED)
            yield data
            return
        self.removed |= cleaned.removed
        self.payloads += cleaned.payloads
        self.unknown |= cleaned.unknown
        yield cleaned.data

    def _blanked(self, head: bytes) -> bytes:
        """The start of a stream whose comments and notes are zeros, at their length."""
        out, at = bytearray(head), 2
        while head[:2] == b"\xff\xd8" and at + 4 <= len(head) and head[at] == 0xFF:
            marker, end = head[at + 1], at + 2 + int.from_bytes(head[at + 2 : at + 4])
            if marker == SOS:
                return bytes(out)
            kept = {APP0: 12, APP14: 12}.get(marker, 0)
            if marker in APPS or marker == COM:
                if head[at + 4 + kept : end].strip(b"\0"):
                    self._cut("comments", head[at + 4 : end])
                out[at + 4 + kept : end] = bytes(max(0, end - at - 4 - kept))
            elif marker not in PICTURE:
                break
            at = end
        self.unknown.add(DAMAGED)
        return bytes(out)

    def _without_j2k_comments(self, data: bytes) -> bytes:
        """A JPEG 2000 codestream whose main header has no comment segments; one in a box as it is."""
        if not data.startswith(CODESTREAM):
            if data.strip(b"\0"):
                self.unknown.add("a JPEG 2000 tile that is not a codestream")
            return data
        kept, at = [SOC], 2
        while at + 4 <= len(data):
            marker, length = struct.unpack_from(">HH", data, at)
            if marker == SOT or marker < 0xFF00:
                break
            if marker == J2K_COM:
                self._cut("", data[at + 6 : at + 2 + length])
            else:
                kept.append(data[at : at + 2 + length])
            at += 2 + length
        return b"".join((*kept, data[at:]))

    def _cut(self, what: str, payload: bytes) -> None:
        if what:
            self.removed.add(what)
        if payload not in self.payloads[-8:]:  # tiles repeat what the coder says
            self.payloads.append(payload)


def is_tiled(directory: Directory) -> bool:
    """Whether a picture is stored in tiles."""
    return TILE_OFFSETS in directory.entries
