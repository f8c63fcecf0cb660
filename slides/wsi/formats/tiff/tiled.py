"""Tiled TIFF and OME-TIFF pyramids read tile by tile with tifffile, one codec call per tile."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.source import GREY_HINT
from slides.wsi.formats.tiff.pages import Pick, open_tiff, pick_picture
from slides.wsi.formats.tiff.samples import (
    SPOILT,
    bits_in_use,
    deep_hint,
    has_icc,
    refuse_pages_without_rgb,
    to_rgb,
)
from slides.wsi.metadata import levels_from_sizes

COMPRESSION = tifffile.COMPRESSION
PROVEN = {  # codings that give the same pixels here as in OpenSlide; a test compares them
    COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.JPEG,
    COMPRESSION.APERIO_JP2000_RGB, COMPRESSION.ZSTD,
}  # fmt: skip
MAX_TILE_PIXELS = 4096 * 4096
CACHED_PIXELS = 6_000_000  # decoded tiles kept per open slide: 18 MB
BITS_SAMPLES = 16


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
    scanner: str
    scenes: tuple[tuple[int, int], ...]
    hints: tuple[str, ...]

    def __init__(self, path: Path, pick: Pick = pick_picture, scene: int = 0) -> None:
        """pick: which picture is shown. scene: its number, of a file with several."""
        try:
            self._tiff = open_tiff(path)
        except SPOILT:
            raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None
        try:
            self._open(pick, scene)
        except SlideRefused:
            self.close()
            raise
        except SPOILT:
            self.close()
            raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None

    def _open(self, pick: Pick, scene: int) -> None:
        picture = pick(self._tiff, scene, True)
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
        self.bits = (significant_bits or self._bits_in_use()) if self.is_deep else 8
        self.hints = (GREY_HINT,) if grey[0] else ()
        self.hints += (deep_hint(self.bits),) if self.is_deep else ()

    def _bits_in_use(self) -> int:
        """As tiles spread evenly over the coarsest level tell it."""
        page = self._pages[-1]
        count = len(page.dataoffsets)
        spread = {round(n * (count - 1) / max(1, BITS_SAMPLES - 1)) for n in range(BITS_SAMPLES)}
        segments = [self._segment(page, index) for index in sorted(spread)]
        return bits_in_use([segment for segment in segments if segment is not None])

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
        """Whether all pages are interleaved RGB or grey in a coding compared with OpenSlide, no tile missing."""
        return not self.is_deep and all(
            page.compression in PROVEN
            and page.planarconfig == tifffile.PLANARCONFIG.CONTIG
            and page.samplesperpixel in (1, 3)
            and min(page.databytecounts, default=0) > 0
            for page in self._pages
        )

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
        try:
            tile = self._decode(page, index)
        except SlideRefused:
            raise
        except SPOILT:
            raise SlideRefused(f"Part of the {self.format} file is damaged and cannot be decoded.", "broken") from None
        if tile is not None:
            self._cache[key] = tile
            if len(self._cache) > self._cache_length:
                self._cache.popitem(last=False)
        return tile

    def _decode(self, page: tifffile.TiffPage, index: int) -> np.ndarray | None:
        planes = page.samplesperpixel if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else 1
        per_plane = len(page.dataoffsets) // planes
        parts = []
        for plane in range(planes):
            segment = self._segment(page, plane * per_plane + index)
            if segment is None:
                return None
            parts.append(segment)
        samples = parts[0] if planes == 1 else np.stack([part[..., 0] for part in parts])
        return to_rgb(samples, page, self.bits)

    def _segment(self, page: tifffile.TiffPage, index: int) -> np.ndarray | None:
        """(h, w, samples) of one stored segment."""
        length = page.databytecounts[index]
        if length == 0:
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


def refuse_odd_tiles(page: tifffile.TiffPage) -> None:
    """Refuse pages without tiles, and tiles so large that decoding one would fill the memory."""
    if not page.is_tiled:
        raise SlideRefused("A level of the TIFF has no tiles; save it as a tiled pyramid.", "format")
    if page.tilewidth * page.tilelength > MAX_TILE_PIXELS:
        raise SlideRefused("The TIFF's tiles are too large; tiles of up to 4,096 px are read.", "size")
