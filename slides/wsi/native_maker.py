"""Make the index of `slides.wsi.native`: find the stored levels that lie on Deep Zoom's grid and look at every tile.

Run in a limited child. A level is taken only if some of its tiles, decoded as browsers do, show what the reader does.
"""

from __future__ import annotations

import dataclasses
import struct
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
import simplejpeg
import tifffile
from pydicom.errors import InvalidDicomError

from slides.wsi import jpeg_parts, native
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import sniff
from slides.wsi.formats.tiff.chain import refuse_tangled
from slides.wsi.formats.tiff.samples import SPOILT
from slides.wsi.reader import SlideReader, open_slide

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
MOST_PAGES = 600
SAMPLES = 6
LIKE_THE_READER = 2  # grey values; upsampling of colour differs by one between libraries
SHARE_LIKE = 0.999
ITEM, PIXEL_DATA = b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00"


@dataclasses.dataclass(frozen=True)
class StoredLevel:
    """A level as a file stores it: a grid of JPEG tiles. columns: of the whole grid, with cut ones at the edge.

    tables: a tables-only stream or None. transform: jpeg_parts.RGB or YCBCR, as the file says it.
    """

    file: int
    width: int
    height: int
    tile_px: int
    columns: int
    tables: bytes | None
    transform: int
    offsets: Sequence[int]
    lengths: Sequence[int]


def make_index(paths: list[Path], levels: Path | None, scene: int) -> bytes:
    """The bytes of the index; none where no tile can be sent as it is. SlideRefused where the slide does not open."""
    files = [*paths, *([levels] if levels else [])]
    stored = [level for number, file in enumerate(files) for level in stored_levels(number, file)]
    if not stored:
        return b""
    with open_slide(paths, scene=scene, levels=levels) as reader:
        tile_size = native.tile_size_for(reader.info.tile_size)
        zoom = DeepZoom(reader.info.width, reader.info.height, tile_size, 0)
        packed = [
            level
            for number in range(len(zoom.levels))
            if (
                level := pack_level(number, zoom, [each for each in stored if each.tile_px == tile_size], files, reader)
            )
        ]
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


def little_endian(entries: array) -> bytes:
    """8 bytes a number, whatever the machine's own order."""
    return np.frombuffer(entries, np.uint64).astype("<u8").tobytes()


def stored_levels(number: int, file: Path) -> list[StoredLevel]:
    """The JPEG levels of one file, empty for formats without."""
    try:
        magic = sniff(file) if file.is_file() else ""
    except SlideRefused:  # a part of a set of files that is no image by itself
        return []
    if magic == "tiff":
        refuse_tangled(file)
        try:
            with tifffile.TiffFile(file) as tiff:
                return [level for page in tiff_pages(tiff) if (level := tiff_level(number, page))]
        except SPOILT:
            return []
    return dicom_levels(number, file) if magic == "dicom" else []


def tiff_pages(tiff: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """All pages and those in their SubIFDs."""
    for count, page in enumerate(tiff.pages):
        if count >= MOST_PAGES:
            return
        if isinstance(page, tifffile.TiffPage):
            yield page
            yield from (sub for sub in page.pages or () if isinstance(sub, tifffile.TiffPage))


def tiff_level(number: int, page: tifffile.TiffPage) -> StoredLevel | None:
    """A page stored in square JPEG tiles, colours beside each other in each; else None."""
    if (
        not page.is_tiled
        or page.compression != tifffile.COMPRESSION.JPEG
        or page.planarconfig != tifffile.PLANARCONFIG.CONTIG
        or page.tilewidth != page.tilelength
        or page.jpegheader is not None
    ):
        return None
    transform = jpeg_parts.YCBCR if page.photometric == tifffile.PHOTOMETRIC.YCBCR else jpeg_parts.RGB
    columns = -(-page.imagewidth // page.tilewidth)
    if len(page.dataoffsets) < columns * -(-page.imagelength // page.tilelength):
        return None
    return StoredLevel(
        number, page.imagewidth, page.imagelength, page.tilewidth, columns, page.jpegtables, transform,
        page.dataoffsets, page.databytecounts,
    )  # fmt: skip


def dicom_levels(number: int, file: Path) -> list[StoredLevel]:
    """The one level of a DICOM instance whose frames are baseline JPEG, one fragment each, in rows; else none."""
    try:
        with file.open("rb") as handle:
            data = pydicom.dcmread(handle, stop_before_pixels=True)
            place = handle.tell()
            width, height = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
            tile_px, kind = int(data.Columns), data.get("DimensionOrganizationType", "")
            plain = data.file_meta.TransferSyntaxUID == JPEG_BASELINE and kind == "TILED_FULL"
            planes = int(data.get("TotalPixelMatrixFocalPlanes", 1)) * int(data.get("NumberOfOpticalPaths", 1))
            if not plain or planes != 1 or int(data.Rows) != tile_px or "ConcatenationUID" in data:
                return []
            items = list(fragments(handle, place))
            count = int(data.NumberOfFrames)
    except (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError, OSError, EOFError, RecursionError):
        return []
    columns = -(-width // tile_px)
    if len(items) != count or count < columns * -(-height // tile_px):
        return []
    transform = jpeg_parts.RGB if data.PhotometricInterpretation == "RGB" else jpeg_parts.YCBCR
    offsets, lengths = zip(*items, strict=True)
    return [StoredLevel(number, width, height, tile_px, columns, None, transform, offsets, lengths)]


def fragments(handle: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of each item of the encapsulated pixel data at `place`, behind its offset table."""
    handle.seek(place)
    if handle.read(12)[:4] != PIXEL_DATA:
        raise ValueError("no pixel data")
    at, first = place + 12, True
    while (head := handle.read(8))[:4] == ITEM:
        (length,) = struct.unpack("<I", head[4:])
        if not first:
            yield at + 8, length
        at, first = at + 8 + length, False
        handle.seek(at)
