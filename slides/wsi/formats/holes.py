"""Tiles that a file leaves out, and what follows for its levels.

Makers leave out tiles where nothing was scanned, on all levels alike. A smaller level that lacks more than level 0 does
would show glass where there is tissue, and an overview made of it would lose that; so would, the other way, level 0.
Such levels are left aside, and what they show is made from the next finer whole one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from slides.wsi.formats.source import Source

STAINED = 22  # of 255 between the strongest and the weakest colour; glass has less
STAINED_SHARE = 0.02
EDGE_PX = 2  # of a smaller level, into which its neighbours run


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Which tiles of a level are in the file: bool (rows, columns). width, height of the level, tile_w, tile_h: px."""

    stored: np.ndarray
    width: int
    height: int
    tile_w: int
    tile_h: int

    @property
    def is_whole(self) -> bool:
        """Whether none is left out."""
        return bool(self.stored.all())

    @property
    def left_out(self) -> int:
        """How many are."""
        return int((~self.stored).sum())

    def any_stored_in(self, boxes: np.ndarray) -> np.ndarray:
        """Whether any stored tile lies in boxes (n, 4) of x0, y0, x1, y1 as shares of the level's sides: bool (n,)."""
        rows, columns = self.stored.shape
        x0, y0, x1, y1 = (boxes * [self.width, self.height, self.width, self.height]).T
        x0, x1 = _tiles_between(x0, x1, self.tile_w, columns)
        y0, y1 = _tiles_between(y0, y1, self.tile_h, rows)
        return _count_in(self.stored, x0, y0, x1, y1) > 0

    def holes(self) -> np.ndarray:
        """Boxes (n, 4) of the tiles left out, as shares of the level's sides, a pixel smaller on each side."""
        rows, columns = np.nonzero(~self.stored)
        x0, y0 = columns * self.tile_w, rows * self.tile_h
        x1, y1 = np.minimum(x0 + self.tile_w, self.width), np.minimum(y0 + self.tile_h, self.height)
        boxes = np.column_stack([x0 + 1, y0 + 1, np.maximum(x1 - 1, x0 + 1), np.maximum(y1 - 1, y0 + 1)])
        return boxes / np.array([self.width, self.height, self.width, self.height])

    def shows_tissue(self, pixels: np.ndarray) -> bool:
        """Whether a smaller level, uint8 (h, w, 3) RGB, is stained where this one leaves out tiles."""
        height, width = pixels.shape[:2]
        stained = pixels.max(axis=2) - pixels.min(axis=2) >= STAINED
        boxes = self.holes() * [width, height, width, height]
        x0, y0 = (np.ceil(boxes[:, :2]).astype(int) + EDGE_PX).T
        x1, y1 = (boxes[:, 2:].astype(int) - EDGE_PX).T
        some = (x1 > x0) & (y1 > y0)
        x0, y0, x1, y1 = x0[some], y0[some], x1[some], y1[some]
        return bool((_count_in(stained, x0, y0, x1, y1) > STAINED_SHARE * (x1 - x0) * (y1 - y0)).any())

    def lacks_more_than(self, finer: Tiles) -> bool:
        """Whether it leaves out what the finer level has."""
        return not self.is_whole and bool(finer.any_stored_in(self.holes()).any())


@dataclasses.dataclass(frozen=True)
class Gaps:
    """sizes: (width, height) of the levels to be left aside. hints: sentences for people about them."""

    sizes: tuple[tuple[int, int], ...] = ()
    hints: tuple[str, ...] = ()

    def and_without(self, sizes: Sequence[tuple[int, int]]) -> Gaps:
        """The same with more levels to be left aside, those whose transparent places are not those of level 0."""
        hint = (
            "Smaller levels of the file do not say what is transparent as its full resolution does; they are not used."
        )
        return Gaps((*self.sizes, *sizes), (*self.hints, hint)) if sizes else self


class FewerLevels:
    """A source without some of its levels. See `Source`."""

    def __init__(self, source: Source, kept: Sequence[int]) -> None:
        """kept: numbers of the levels that stay."""
        self._source, self._kept = source, kept
        self.format, self.hints, self.scanner, self.icc = source.format, source.hints, source.scanner, source.icc
        self.levels = tuple(source.levels[number] for number in kept)
        self.mpp_x, self.mpp_y, self.objective = source.mpp_x, source.mpp_y, source.objective
        self.tile_size, self.scenes = source.tile_size, source.scenes
        self.power_is_apparent, self.is_reduced = source.power_is_apparent, source.is_reduced
        self.levels_are_files, self.bounds = source.levels_are_files, source.bounds

    @property
    def held_bytes(self) -> int:
        """See `Source`."""
        return self._source.held_bytes

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        return self._source.read_level(self._kept[level], x, y, width, height)

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()


def leave_out(source: Source, gaps: Gaps) -> Source:
    """The source with what is said of its gaps, and without the levels that are to be left aside."""
    source.hints += gaps.hints
    kept = [n for n, level in enumerate(source.levels) if (level.width, level.height) not in gaps.sizes]
    return source if len(kept) == len(source.levels) else FewerLevels(source, kept)


def is_stored(offset: int, length: int) -> bool:
    """Whether a tile is in the file: of one that is left out the length is zero, or the place."""
    return offset > 0 and length > 0


def find_gaps(levels: Sequence[Tiles]) -> Gaps:
    """What of the smaller levels is to be left aside because level 0 has more. levels: level 0 first."""
    lacking = [n for n, tiles in enumerate(levels) if n and tiles.lacks_more_than(levels[0])]
    if not lacking:
        return Gaps()
    told = ", ".join(
        f"{_ratio(levels[0], levels[n])} lacks {levels[n].left_out:,} of {levels[n].stored.size:,}" for n in lacking
    )
    which = "A smaller level of the file has" if len(lacking) == 1 else "Smaller levels of the file have"
    return Gaps(
        tuple((levels[n].width, levels[n].height) for n in lacking),
        (f"{which} gaps ({told} tiles); the overview is made from the next finer whole level instead.",),
    )


def level_0_hint(first: Tiles, is_seen_elsewhere: bool) -> str:
    """What is said of a scan that itself leaves out tiles. is_seen_elsewhere: a smaller level shows tissue there."""
    count = f"{first.left_out:,} of {first.stored.size:,} tiles"
    if is_seen_elsewhere:
        return (
            f"Part of the scan is missing: {count} of its full resolution are not in the file, though a smaller level "
            "shows tissue there. It is shown as empty and neither analysed nor counted; scan or export the slide again."
        )
    return f"At full resolution {count} are not in the file; these places are shown as empty glass."


def _ratio(first: Tiles, level: Tiles) -> str:
    return f"1:{round(first.width / level.width, 1):g}"


def _count_in(flags: np.ndarray, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """How many of bool (h, w) are set in each box, its right and lower line not counted: (n,)."""
    sums = np.pad(flags.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))
    return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]


def _tiles_between(start: np.ndarray, stop: np.ndarray, side: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First tile and the one behind the last that lie between two lines, in px."""
    first = np.clip((start // side).astype(int), 0, count - 1)
    return first, np.clip(np.ceil(stop / side).astype(int), first + 1, count)
