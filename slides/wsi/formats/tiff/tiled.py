"""Tiled TIFF and OME-TIFF pyramids read tile by tile with tifffile, one codec call per tile."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.holes import Gaps, Tiles, find_gaps, is_stored, level_0_hint
from slides.wsi.formats.source import GREY_HINT
from slides.wsi.formats.tiff.pages import Pick, list_pages, open_tiff, pick_picture, refusing_spoilt
from slides.wsi.formats.tiff.samples import (
    colour_count,
    deep_hint,
    has_icc,
    refuse_pages_without_rgb,
    scale_of,
    to_rgb,
)
from slides.wsi.metadata import levels_from_sizes

COMPRESSION = tifffile.COMPRESSION
PROVEN = {  # codings that give the same pixels here as in OpenSlide; a test compares them
    COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.JPEG,
    COMPRESSION.APERIO_JP2000_RGB, COMPRESSION.ZSTD,
}  # fmt: skip
HOLE_PX = 16  # of a smaller level, across a tile of level 0, to see what is there
MOST_LOOKED_AT_PX = 16_000_000
MAX_TILE_PIXELS = 4096 * 4096
CACHED_PIXELS = 6_000_000  # decoded tiles kept per open slide: 18 MB
BITS_SAMPLES = 16
MOST_SAMPLES = 4  # colour and alpha


class TiffSource:
    """One picture of a TIFF whose pages are all tiled RGB or grey, of 8 bits or brought down to 8."""

    held_bytes = 3 * CACHED_PIXELS
    format: str
    mpp_x: float | None
    mpp_y: float | None
    objective: float | None
    power_is_apparent = False
    is_reduced = False
    levels_are_files = False
    bounds: tuple[int, ...] = ()
    scanner: str
    scenes: tuple[tuple[int, int], ...]
    hints: tuple[str, ...]

    def __init__(self, path: Path, pick: Pick = pick_picture, scene: int = 0) -> None:
        """pick: which picture is shown. scene: its number, of a file with several."""
        with refusing_spoilt():
            self._tiff = open_tiff(path)
            try:
                self._open(pick, scene)
            except BaseException:
                self.close()
                raise

    def _open(self, pick: Pick, scene: int) -> None:
        picture = pick(self._tiff, scene)
        self._show(picture.pages, picture.significant_bits)
        self.hints += picture.hints
        self.format, self.scenes, self.scanner = picture.format, picture.scenes, picture.scanner
        self.mpp_x, self.mpp_y, self.objective = picture.mpp_x, picture.mpp_y, picture.objective

    def _show(self, pages: Sequence[tifffile.TiffPage], significant_bits: int | None = None) -> None:
        """Take these pages for the levels."""
        self._pages = pages
        grey = [refuse_pages_without_rgb(page) for page in pages]
        for page in pages:
            refuse_odd_tiles(page)
        first = pages[0]
        self.levels = levels_from_sizes([(page.imagewidth, page.imagelength) for page in pages])
        self.tile_size: int | None = first.tilewidth
        self.mpp_x = self.mpp_y = self.objective = None
        self.scanner, self.icc = "", "noted" if has_icc(first) else ""
        self.scenes = ()
        self._cache: collections.OrderedDict[tuple[int, int], np.ndarray] = collections.OrderedDict()
        self._cache_length = max(4, CACHED_PIXELS // (first.tilewidth * first.tilelength))
        self.is_deep = first.bitspersample != 8
        told_by = max(reversed(pages), key=lambda page: page.samplesperpixel)  # the coarsest, of those with alpha
        self._scale = scale_of(told_by, lambda: self._spread_samples(told_by), significant_bits)
        self.hints = (GREY_HINT,) if grey[0] else ()
        self.hints += (deep_hint(self._scale.bits),) if self.is_deep else ()

    def _spread_samples(self, page: tifffile.TiffPage) -> list[np.ndarray]:
        """Those of tiles spread evenly over a level."""
        count = len(page.dataoffsets) // plane_count(page)
        spread = {round(n * (count - 1) / max(1, BITS_SAMPLES - 1)) for n in range(BITS_SAMPLES)}
        tiles = [self._samples(page, index) for index in sorted(spread)]
        return [tile for tile in tiles if tile is not None]

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        page = self._pages[level]
        side_x, side_y = page.tilewidth, page.tilelength
        out = np.full((height, width, 3), 255, np.uint8)
        for row in range(y // side_y, -(-(y + height) // side_y)):
            for column in range(x // side_x, -(-(x + width) // side_x)):
                tile = self._tile(level, column, row)
                if tile is None:
                    continue
                left, top = column * side_x, row * side_y
                x0, y0 = max(x, left), max(y, top)
                x1, y1 = min(x + width, left + tile.shape[1]), min(y + height, top + tile.shape[0])
                out[y0 - y : y1 - y, x0 - x : x1 - x] = tile[y0 - top : y1 - top, x0 - left : x1 - left]
        return out

    def is_proven(self) -> bool:
        """Whether all pages are interleaved RGB or grey in a coding compared with OpenSlide."""
        return not self.is_deep and all(
            page.compression in PROVEN
            and page.planarconfig == tifffile.PLANARCONFIG.CONTIG
            and page.samplesperpixel <= MOST_SAMPLES
            for page in self._pages
        )

    def find_gaps(self) -> Gaps:
        """What is to be left aside because tiles are not in the file."""
        with refusing_spoilt():
            tiles = [stored_tiles(page) for page in self._pages]
            gaps = find_gaps(tiles).and_without(self._other_grounds())
        if tiles[0].is_whole:
            return gaps
        is_lost = self._shows_tissue_in_holes(tiles[0])
        hint = level_0_hint(tiles[0], is_lost)
        smaller = tuple((level.width, level.height) for level in self.levels[1:])
        return Gaps(smaller if is_lost else gaps.sizes, (hint, *gaps.hints))

    def _other_grounds(self) -> list[tuple[int, int]]:
        """(width, height) of smaller levels that know transparency where level 0 does not, or the other way."""
        if not self._scale.has_alpha:
            return []
        has = [page.samplesperpixel > colour_count(page) for page in self._pages]
        sizes = [(level.width, level.height) for level in self.levels]
        return [size for size, each in zip(sizes, has, strict=True) if each != has[0]]

    def _shows_tissue_in_holes(self, first: Tiles) -> bool:
        """Whether a smaller level has something where level 0 leaves out tiles, by the coarsest that shows enough."""
        sizes = [(number, level) for number, level in enumerate(self.levels) if number]
        fine = [(n, level) for n, level in sizes if first.tile_w / level.downsample >= HOLE_PX] or sizes[:1]
        fine = [(n, level) for n, level in fine if level.width * level.height <= MOST_LOOKED_AT_PX]
        if not fine:
            return False
        number, level = fine[-1]
        return first.shows_tissue(self.read_level(number, 0, 0, level.width, level.height))

    @property
    def begins_with_its_scan(self) -> bool:
        """Whether level 0 is the file's first page, and the largest in tiles, as makers write it."""
        first = self._pages[0]
        tiled = (page for page in list_pages(self._tiff) if page.is_tiled)
        most = max(page.imagewidth * page.imagelength for page in tiled)
        return first.treeindex == (0,) and first.imagewidth * first.imagelength == most

    def close(self) -> None:
        """See `Source.close`."""
        self._tiff.close()

    def _tile(self, level: int, column: int, row: int) -> np.ndarray | None:
        """(h, w, 3) uint8 of one stored tile, cut at the image's edge; None where the file leaves it out."""
        page = self._pages[level]
        index = row * math.ceil(page.imagewidth / page.tilewidth) + column
        key = (level, index)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        with refusing_spoilt(f"Part of the {self.format} file is damaged and cannot be decoded."):
            samples = self._samples(page, index)
            tile = None if samples is None else to_rgb(samples, page, self._scale)
        if tile is not None:
            self._cache[key] = tile
            if len(self._cache) > self._cache_length:
                self._cache.popitem(last=False)
        return tile

    def _samples(self, page: tifffile.TiffPage, index: int) -> np.ndarray | None:
        """(h, w, samples) of one stored tile, None where the file leaves it out."""
        planes = plane_count(page)
        per_plane = len(page.dataoffsets) // planes
        parts = []
        for plane in range(planes):
            segment = self._segment(page, plane * per_plane + index)
            if segment is None:
                return None
            parts.append(segment)
        return parts[0] if planes == 1 else np.stack([part[..., 0] for part in parts], axis=2)

    def _segment(self, page: tifffile.TiffPage, index: int) -> np.ndarray | None:
        """(h, w, samples) of one stored segment."""
        length = page.databytecounts[index]
        if not is_stored(page.dataoffsets[index], length):
            return None
        handle = self._tiff.filehandle
        handle.seek(page.dataoffsets[index])
        data = handle.read(length)
        if len(data) != length:
            raise SlideRefused("The file ends early: a part of the image is missing.", "truncated")
        segment, _, shape = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)
        if segment is None:
            return None
        _, height, width, _ = shape
        return segment[0, :height, :width]


