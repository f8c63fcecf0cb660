"""Open a slide and read any rectangle of it at any scale.

    with open_slide(path) as reader:
        pixels = reader.read(x_l0=1000, y_l0=2000, out_w=256, out_h=256, downsample=4)

Pixels are decoded by libraries that hostile files can crash: web processes use `slides.wsi.pool` instead.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from slides.wsi.doubts import find_doubts
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.registry import open_source
from slides.wsi.formats.source import Source, no_such_scene
from slides.wsi.metadata import SlideInfo, believed_pixel_size, levels_from_sizes, overview_is_quick
from slides.wsi.resample import Taps, axis_taps, resample

MIN_SIDE_PX = 16
MAX_SIDE_PX = 2_000_000
MAX_OUT_PX = 64_000_000
BAND_PX = 16_000_000  # source pixels decoded at once
LEVEL_SLACK = 1.01  # a level this much coarser than asked for is still taken

WHITE = 255
ICC_HINT = "The file brings a colour profile; colours are shown as they are stored."


class SlideReader:
    """An open slide; not to be shared between threads. `info` says what it is, by the file alone.

    made: levels that were made for the file, to be read where they lie nearer to what is asked for than its own.
    """

    def __init__(self, source: Source, made: Source | None = None) -> None:
        self._source, self._made = source, made
        size = believed_pixel_size(source.mpp_x, source.mpp_y)
        first = source.levels[0]
        info = SlideInfo(
            format=source.format,
            width=first.width,
            height=first.height,
            mpp_x=size.mpp_x,
            mpp_y=size.mpp_y,
            objective=source.objective if source.objective and 1 <= source.objective <= 200 else None,
            levels=source.levels,
            tile_size=source.tile_size,
            hints=source.hints + size.hints + ((ICC_HINT,) if source.icc else ()),
            scanner=source.scanner,
            scenes=source.scenes,
            icc=source.icc,
            bounds=getattr(source, "bounds", ()),
        )
        self.info = dataclasses.replace(info, doubts=find_doubts(info, source))
        refuse_odd_sizes(self.info)
        self._levels = list_levels(source, made)

    def read(self, x_l0: float, y_l0: float, out_w: int, out_h: int, downsample: float) -> np.ndarray:
        """(out_h, out_w, 3) uint8 RGB; top left corner at (x_l0, y_l0), each pixel `downsample` level-0 px wide.

        Taken from the coarsest level that is not coarser than asked for; shrinking averages areas, enlarging
        interpolates. Pixels whose centre lies outside the slide are white. Reads shifted by whole output pixels agree.
        Raises SlideRefused where the file cannot be decoded, ValueError for sizes out of range.
        """
        refuse_odd_request(x_l0, y_l0, out_w, out_h, downsample)
        stored = self._level_for(downsample).as_stored(x_l0, y_l0, out_w, out_h, downsample)
        if stored is not None:
            return stored
        out = np.full((out_h, out_w, 3), WHITE, np.uint8)
        columns_in = _inside(x_l0, downsample, out_w, self.info.width)
        rows_in = _inside(y_l0, downsample, out_h, self.info.height)
        if columns_in.start >= columns_in.stop or rows_in.start >= rows_in.stop:
            return out
        level = self._level_for(downsample)
        factor = level.downsample
        columns = axis_taps(x_l0 / factor, downsample / factor, out_w).part(columns_in.start, columns_in.stop)
        rows = axis_taps(y_l0 / factor, downsample / factor, out_h).part(rows_in.start, rows_in.stop)
        band = max(1, int(BAND_PX / max(1, columns.stop - columns.start) * factor / downsample))
        for first in range(0, rows_in.stop - rows_in.start, band):
            part = rows.part(first, first + band)
            top = rows_in.start + first
            out[top : top + part.index.shape[1], columns_in] = resample(
                self._padded(level, part, columns), part, columns
            )
        return out

    def thumbnail(self, max_px: int) -> np.ndarray:
        """(h, w, 3) uint8 RGB of the whole slide, the longer side at most `max_px`; never enlarged."""
        downsample = max(1.0, max(self.info.width, self.info.height) / max_px)
        out_w = max(1, round(self.info.width / downsample))
        out_h = max(1, round(self.info.height / downsample))
        return self.read(0, 0, out_w, out_h, downsample)

    @property
    def held_bytes(self) -> int:
        """Roughly what keeping this slide open costs in memory."""
        return sum(source.held_bytes for source in self._sources())

    def close(self) -> None:
        """Free the files; closing twice does nothing."""
        for source in self._sources():
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _sources(self) -> list[Source]:
        return [self._source] if self._made is None else [self._source, self._made]

    def _level_for(self, downsample: float) -> ReadableLevel:
        fitting = [level for level in self._levels if level.downsample <= downsample * LEVEL_SLACK]
        return max(fitting, key=lambda level: level.downsample, default=self._levels[0])

    def _padded(self, level: ReadableLevel, rows: Taps, columns: Taps) -> np.ndarray:
        """The source rectangle of these taps, its edge repeated where they reach over the level's border."""
        x0, x1 = _clip(columns.start, columns.stop, level.width)
        y0, y1 = _clip(rows.start, rows.stop, level.height)
        pixels = level.source.read_level(level.number, x0, y0, x1 - x0, y1 - y0)
        border = (
            max(0, y0 - rows.start),
            max(0, rows.stop - y1),
            max(0, x0 - columns.start),
            max(0, columns.stop - x1),
        )
        if any(border):
            pixels = cv2.copyMakeBorder(pixels, *border, borderType=cv2.BORDER_REPLICATE)
        return pixels[: rows.stop - rows.start, : columns.stop - columns.start]


