"""The geometry of Deep Zoom Images: which rectangle of level 0 a tile shows. No pixels here.

The pyramid halves until one pixel is left; level numbers rise with resolution, the last is the slide's own. Overlap
adds pixels on inner sides, so a tile is up to tile_size + 2 * overlap wide. Same numbers as OpenSlide's
DeepZoomGenerator.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache

XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008"'
    ' Format="{format}" Overlap="{overlap}" TileSize="{tile_size}">'
    '<Size Width="{width}" Height="{height}"/></Image>\n'
)


@dataclasses.dataclass(frozen=True, slots=True)
class TileBox:
    """What one tile shows: top left in level-0 px, size in output px, level-0 px per output px."""

    x_l0: int
    y_l0: int
    width: int
    height: int
    downsample: int


@dataclasses.dataclass(frozen=True)
class DeepZoom:
    """Tiles of a slide of width x height level-0 pixels."""

    width: int
    height: int
    tile_size: int = 254
    overlap: int = 1

    @cached_property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each level in its own pixels, smallest first."""
        sizes = [(self.width, self.height)]
        while max(sizes[-1]) > 1:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        return tuple(reversed(sizes))

    def tiles(self, level: int) -> tuple[int, int]:
        """(columns, rows) of a level; IndexError where there is no such level."""
        width, height = self._size(level)
        return -(-width // self.tile_size), -(-height // self.tile_size)

    def tile_box(self, level: int, column: int, row: int) -> TileBox:
        """The rectangle of one tile; IndexError where there is no such tile."""
        self.refuse_missing(level, column, row)
        width, height = self._size(level)
        left, right = self._span(column, width)
        top, bottom = self._span(row, height)
        downsample = 2 ** (len(self.levels) - 1 - level)
        return TileBox(left * downsample, top * downsample, right - left, bottom - top, downsample)

    def refuse_missing(self, level: int, column: int, row: int) -> None:
        """IndexError where there is no such tile."""
        columns, rows = self.tiles(level)
        if not (0 <= column < columns and 0 <= row < rows):
            raise IndexError(f"Level {level} has {columns} x {rows} tiles")

    def dzi_xml(self, format: str = "jpeg") -> str:
        """The .dzi document."""
        return XML.format(
            format=format, overlap=self.overlap, tile_size=self.tile_size, width=self.width, height=self.height
        )

    def _size(self, level: int) -> tuple[int, int]:
        if not 0 <= level < len(self.levels):
            raise IndexError(f"There are levels 0 to {len(self.levels) - 1}")
        return self.levels[level]

    def _span(self, number: int, size: int) -> tuple[int, int]:
        """First and past-the-last pixel of a tile along one axis of its level."""
        start = number * self.tile_size
        return max(0, start - self.overlap), min(size, start + self.tile_size + self.overlap)


@lru_cache(maxsize=1024)
def zoom_of(width: int, height: int, tile_size: int, overlap: int) -> DeepZoom:
    """A DeepZoom that is kept, for callers who need the same one for every tile."""
    return DeepZoom(width, height, tile_size, overlap)
