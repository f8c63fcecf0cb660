"""Coded tiles and strips on their way into a copy: as they are, less the comments that the codings have room for."""

from __future__ import annotations

import functools
import struct
from collections.abc import Collection, Iterator

from slides.wsi.deid.coded_ends import ENDS, code_alone, j2k_end
from slides.wsi.deid.frame_words import Stream
from slides.wsi.deid.jpeg_clean import APP14, BEHIND_SCAN, EOI, PICTURE, Cleaned, clean_jpeg
from slides.wsi.deid.jpeg_tables import DRI, SOS, TABLES, Name, Segment, Tables
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.holes import is_stored
from slides.wsi.formats.tiff.directories import Directory, Tiff, broken
from slides.wsi.formats.tiff.tag_rules import (
    COMPRESSION,
    HEIGHT,
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_OFFSETS,
    WIDTH,
)

JPEG, JPEG_2000 = {7}, {33003, 33004, 33005, 34712}
PIECE_BYTES = 1 << 20
WHOLE_BYTES = 32 << 20  # a larger JPEG is not taken into memory
BITS, SAMPLES, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_LENGTH = 258, 277, 278, 284, 322, 323
MAX_PARTS = 10_000_000
START, END, NO_TABLES = b"\xff\xd8", b"\xff\xd9", b"\xff\xd8\xff\xd9"
SOC, SOT, J2K_COM, CODESTREAM = b"\xff\x4f", 0xFF90, 0xFF64, b"\xff\x4f\xff\x51"
MOST_BYTES = 256 << 20  # of a strip in memory
DAMAGED = "a damaged JPEG tile"
UNCLEAR = "a tile whose code does not end where its pixels do"


