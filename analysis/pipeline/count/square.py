"""The square of the highest count, searched exactly.

Slide a closed window over all real positions. The positions where an edge of the window meets a point, or a line of the
tissue raster, cut the plane into rectangles. Inside one the count is constant and the tissue fraction is bilinear, so
both are largest at a corner: the corners are all that has to be looked at. Upper bounds per rectangle of the raster
leave only a few rectangles to look into.
Source: the window of highest count, Aubreville et al. 2020 (Sci Rep 10:16447), there as a box filter on a map
downsampled 32 times.
"""

from dataclasses import dataclass

import numpy as np

from analysis.pipeline.count.polygons import EDGE_PX
from analysis.pipeline.count.tissue_raster import TissueMap

MIN_TISSUE_FRACTION = 0.95
SAME_FRACTION = 1e-9  # tissue fractions this near are a tie


@dataclass(frozen=True)
class Square:
    """A window on the slide, in level-0 pixels.

    `count` is the sum of weights inside (edges included); `tissue_fraction` in [0, 1] is the share of its area that
    is tissue; `enough_tissue` tells whether that reached what was asked.
    """

    x_l0: float
    y_l0: float
    width_l0: float
    height_l0: float
    count: float
    tissue_fraction: float
    enough_tissue: bool

    @property
    def polygon(self) -> list[list[float]]:
        """The four corners, clockwise from the top left, level-0 px; closed by its first point."""
        x0, y0, x1, y1 = self.x_l0, self.y_l0, self.x_l0 + self.width_l0, self.y_l0 + self.height_l0
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def best_square(
    points_l0: np.ndarray,
    weights: np.ndarray | None,
    width_l0: float,
    height_l0: float,
    tissue: TissueMap,
    min_tissue_fraction: float = MIN_TISSUE_FRACTION,
) -> Square | None:
    """The window of the highest count over all positions inside the bounds of `tissue`. Exact.

    points_l0: (n, 2) float, level-0 px. weights: (n,) at least 0, None is 1 each. width_l0, height_l0: the window in
    level-0 px (they differ where the pixel size does). Only positions with at least `min_tissue_fraction` tissue are
    looked at; where there is none, every position is, and `enough_tissue` is False.
    Ties: higher tissue fraction, then smaller y, then smaller x.
    Returns None where the window is larger than the bounds. Raises ValueError for a window without area, points that
    are not (n, 2) or not finite, and negative weights.
    """
    points_l0 = np.asarray(points_l0, float).reshape(-1, 2) if np.size(points_l0) else np.zeros((0, 2))
    weights = np.ones(len(points_l0)) if weights is None else np.asarray(weights, float)
    if not (width_l0 > 0 and height_l0 > 0):
        raise ValueError("The window holds no area.")
    if not np.isfinite(points_l0).all() or len(weights) != len(points_l0) or (weights < 0).any():
        raise ValueError("Points must be finite, with one weight of at least 0 each.")
    x0, y0, x1, y1 = tissue.bounds
    if width_l0 > x1 - x0 or height_l0 > y1 - y0:
        return None
    search = _Search(points_l0, weights, float(width_l0), float(height_l0), tissue)
    return search.best(min_tissue_fraction) or search.best(0.0, enough=False)


