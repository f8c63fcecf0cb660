"""Tiles that a slide file holds as JPEG already, sent without decoding: an index made at ingest, and reading by it.

    native.write_index(paths, folder / "native.idx", levels)          # once, decodes in a limited child
    index = native.NativeIndex(folder / "native.idx", [*paths, levels])
    index.tile(level=14, column=3, row=5)                             # JPEG bytes, None where there is none

The index names places in the files and nothing else. Tiles are those of Deep Zoom without overlap. Safe in a web
process: nothing is decoded, reads stay inside the files, and only what starts and ends as a JPEG is given out.

Layout, little endian: HEADER; a FILE for each file used; a LEVEL for each level; the prefixes; from a multiple of 8
on one number for each tile, row by row: offset << 24 | length, 0 where a tile must be decoded.
"""

from __future__ import annotations

import dataclasses
import math
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from slides.wsi import jpeg_parts
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.disk import write_private
from slides.wsi.errors import DecoderDied, SlideRefused
from slides.wsi.sandbox.decoder_child import as_paths, start_child

MAGIC = b"MWTILES1"
HEADER = struct.Struct("<8sIIIHH")  # magic, tile size, width, height, files, levels
FILE = struct.Struct("<QQ")  # place in the caller's list, bytes
LEVEL = struct.Struct("<HHHHIIQ")  # Deep Zoom level, file, bytes to skip, prefix's length, columns, rows, first entry
ENTRY = struct.Struct("<Q")
LENGTH_BITS = 24
LENGTH_MASK = (1 << LENGTH_BITS) - 1
MAX_FILES, MAX_LEVELS, MAX_TILES = 64, 32, 6_000_000
MAX_PREFIX_BYTES = jpeg_parts.MAX_TABLES_BYTES + 32
HEAD_BYTES = HEADER.size + MAX_FILES * FILE.size + MAX_LEVELS * (LEVEL.size + MAX_PREFIX_BYTES)  # at most
SHORTEST = 20  # bytes of a tile; a JPEG has more
LARGEST_TILE_PX = 1024
USUAL_TILE_PX = 256
BYTES_PER_S = 20e6  # every byte of the tiles is looked at; slower than any disk that holds slides


class BadIndex(ValueError):
    """The index does not fit its files; tiles are decoded instead."""


@dataclasses.dataclass(frozen=True, slots=True)
class NativeLevel:
    """The stored tiles of one Deep Zoom level. prefix: bytes before each tile's own. first: byte of its entries."""

    level: int
    file: int
    skip: int
    prefix: bytes
    columns: int
    rows: int
    first: int


def tile_size_for(stored: int | None) -> int:
    """The side of Deep Zoom tiles for a file with tiles of this width: its own, or 256 where that would not do."""
    return stored if stored is not None and 64 <= stored <= LARGEST_TILE_PX else USUAL_TILE_PX


def write_index(
    paths: Sequence[Path] | Path,
    target: Path,
    levels: Path | None = None,
    scene: int = 0,
    memory_mb: int = 2048,
    timeout_s: float | None = None,
) -> bool:
    """Write the index of a slide and its made levels; False, and no file, where no tile can be sent as it is.

    A limited child reads the files. Raises SlideRefused for a file that does not open, also where the child dies of it,
    and CutShort where the machine ended the child. timeout_s: None takes what the size of the files asks for.
    """
    files = as_paths(paths)
    every = [*files, levels] if levels else files
    seconds = timeout_s or 60 + sum(path.stat().st_size for path in every if path.is_file()) / BYTES_PER_S
    request = {"op": "index", "scene": scene, "levels": str(levels.absolute()) if levels else None}
    child = start_child(memory_mb, cpu_s=math.ceil(seconds), readable=every)
    try:
        _, body = child.ask(files, request | {"timeout_s": seconds}, seconds)
    except DecoderDied as death:
        raise SlideRefused(f"The file could not be read safely ({death.cause}).", "limits") from death
    finally:
        child.kill()
    if not body:
        target.unlink(missing_ok=True)
        return False
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    write_private(fresh, body)
    NativeIndex(fresh, every)  # BadIndex for what a child that was taken over may have written
    fresh.replace(target)
    return True