class Pixels:
    """Reads the coded parts of directories. removed: in words; payloads: what was cut out; unknown: odd things.

    needed: names of the tables that the last part which was read takes from its directory.
    """

    def __init__(self, tiff: Tiff) -> None:
        self._tiff = tiff
        self.removed: set[str] = set()
        self.payloads: list[bytes] = []
        self.unknown: set[str] = set()
        self.needed: frozenset[Name] = frozenset()

    def parts(self, directory: Directory) -> list[tuple[int, int]]:
        """(offset, length) of every tile or strip, zeros of those left out.

        SlideRefused where they are not told or lie behind the end.
        """
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
        return [part if is_stored(*part) else (0, 0) for part in zip(offsets, lengths, strict=True)]

    def pieces(self, directory: Directory, number: int, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of one tile or strip for the copy. number: which of the directory's it is."""
        coding = directory.number(COMPRESSION, self._tiff.layout.order, 1)
        self.needed = frozenset()
        if coding in JPEG:
            yield from self._jpeg(offset, length)
            return
        if coding in JPEG_2000 and length <= WHOLE_BYTES:
            yield self._without_j2k_comments(self._tiff.read(offset, length))
            return
        if coding in ENDS and length <= MOST_BYTES:
            data = self._tiff.read(offset, length)
            alone = code_alone(coding, data, decoded_bytes(directory, number, self._tiff.layout.order))
            if alone is None:
                self.unknown.add(UNCLEAR)
            elif len(alone) < len(data) and data[len(alone) :].strip(b"\0"):
                self._cut("bytes behind tiles", data[len(alone) :])
            yield data if alone is None else alone
            return
        self.unknown.add(f"TIFF compression {coding}")
        yield from self._raw(offset, length)

    def jpeg_tables(self, data: bytes, needed: Collection[Name]) -> bytes:
        """Of a tables-only stream the tables that tiles need, nothing where none; SlideRefused where it is none."""
        if data[:2] != START:
            raise broken()
        kept: list[Segment | bytes] = [START]
        cleaned, tables, at = Cleaned(), Tables(), 2
        while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != EOI:
            end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
            if data[at + 1] in TABLES | {DRI}:
                kept.append(tables.take(data[at:end]) or data[at:end])
            elif data[at + 1] == APP14 and data[at + 4 : at + 9] == b"Adobe" and len(kept) == 1:
                kept.append(struct.pack(">BBH", 0xFF, APP14, 14) + data[at + 4 : end].ljust(12, b"\0")[:12])
            else:
                self._cut("comments", data[at + 4 : end])
            at = end
        tables.use(needed)
        cleaned.drop_unused(tables)
        self._note(cleaned)
        made = b"".join((*(part.kept() if isinstance(part, Segment) else part for part in kept), END))
        return made if made != NO_TABLES else b""

    def _raw(self, offset: int, length: int) -> Iterator[bytes]:
        for start in range(0, length, PIECE_BYTES):
            yield self._tiff.read(offset + start, min(PIECE_BYTES, length - start))

    def _jpeg(self, offset: int, length: int) -> Iterator[bytes]:
        if self._tiff.layout.ndpi or length > WHOLE_BYTES:
            # Restart offsets count from the stream's start, so nothing may move.
            yield from self._as_long(offset, length)
            return
        data = self._tiff.read(offset, length)
        scan_at = bare_scan_at(data)
        try:
            cleaned = clean_head(data[:scan_at]) if scan_at else clean_jpeg(data)
        except SlideRefused:
            self.unknown.add(DAMAGED)
            yield data
            return
        self._note(cleaned)
        yield cleaned.data
        yield data[scan_at:] if scan_at else b""

    def _as_long(self, offset: int, length: int) -> Iterator[bytes]:
        """A stream of one scan at its length; what is no part of the picture is filled up."""
        head, scan_at = self._blanked(self._tiff.read(offset, min(length, PIECE_BYTES)))
        yield head[:scan_at]
        before, is_over, left = b"", False, length - scan_at
        for piece in self._raw(offset + scan_at, length - scan_at):
            left -= len(piece)
            found = None if is_over else BEHIND_SCAN.search(before + piece)
            if found is not None:
                end, is_over = found.end() - 1 - len(before), True
                if piece[end] in PICTURE:
                    self.unknown.add("a JPEG of several scans")
                piece = piece[:end] + self._filled(piece[end:], is_last=not left)
            elif is_over:
                piece = self._filled(piece, is_last=not left)
            yield piece
            before = piece[-1:]

    def _filled(self, rest: bytes, is_last: bool) -> bytes:
        """What fills up before a marker, and at the very end, where readers look for it, the end mark."""
        if rest.strip(b"\0\xff").removeprefix(END[1:]):
            self._cut("bytes behind the picture", rest)
        filler = b"\xff" * len(rest)
        return filler[:-1] + END[1:] if is_last else filler

    def _blanked(self, head: bytes) -> tuple[bytes, int]:
        """The start of a stream whose comments and notes are zeros, at their length, and where its scan begins."""
        out, cleaned = bytearray(head), Cleaned()
        stream = Stream(out, cleaned)
        try:
            while head[:2] == START and stream.marker() not in (0, EOI):
                if stream.pass_segment() == SOS:
                    stream.blank_tables()
                    self._note(cleaned)
                    return bytes(out), stream.at
        except SlideRefused:
            pass  # told as damaged, as one without a scan is
        self._note(cleaned)
        self.unknown.add(DAMAGED)
        return bytes(out), len(out)

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
        end = j2k_end(data, at)
        if end is None:
            self.unknown.add(UNCLEAR)
        elif data[end:].strip(b"\0"):
            self._cut("bytes behind tiles", data[end:])
        return b"".join((*kept, data[at:end]))

    def _note(self, cleaned: Cleaned) -> None:
        """Take over what was met in one stream."""
        self.removed |= cleaned.removed
        self.unknown |= cleaned.unknown
        self.needed = cleaned.needed
        for payload in cleaned.payloads:
            self._cut("", payload)

    def _cut(self, what: str, payload: bytes) -> None:
        if what:
            self.removed.add(what)
        if payload not in self.payloads[-8:]:  # tiles repeat what the coder says
            self.payloads.append(payload)


def bare_scan_at(data: bytes) -> int:
    """Where the scan begins of a JPEG with one, nothing before it but what makes the picture, and nothing behind it.

    0 of others. Most tiles are such; to look for markers all through coded pixels, as `clean_jpeg` does, takes many
    times as long.
    """
    if data.count(b"\xff\xda") != 1 or data.count(END) != 1 or not data.endswith(END) or data[:2] != START:
        return 0
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] in PICTURE:
        is_scan = data[at + 1] == SOS
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
        if is_scan:
            return at
    return 0


@functools.lru_cache(64)
def clean_head(head: bytes) -> Cleaned:
    """What comes before the only scan of a bare stream, without the tables that it does not use.

    Kept for further tiles, of which most have the same. SlideRefused where a segment of it is not one.
    """
    kept: list[Segment | bytes] = [START]
    tables, at = Tables(), 2
    while at < len(head):
        end = at + 2 + max(2, int.from_bytes(head[at + 2 : at + 4]))
        kept.append(tables.take(head[at:end]) or head[at:end])
        at = end
    cleaned = Cleaned()
    cleaned.drop_unused(tables)
    cleaned.data = b"".join(part.kept() if isinstance(part, Segment) else part for part in kept)
    return cleaned


def is_tiled(directory: Directory) -> bool:
    """Whether a picture is stored in tiles."""
    return TILE_OFFSETS in directory.entries


def decoded_bytes(directory: Directory, number: int, order: str) -> int:
    """How many bytes the samples of a tile or strip have, subsampled colours counted in full."""
    width, height = directory.number(WIDTH, order), directory.number(HEIGHT, order)
    rows = min(directory.number(ROWS_PER_STRIP, order, height) or height, height)
    if is_tiled(directory):
        width, rows = directory.number(TILE_WIDTH, order), directory.number(TILE_LENGTH, order)
    else:
        strips = -(-height // max(1, rows))
        rows = min(rows, height - number % max(1, strips) * rows)
    samples = directory.number(SAMPLES, order, 1) if directory.number(PLANAR, order, 1) == 1 else 1
    return -(-width * samples * directory.number(BITS, order, 1) // 8) * rows
