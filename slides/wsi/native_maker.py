"""Make the index of `slides.wsi.native`: find the stored levels that lie on Deep Zoom's grid and look at every tile.

Run in a limited child. A level is taken only if some of its tiles, decoded as browsers do, show what the reader does.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import simplejpeg

from slides.wsi import jpeg_parts, native
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.formats.base import StoredLevel
from slides.wsi.formats.registry import recognise
from slides.wsi.formats.tiff.stored import stored_levels as tiff_levels
from slides.wsi.reader import SlideReader, open_slide

SAMPLES = 6
LIKE_THE_READER = 2  # grey values; upsampling of colour differs by one between libraries
SHARE_LIKE = 0.999


def make_index(paths: list[Path], levels: Path | None, scene: int) -> bytes:
    """The bytes of the index; none where no tile can be sent as it is. SlideRefused where the slide does not open."""
    files = [*paths, *([levels] if levels else [])]
    format = recognise(paths).format
    stored = [level for n, path in enumerate(paths) if path.is_file() for level in format.stored_levels(n, path)]
    if levels:
        stored += tiff_levels(len(paths), levels)
    if not stored:
        return b""
    with open_slide(paths, scene=scene, levels=levels) as reader:
        tile_size = native.tile_size_for(reader.info.tile_size)
        zoom = DeepZoom(reader.info.width, reader.info.height, tile_size, 0)
        shown = [(level.width, level.height) for level in reader.info.levels]  # not those that were left aside
        fitting = [
            level
            for level in stored
            if level.tile_px == tile_size and (level.file == len(paths) or (level.width, level.height) in shown)
        ]
        packed = [level for n in range(len(zoom.levels)) if (level := pack_level(n, zoom, fitting, files, reader))]
    if not packed or sum(level.columns * level.rows for level in packed) > native.MAX_TILES:
        return b""
    used = {level.file: files[level.file].stat().st_size for level in packed}
    return native.pack(tile_size, zoom.width, zoom.height, used, packed)


def pack_level(
    number: int, zoom: DeepZoom, stored: list[StoredLevel], files: list[Path], reader: SlideReader
) -> native.PackedLevel | None:
    """The first stored level that is this Deep Zoom level, with the tiles that can be sent; else None."""
    width, height = zoom.levels[number]
    for level in stored:
        # Makers cut a last odd pixel off, so a level may be one short; tiles that are not whole are left out.
        if 0 <= width - level.width <= 1 and 0 <= height - level.height <= 1:
            packed = look_at(number, level, files[level.file])
            if packed is not None and shows_what_the_reader_shows(packed, zoom, files[level.file], reader):
                return packed
    return None


def look_at(number: int, level: StoredLevel, file: Path) -> native.PackedLevel | None:
    """Every whole tile of a level looked at from first to last byte; None where none can be sent."""
    columns, rows = level.width // level.tile_px, level.height // level.tile_px
    entries, skip, components = array("Q", bytes(8 * columns * rows)), None, None
    with file.open("rb") as handle:
        size = file.stat().st_size
        for row in range(rows):
            for column in range(columns):
                index = row * level.columns + column
                offset, length = level.offsets[index], level.lengths[index]
                if length < native.SHORTEST or length > native.LENGTH_MASK or offset + length > size:
                    continue
                handle.seek(offset)
                try:
                    tile = jpeg_parts.read_plain(handle.read(length))
                except jpeg_parts.NotPlain:
                    continue
                if skip is None:
                    skip, components = tile.skip, tile.components
                if (tile.width, tile.height) != (level.tile_px,) * 2 or (tile.skip, tile.components) != (
                    skip,
                    components,
                ):
                    continue
                entries[row * columns + column] = offset << native.LENGTH_BITS | tile.length
    if skip is None:
        return None
    try:
        prefix = jpeg_parts.head_before(level.tables, components or 3, level.transform)
    except jpeg_parts.NotPlain:
        return None
    return native.PackedLevel(number, level.file, skip, prefix, columns, rows, little_endian(entries))


def shows_what_the_reader_shows(packed: native.PackedLevel, zoom: DeepZoom, file: Path, reader: SlideReader) -> bool:
    """Whether samples of a level, decoded by their own, are what the reader reads there: right place, right colours."""
    entries = np.frombuffer(packed.entries, "<u8")
    held = np.flatnonzero(entries)
    for index in held[np.linspace(0, len(held) - 1, min(SAMPLES, len(held))).astype(int)] if len(held) else []:
        offset, length = int(entries[index]) >> native.LENGTH_BITS, int(entries[index]) & native.LENGTH_MASK
        with file.open("rb") as handle:
            handle.seek(offset)
            data = handle.read(length)
        row, column = divmod(int(index), packed.columns)
        box = zoom.tile_box(packed.level, column, row)
        try:
            sent = simplejpeg.decode_jpeg(packed.prefix + data[2 + packed.skip :], "RGB")
        except ValueError:
            return False
        read = reader.read(box.x_l0, box.y_l0, box.width, box.height, box.downsample)
        if np.mean(np.abs(sent.astype(np.int16) - read) <= LIKE_THE_READER) < SHARE_LIKE:
            return False
    return len(held) > 0


def little_endian(entries: array[int]) -> bytes:
    """8 bytes a number, whatever the machine's own order."""
    return np.frombuffer(entries, np.uint64).astype("<u8").tobytes()
