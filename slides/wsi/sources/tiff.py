"""Tiled TIFF and OME-TIFF pyramids read tile by tile with tifffile, one codec call per tile."""

from __future__ import annotations

import collections
import math
import re
from pathlib import Path

import numpy as np
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import levels_from_sizes
from slides.wsi.sources.base import Source
from slides.wsi.sources.tiff_pages import (
    GREY_HINT,
    SPOILT,
    deep_hint,
    has_icc,
    page_density,
    refuse_pages_without_rgb,
    scanner_of,
    to_rgb,
)

COMPRESSION = tifffile.COMPRESSION
PROVEN = {  # codings that give the same pixels here as in OpenSlide; a test compares them
    COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.JPEG,
    COMPRESSION.APERIO_JP2000_RGB, COMPRESSION.ZSTD,
}  # fmt: skip
MAX_TILE_PIXELS = 4096 * 4096
CACHED_PIXELS = 6_000_000  # decoded tiles kept per open slide: 18 MB
PIXELS_ELEMENT = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>")
ATTRIBUTE = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
NOT_SCENES = ("label", "macro", "thumbnail", "overview")  # parts of names that converters give to such pictures
BITS_SAMPLES = 16
MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}  # both signs for micro


class TiffSource:
    """One picture of a TIFF whose pages are all tiled RGB or grey, of 8 bits or brought down to 8."""

    held_bytes = 3 * CACHED_PIXELS

    def __init__(self, path: Path, scene: int = 0) -> None:
        """scene: which picture of an OME-TIFF with several."""
        try:
            self._tiff = tifffile.TiffFile(path)
        except SPOILT:
            raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None
        try:
            self._open(scene)
        except SlideRefused:
            self.close()
            raise
        except SPOILT:
            self.close()
            raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None

    def _open(self, scene: int) -> None:
        is_ome = self._tiff.is_ome
        pictures = ome_pictures(self._tiff) if is_ome else [self._tiff.series[0]]
        if not 0 <= scene < len(pictures):
            raise SlideRefused(f"The file has {len(pictures)} pictures; there is no number {scene + 1}.", "parts")
        series = pictures[scene]
        middle, planes = middle_plane(series)
        self._show([level.pages[middle].aspage() for level in series.levels])
        if planes > 1:
            self.hints += (f"Of {planes} focus planes the middle one is shown.",)
        self.format = "OME-TIFF" if is_ome else "Tiled TIFF"
        self.scenes = tuple((each.keyframe.imagewidth, each.keyframe.imagelength) for each in pictures)
        self.scenes = self.scenes if len(pictures) > 1 else ()
        if is_ome:
            number = self._tiff.series.index(series)
            self.mpp_x, self.mpp_y = ome_pixel_size(self._tiff.ome_metadata or "", number)

    def _show(self, pages: list[tifffile.TiffPage]) -> None:
        """Take these pages for the levels."""
        self._pages = pages
        grey = [refuse_pages_without_rgb(page) for page in pages]
        for page in pages:
            refuse_odd_tiles(page)
        first = pages[0]
        self.levels = levels_from_sizes([(page.imagewidth, page.imagelength) for page in pages])
        self.tile_size: int | None = first.tilewidth
        self.objective: float | None = None
        self.mpp_x, self.mpp_y = page_density(first)
        self.scanner, self.icc = scanner_of(first), "noted" if has_icc(first) else ""
        self.scenes: tuple[tuple[int, int], ...] = ()
        self._cache: collections.OrderedDict[tuple[int, int], np.ndarray] = collections.OrderedDict()
        self._cache_length = max(4, CACHED_PIXELS // (first.tilewidth * first.tilelength))
        self.is_deep = first.bitspersample != 8
        self.bits = self._bits_in_use() if self.is_deep else 8
        self.hints: tuple[str, ...] = (GREY_HINT,) if grey[0] else ()
        self.hints += (deep_hint(self.bits),) if self.is_deep else ()

    def _bits_in_use(self) -> int:
        """Of 16 stored ones, how many the coarsest level's values take: told by tiles spread evenly over it."""
        page = self._pages[-1]
        count = len(page.dataoffsets)
        brightest = 0
        for index in sorted({round(n * (count - 1) / max(1, BITS_SAMPLES - 1)) for n in range(BITS_SAMPLES)}):
            segment = self._segment(page, index)
            brightest = brightest if segment is None else max(brightest, int(segment.max()))
        return max(8, brightest.bit_length())

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

    def _open(self, scene: int) -> None:
        self._show([page.aspage() for page in self._tiff.pages])
        self.format = "made levels"


def ome_pictures(tiff: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The scenes of an OME-TIFF: its tiled series, less what is called a label, macro or thumbnail."""
    named = [(series, series.name.lower()) for series in tiff.series if series.keyframe.is_tiled]
    scenes = [series for series, name in named if not any(word in name for word in NOT_SCENES)]
    return scenes or [tiff.series[0]]


def middle_plane(series: tifffile.TiffPageSeries) -> tuple[int, int]:
    """(number of the middle page, pages): one each for a plain picture. Refuses channels on pages of their own."""
    count = len(series.pages)
    if count == 1:
        return 0, 1
    planes = series.shape[series.axes.index("Z")] if "Z" in series.axes else 0
    if planes != count:
        raise SlideRefused("The TIFF keeps its channels on separate pages; one RGB image is read.", "depth")
    return count // 2, count


def quicker(tiff: TiffSource, slide: Source) -> Source:
    """The slide read by tifffile, three times as quick, where it has the same levels, no gap and a proven coding.

    Else as OpenSlide reads it, which knows what makers do with missing tiles and odd colours. The other is closed.
    """
    if tiff.levels != slide.levels or not tiff.is_proven():
        tiff.close()
        return slide
    tiff.format, tiff.objective = slide.format, slide.objective
    tiff.mpp_x, tiff.mpp_y = slide.mpp_x, slide.mpp_y
    tiff.scanner, tiff.icc = slide.scanner or tiff.scanner, slide.icc or tiff.icc
    slide.close()
    return tiff


def is_tiled(path: Path) -> bool:
    """Whether the first page is stored in tiles."""
    try:
        with tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.is_tiled
    except SPOILT:
        raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None


def refuse_odd_tiles(page: tifffile.TiffPage) -> None:
    """Refuse pages without tiles, and tiles so large that decoding one would fill the memory."""
    if not page.is_tiled:
        raise SlideRefused("A level of the TIFF has no tiles; save it as a tiled pyramid.", "format")
    if page.tilewidth * page.tilelength > MAX_TILE_PIXELS:
        raise SlideRefused("The TIFF's tiles are too large; tiles of up to 4,096 px are read.", "size")


def ome_pixel_size(xml: str, number: int = 0) -> tuple[float | None, float | None]:
    """µm per pixel in x and y from a Pixels element of OME-XML (default unit µm)."""
    found = PIXELS_ELEMENT.findall(xml)
    attributes = dict(ATTRIBUTE.findall(found[number])) if number < len(found) else {}
    return _micrometres(attributes, "PhysicalSizeX"), _micrometres(attributes, "PhysicalSizeY")


def _micrometres(attributes: dict[str, str], name: str) -> float | None:
    factor = MICROMETRES.get(attributes.get(name + "Unit", "µm"))
    try:
        return float(attributes[name]) * factor if factor and name in attributes else None
    except ValueError:
        return None