class MadeLevels(TiffSource):
    """The levels that `slides.wsi.pyramid` made: each page is one."""

    def _open(self, pick: Pick, scene: int) -> None:
        self._show([page.aspage() for page in self._tiff.pages])
        self.format = "made levels"


def plane_count(page: tifffile.TiffPage) -> int:
    """In how many parts, one for each sample, a tile is stored."""
    return page.samplesperpixel if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else 1


def stored_tiles(page: tifffile.TiffPage) -> Tiles:
    """Which of a page's tiles are in the file, with all their planes."""
    rows, columns = -(-page.imagelength // page.tilelength), -(-page.imagewidth // page.tilewidth)
    planes = plane_count(page)
    offsets, lengths = (np.array(numbers, np.int64) for numbers in (page.dataoffsets, page.databytecounts))
    count = rows * columns * planes
    stored = np.zeros(count, bool)
    found = ((offsets > 0) & (lengths > 0))[:count]
    stored[: len(found)] = found
    stored = np.asarray(stored.reshape(planes, rows, columns).all(axis=0))
    return Tiles(stored, page.imagewidth, page.imagelength, page.tilewidth, page.tilelength)


def refuse_odd_tiles(page: tifffile.TiffPage) -> None:
    """Refuse pages without tiles, and tiles so large that decoding one would fill the memory."""
    if not page.is_tiled:
        raise SlideRefused("A level of the TIFF has no tiles; save it as a tiled pyramid.", "format")
    if page.tilewidth * page.tilelength > MAX_TILE_PIXELS:
        raise SlideRefused("The TIFF's tiles are too large; tiles of up to 4,096 px are read.", "size")