class NativeIndex:
    """An open index and the files it points into. May be shared by threads; closed with its last reference."""

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        """BadIndex where it does not fit the files; OSError where one of them is not there."""
        # Read and not mapped: a file of an erased slide is emptied, and to read such a map would end this process.
        self._index = Handle(path)
        head = os.pread(self._index.number, HEAD_BYTES, 0)
        if len(head) < HEADER.size:
            raise BadIndex("too short")
        magic, self.tile_size, self.width, self.height, file_count, level_count = HEADER.unpack_from(head)
        if magic != MAGIC or not 1 <= file_count <= MAX_FILES or level_count > MAX_LEVELS:
            raise BadIndex("not an index")
        try:
            used = [FILE.unpack_from(head, HEADER.size + FILE.size * number) for number in range(file_count)]
            self._files = [Handle(files[place]) for place, _ in used]
            self._levels = self._read_levels(head, HEADER.size + FILE.size * file_count, level_count)
        except (struct.error, jpeg_parts.NotPlain, IndexError) as error:
            raise BadIndex(f"damaged: {error}") from None
        if [file_bytes for _, file_bytes in used] != [file.bytes for file in self._files]:
            raise BadIndex("a file has changed its size")

    @property
    def handles(self) -> int:
        """How many files it holds open."""
        return len(self._files)

    @property
    def levels(self) -> tuple[int, ...]:
        """Numbers of the Deep Zoom levels of which tiles are here."""
        return tuple(sorted(self._levels))

    def has(self, level: int, column: int, row: int) -> bool:
        """Whether the tile is here."""
        return self._entry(level, column, row) != 0

    def tile(self, level: int, column: int, row: int) -> bytes | None:
        """The tile as a whole JPEG; None where it is to be decoded, also when the file is not what it was."""
        entry = self._entry(level, column, row)
        if not entry:
            return None
        place = self._levels[level]
        file, offset, length = self._files[place.file], entry >> LENGTH_BITS, entry & LENGTH_MASK
        if length < SHORTEST + place.skip or offset + length > file.bytes:
            return None
        data = os.pread(file.number, length, offset)
        if len(data) != length or data[:2] != jpeg_parts.SOI or data[-2:] != jpeg_parts.EOI:
            return None
        return place.prefix + data[2 + place.skip :]

    def _entry(self, level: int, column: int, row: int) -> int:
        place = self._levels.get(level)
        if place is None or not (0 <= column < place.columns and 0 <= row < place.rows):
            return 0
        entry = os.pread(self._index.number, ENTRY.size, place.first + ENTRY.size * (row * place.columns + column))
        return ENTRY.unpack(entry)[0] if len(entry) == ENTRY.size else 0

    def _read_levels(self, head: bytes, at: int, count: int) -> dict[int, NativeLevel]:
        rows = [LEVEL.unpack_from(head, at + LEVEL.size * number) for number in range(count)]
        prefix_at = at + LEVEL.size * count
        zoom = DeepZoom(self.width, self.height, self.tile_size, 0)
        levels = {}
        for level, file, skip, prefix_bytes, columns, lines, first in rows:
            prefix = head[prefix_at : prefix_at + prefix_bytes]
            prefix_at += prefix_bytes
            refuse_odd_prefix(prefix)
            most_columns, most_lines = zoom.tiles(level)
            inside = prefix_at <= first and first + ENTRY.size * columns * lines <= self._index.bytes
            if not inside or file >= len(self._files) or columns > most_columns or lines > most_lines:
                raise BadIndex("a level outside the index")
            levels[level] = NativeLevel(level, file, skip, prefix, columns, lines, first)
        return levels


class Handle:
    """A file open for reading, closed with its last reference, so that no thread reads from a number used anew."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.bytes = os.fstat(self.number).st_size

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


def refuse_odd_prefix(prefix: bytes) -> None:
    """NotPlain unless it is a start marker, tables and a colour marker: nothing else comes before a tile."""
    if prefix[:2] != jpeg_parts.SOI or len(prefix) > MAX_PREFIX_BYTES:
        raise jpeg_parts.NotPlain("no prefix")
    colours = [jpeg_parts.head_before(None, 3, transform) for transform in (jpeg_parts.RGB, jpeg_parts.YCBCR)]
    at = next((len(colour) for colour in colours if prefix.startswith(colour)), 2)
    jpeg_parts.refuse_other_than_tables(prefix[at:])


def pack(tile_size: int, width: int, height: int, file_bytes: dict[int, int], levels: Sequence[PackedLevel]) -> bytes:
    """The index as bytes. file_bytes: place in the caller's list → bytes, of the files that the levels name."""
    places = list(file_bytes)
    prefixes = b"".join(level.prefix for level in levels)
    start = HEADER.size + FILE.size * len(places) + LEVEL.size * len(levels) + len(prefixes)
    at = start + -start % 8
    parts = [HEADER.pack(MAGIC, tile_size, width, height, len(places), len(levels))]
    parts += [FILE.pack(place, file_bytes[place]) for place in places]
    for level in levels:
        facts = (level.level, places.index(level.file), level.skip, len(level.prefix), level.columns, level.rows, at)
        parts.append(LEVEL.pack(*facts))
        at += len(level.entries)
    return b"".join([*parts, prefixes, bytes(-start % 8), *(level.entries for level in levels)])


@dataclasses.dataclass(frozen=True, slots=True)
class PackedLevel:
    """One level to be written; fields as in NativeLevel. entries: 8 bytes for each tile."""

    level: int
    file: int
    skip: int
    prefix: bytes
    columns: int
    rows: int
    entries: bytes