@dataclasses.dataclass(frozen=True, slots=True)
class ReadableLevel:
    """A level and where its pixels are: `number` of `source`. width, height in its own px."""

    source: Source
    number: int
    width: int
    height: int
    downsample: float

    def as_stored(self, x_l0: float, y_l0: float, out_w: int, out_h: int, downsample: float) -> np.ndarray | None:
        """The pixels themselves where they are stored at just this scale and place; None where they must be made.

        The same as resampling gives, in half the time: most tiles of viewers are such.
        """
        x, y = x_l0 / downsample, y_l0 / downsample
        inside = 0 <= x <= self.width - out_w and 0 <= y <= self.height - out_h
        if downsample != self.downsample or not inside or x != int(x) or y != int(y):
            return None
        return np.array(self.source.read_level(self.number, int(x), int(y), out_w, out_h))


def list_levels(source: Source, made: Source | None) -> list[ReadableLevel]:
    """The file's own levels and the made ones, finest first. Of two of one size the made one is read: it has tiles."""
    first = source.levels[0]
    levels = {
        level.downsample: ReadableLevel(source, number, level.width, level.height, level.downsample)
        for number, level in enumerate(source.levels)
    }
    if made is not None:
        sizes = levels_from_sizes([(first.width, first.height), *((m.width, m.height) for m in made.levels)])[1:]
        for number, level in enumerate(sizes):
            levels[level.downsample] = ReadableLevel(made, number, level.width, level.height, level.downsample)
    return [levels[downsample] for downsample in sorted(levels)]


def open_slide(
    path: Path | Sequence[Path], suffix: str | None = None, scene: int = 0, levels: Path | None = None
) -> SlideReader:
    """Open a slide file, a folder of DICOM instances or a list of them, or a .mrxs with the files of its folder.

    suffix: the extension the file came with, where the stored name has lost it; None takes the path's own, and a stored
    name without one is not checked. scene: which picture of a file with several. levels: a file of made levels, see
    `slides.wsi.pyramid`. Raises SlideRefused, whose reason is a sentence for people.
    """
    paths = [Path(path)] if isinstance(path, (str, Path)) else [Path(each) for each in path]
    source, made = open_source(paths, suffix, scene), None
    try:
        if not 0 <= scene < max(1, len(source.scenes)):
            raise no_such_scene(scene, max(1, len(source.scenes)))
        made = open_made_levels(levels) if levels is not None else None
        return SlideReader(source, made)
    except SlideRefused:
        source.close()
        if made is not None:
            made.close()
        raise


def open_made_levels(path: Path) -> Source:
    """The levels that were made for a slide."""
    from slides.wsi.formats.tiff.tiled import MadeLevels

    return MadeLevels(path)


def refuse_odd_request(x_l0: float, y_l0: float, out_w: int, out_h: int, downsample: float) -> None:
    """ValueError for what no slide can answer."""
    if out_w < 1 or out_h < 1 or out_w * out_h > MAX_OUT_PX:
        raise ValueError(f"Cannot read {out_w} x {out_h} pixels at once")
    if not (downsample > 0 and all(map(math.isfinite, (x_l0, y_l0, downsample)))):
        raise ValueError("Coordinates and downsample are finite numbers, downsample above 0")


def refuse_odd_sizes(info: SlideInfo) -> None:
    """Refuse slides too small to be one, and those whose overview could not be made in memory."""
    if min(info.width, info.height) < MIN_SIDE_PX:
        size = f"{info.width} by {info.height} px"
        raise SlideRefused(f"The image is too small: {size}; a slide has at least {MIN_SIDE_PX} px a side.", "size")
    if max(info.width, info.height) > MAX_SIDE_PX:
        raise SlideRefused("The image says it is millions of pixels wide, which no slide is.", "size")
    # Of a file in tiles the missing levels can be made.
    if info.tile_size is None and not overview_is_quick(info):
        raise SlideRefused("The file holds no small overview level; save it as a tiled pyramid.", "size")


def _inside(start: float, step: float, count: int, size: int) -> slice:
    """Output pixels whose centre lies in [0, size) of level 0."""
    first = max(0, math.ceil(-start / step - 0.5))
    last = min(count, math.ceil((size - start) / step - 0.5))
    return slice(first, max(first, last))


def _clip(start: int, stop: int, size: int) -> tuple[int, int]:
    """The part of [start, stop) inside [0, size), at least one pixel."""
    low = min(max(start, 0), size - 1)
    return low, max(low + 1, min(stop, size))