class _Search:
    """Branch and bound over the rectangles that the lines of the tissue raster cut out of all positions."""

    def __init__(
        self, points_l0: np.ndarray, weights: np.ndarray, width: float, height: float, tissue: TissueMap
    ) -> None:
        self.points_l0, self.weights = points_l0, weights
        self.orders = [np.argsort(points_l0[:, axis], kind="stable") for axis in (0, 1)]
        self.sorted = [points_l0[order, axis] for axis, order in enumerate(self.orders)]
        self.width, self.height, self.tissue = width, height, tissue
        x0, y0, x1, y1 = tissue.bounds
        self.xs = _positions(tissue.lines_x, x0, x1 - width, width)
        self.ys = _positions(tissue.lines_y, y0, y1 - height, height)
        self.fraction = tissue.fractions(self.xs, self.ys, width, height)
        self.corner_count = self._counts(self.xs, self.xs + width, self.ys, self.ys + height)
        # Of rectangle (j, i): positions ys[j]..ys[j+1], xs[i]..xs[i+1]. Every window in it holds `always_count`, and
        # none more than the bound.
        left, right, top, bottom = self.xs[:-1], self.xs[1:], self.ys[:-1], self.ys[1:]
        self.always_count = self._counts(right, left + width, bottom, top + height)
        loose = 2 * EDGE_PX  # never below what _best_inside counts with its own slack
        self.count_bound = self._counts(left - loose, right + width + loose, top - loose, bottom + height + loose)
        rows, columns = len(self.ys) - 1, len(self.xs) - 1
        self.fraction_bound = np.max(
            [self.fraction[j : j + rows, i : i + columns] for j in (0, 1) for i in (0, 1)], axis=0
        )

    def _counts(self, left: np.ndarray, right: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        """Summed weights (len(top), len(left)) in the closed boxes [left_i, right_i] × [top_j, bottom_j]; 0 in a box
        that ends before it begins."""
        left, top = left - EDGE_PX, top - EDGE_PX
        right, bottom = np.nextafter(right + EDGE_PX, np.inf), np.nextafter(bottom + EDGE_PX, np.inf)
        edges_x, edges_y = np.unique(np.concatenate([left, right])), np.unique(np.concatenate([top, bottom]))
        column = np.searchsorted(edges_x, self.points_l0[:, 0], side="right")
        row = np.searchsorted(edges_y, self.points_l0[:, 1], side="right")
        table = np.zeros((len(edges_y) + 1, len(edges_x) + 1))
        np.add.at(table, (row, column), self.weights)
        table = table.cumsum(0).cumsum(1)
        # Entry (r, c) now holds the points above edge r and left of edge c.
        right, bottom = np.maximum(left, right), np.maximum(top, bottom)
        columns = table[:, np.searchsorted(edges_x, right)] - table[:, np.searchsorted(edges_x, left)]
        return columns[np.searchsorted(edges_y, bottom)] - columns[np.searchsorted(edges_y, top)]

    def best(self, min_fraction: float, enough: bool = True) -> Square | None:
        """The best of all positions with at least `min_fraction` tissue, None where there is none."""
        allowed = self.fraction >= min_fraction - SAME_FRACTION
        if not allowed.any():
            return None
        found = self._best_corner(allowed)
        rows, columns = np.nonzero(self._may_beat(found, min_fraction))
        order = np.lexsort((columns, rows, -self.fraction_bound[rows, columns], -self.count_bound[rows, columns]))
        for j, i in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            bound = (self.count_bound[j, i], self.fraction_bound[j, i], self.ys[j], self.xs[i])
            if _is_better(bound, found):
                inside = self._best_inside(j, i, min_fraction, found[0])
                found = inside if inside is not None and _is_better(inside, found) else found
            elif bound[0] < found[0]:
                break
        count, fraction, y, x = (float(value) for value in found)
        return Square(x, y, self.width, self.height, count, fraction, enough)

    def _best_corner(self, allowed: np.ndarray) -> tuple:
        count = np.where(allowed, self.corner_count, -1.0)
        most = count == count.max()
        fraction = np.where(most, self.fraction, -1.0)
        j, i = np.argwhere(fraction >= fraction.max() - SAME_FRACTION)[0]
        return self.corner_count[j, i], self.fraction[j, i], self.ys[j], self.xs[i]

    def _may_beat(self, found: tuple, min_fraction: float) -> np.ndarray:
        count, fraction, y, x = found
        before = (self.ys[:-1, None] < y) | ((self.ys[:-1, None] <= y) & (self.xs[None, :-1] < x))
        more_tissue = self.fraction_bound > fraction + SAME_FRACTION
        tie = more_tissue | ((self.fraction_bound >= fraction - SAME_FRACTION) & before)
        better = (self.count_bound > count) | ((self.count_bound == count) & tie)
        return better & (self.fraction_bound >= min_fraction - SAME_FRACTION)

    def _best_inside(self, j: int, i: int, min_fraction: float, at_least: float) -> tuple | None:
        """The best position within one rectangle that holds `at_least` so much: every crossing of the lines at which a
        point enters or leaves.

        Most points lie in every window of the rectangle, so that few have to be asked position by position: those that
        enter or leave along one axis, and those, `corner`, that do so along both.
        """
        (left, right), (top, bottom) = self.xs[i : i + 2], self.ys[j : j + 2]
        along_x, along_y = (
            self._find_turning(0, left, right, self.width),
            self._find_turning(1, top, bottom, self.height),
        )
        by_x = along_x[self._held_always(1, along_x, top, bottom, self.height)]
        by_y = along_y[self._held_always(0, along_y, left, right, self.width)]
        corner = np.intersect1d(along_x, along_y, assume_unique=True)
        xs = _turning_points(self.points_l0[np.concatenate([by_x, corner]), 0], left, right, self.width)
        ys = _turning_points(self.points_l0[np.concatenate([by_y, corner]), 1], top, bottom, self.height)
        across = _sum_held(self.points_l0[by_x, 0], self.weights[by_x], xs, self.width)
        down = _sum_held(self.points_l0[by_y, 1], self.weights[by_y], ys, self.height)
        rest = at_least - self.always_count[j, i] - self.weights[corner].sum()
        may_x, may_y = across + down.max() >= rest, down + across.max() >= rest
        if not may_x.any():
            return None
        xs, across, ys, down = xs[may_x], across[may_x], ys[may_y], down[may_y]
        in_x = _is_held(self.points_l0[corner, 0], xs, self.width)
        in_y = _is_held(self.points_l0[corner, 1], ys, self.height)
        count = self.always_count[j, i] + across[None, :] + down[:, None] + (in_y * self.weights[corner]) @ in_x.T
        if count.max() < at_least:
            return None
        fraction = self._fractions_within(j, i, xs, ys)
        count = np.where(fraction >= min_fraction - SAME_FRACTION, count, -1.0)
        if count.max() < 0:
            return None
        fraction = np.where(count == count.max(), fraction, -1.0)
        row, column = np.argwhere(fraction >= fraction.max() - SAME_FRACTION)[0]
        return count[row, column], fraction[row, column], ys[row], xs[column]

    def _find_turning(self, axis: int, first: float, last: float, side: float) -> np.ndarray:
        """Indices, rising along the axis, of the points that some windows at first..last hold and some do not."""
        at, order = self.sorted[axis], self.orders[axis]
        start, always = np.searchsorted(at, [first - EDGE_PX, last - EDGE_PX], side="left")
        until, end = np.searchsorted(at, [first + side + EDGE_PX, last + side + EDGE_PX], side="right")
        return np.concatenate([order[start:always], order[until:end]]) if always < until else order[start:end]

    def _held_always(self, axis: int, points: np.ndarray, first: float, last: float, side: float) -> np.ndarray:
        """Which of the points every window at first..last holds along the axis."""
        at = self.points_l0[points, axis]
        return (at >= last - EDGE_PX) & (at <= first + side + EDGE_PX)

    def _fractions_within(self, j: int, i: int, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """Bilinear between the tissue fractions at the rectangle's four corners: (len(ys), len(xs))."""
        across = ((xs - self.xs[i]) / (self.xs[i + 1] - self.xs[i]))[None, :]
        down = ((ys - self.ys[j]) / (self.ys[j + 1] - self.ys[j]))[:, None]
        upper = self.fraction[j, i] * (1 - across) + self.fraction[j, i + 1] * across
        lower = self.fraction[j + 1, i] * (1 - across) + self.fraction[j + 1, i + 1] * across
        return upper * (1 - down) + lower * down


def _turning_points(at: np.ndarray, first: float, last: float, side: float) -> np.ndarray:
    """The window's positions along one axis from first to last, rising, at which one of the points enters or leaves."""
    every = np.concatenate([at, at - side])
    return np.unique(np.concatenate([[first, last], every[(every > first) & (every < last)]]))


def _is_held(at: np.ndarray, positions: np.ndarray, side: float) -> np.ndarray:
    """Whether the window at a position holds a point, along one axis: float (len(positions), len(at)), 0 or 1."""
    held = (at >= positions[:, None] - EDGE_PX) & (at <= positions[:, None] + side + EDGE_PX)
    return held.astype(float)


def _sum_held(at: np.ndarray, weights: np.ndarray, positions: np.ndarray, side: float) -> np.ndarray:
    """Summed weights of the points, rising `at`, that the window at each position holds along one axis."""
    sums = np.concatenate([[0.0], weights.cumsum()])
    until = np.searchsorted(at, positions + side + EDGE_PX, side="right")
    return sums[until] - sums[np.searchsorted(at, positions - EDGE_PX, side="left")]


def _positions(lines: np.ndarray, first: float, last: float, side: float) -> np.ndarray:
    """Positions of one window edge at which either edge meets a line of the raster: at least two, rising."""
    every = np.concatenate([lines, lines - side, [first, last]])
    every = np.unique(every[(every >= first) & (every <= last)])
    return every if len(every) > 1 else np.array([first, first + EDGE_PX])


def _is_better(one: tuple, other: tuple) -> bool:
    """Whether (count, fraction, y, x) beats another: more, then more tissue, then higher up, then further left."""
    if one[0] != other[0]:
        return one[0] > other[0]
    if abs(one[1] - other[1]) > SAME_FRACTION:
        return one[1] > other[1]
    return (one[2], one[3]) < (other[2], other[3])
