"""Tissue as a raster with a summed-area table: how much of any window is tissue, at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.scanlines import Bounds, find_crossings

MAX_CELLS = 256  # of the tissue raster, per axis
MIN_CELL_PX = 16.0


@dataclass(frozen=True)
class TissueMap:
    """Tissue as a raster: `lines_x` (m+1,), `lines_y` (n+1,) are its lines in level-0 px, `area` (n+1, m+1) is the
    tissue area in px² above and left of each crossing (a summed-area table)."""

    lines_x: np.ndarray
    lines_y: np.ndarray
    area: np.ndarray

    @property
    def bounds(self) -> Bounds:
        return float(self.lines_x[0]), float(self.lines_y[0]), float(self.lines_x[-1]), float(self.lines_y[-1])

    @property
    def area_px2(self) -> float:
        """Tissue in px² of level 0."""
        return float(self.area[-1, -1])

    def fractions(self, xs: np.ndarray, ys: np.ndarray, width: float, height: float) -> np.ndarray:
        """Tissue fraction (len(ys), len(xs)) in [0, 1] of the windows whose top left corners are xs × ys."""
        columns = _interpolate(self.area.T, self.lines_x, xs + width) - _interpolate(self.area.T, self.lines_x, xs)
        windows = _interpolate(columns.T, self.lines_y, ys + height) - _interpolate(columns.T, self.lines_y, ys)
        return np.clip(windows / (width * height), 0.0, 1.0)


def _interpolate(table: np.ndarray, lines: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows of `table` (len(lines), k), given at `lines`, linearly interpolated at `at`; constant outside."""
    index = np.clip(np.searchsorted(lines, at, side="right") - 1, 0, len(lines) - 2)
    share = np.clip((at - lines[index]) / (lines[index + 1] - lines[index]), 0.0, 1.0)[:, None]
    return table[index] * (1.0 - share) + table[index + 1] * share


def tissue_map(tissue: Sequence[Ring] | None, bounds: Bounds, within: Ring | None = None) -> TissueMap:
    """Raster of the tissue inside `bounds` (x0, y0, x1, y1; level-0 px), and inside the polygon `within` if given.

    `tissue` is a list of rings (each (k, 2), level-0 px), filled by the even-odd rule, so that a ring inside another
    is a hole; None means that everything is tissue. A cell is tissue when its centre is.
    Raises ValueError when the bounds hold no area.
    """
    x0, y0, x1, y1 = (float(value) for value in bounds)
    if not (x1 > x0 and y1 > y0):
        raise ValueError("The bounds hold no area.")
    cell = max(MIN_CELL_PX, (x1 - x0) / MAX_CELLS, (y1 - y0) / MAX_CELLS)
    lines_x = np.linspace(x0, x1, max(2, int(np.ceil((x1 - x0) / cell)) + 1))
    lines_y = np.linspace(y0, y1, max(2, int(np.ceil((y1 - y0) / cell)) + 1))
    filled = np.ones((len(lines_y) - 1, len(lines_x) - 1), bool) if tissue is None else _fill(tissue, lines_x, lines_y)
    if within is not None:
        filled &= _fill([within], lines_x, lines_y)
    cell_px2 = (lines_x[1] - lines_x[0]) * (lines_y[1] - lines_y[0])
    area = np.zeros((len(lines_y), len(lines_x)))
    area[1:, 1:] = filled.cumsum(0).cumsum(1) * cell_px2
    return TissueMap(lines_x, lines_y, area)


def _fill(rings: Sequence[Ring], lines_x: np.ndarray, lines_y: np.ndarray) -> np.ndarray:
    """Even-odd fill: bool (rows, columns), a cell by its centre. Each crossing toggles the cells right of it."""
    rows, columns = len(lines_y) - 1, len(lines_x) - 1
    toggles = np.zeros((rows, columns + 1), np.int64)
    row, x = find_crossings(rings, (lines_y[:-1] + lines_y[1:]) / 2)
    np.add.at(toggles, (row, np.searchsorted((lines_x[:-1] + lines_x[1:]) / 2, x, side="left")), 1)
    return (toggles.cumsum(1)[:, :-1] % 2).astype(bool)
