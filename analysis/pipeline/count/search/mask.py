"""Where a window may stand: tissue and tumour as a raster of shares, and the share of any window over it.

A cell of the raster holds how much of it is tissue and tumour, not only whether its centre is. The share of a window is
the integral over that raster: exact for a box, for a disc over its stack of boxes.
"""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.scanlines import find_crossings
from analysis.pipeline.count.search.errors import SearchRefused
from analysis.pipeline.count.search.windows import Window

MOST_CELLS = 1024  # of the raster, per axis
CELLS_PER_WINDOW = 32
LINES_PER_ROW = 4


class Mask:
    """What lies in every one of `shapes`, each a sequence of rings (k, 2) in level-0 px under the even-odd rule.

    cell_um: side of a cell, made larger where the outlines are too long for that. Raises SearchRefused for outlines
    that are not finite.
    """

    def __init__(self, shapes: Sequence[Sequence[Ring]], scale_um: np.ndarray, cell_um: float) -> None:
        rings = [[_read_ring(ring) * scale_um for ring in shape] for shape in shapes]
        boxes = [_find_bounds(shape) for shape in rings]
        low, high = np.max([box[0] for box in boxes], axis=0), np.min([box[1] for box in boxes], axis=0)
        low = np.maximum(low, 0.0)  # no slide reaches further, whatever its size
        self.is_empty = not (high > low).all()
        self.low, self.high = low, np.maximum(high, low + cell_um)
        self.columns, self.rows = np.clip(np.ceil((self.high - low) / cell_um), 1, MOST_CELLS).astype(int).tolist()
        self.cell = (self.high - low) / [self.columns, self.rows]
        covered = np.zeros((self.rows, self.columns)) if self.is_empty else self._cover(rings)
        # Entry (r, c) is the area above line r and left of line c, in cells; flat, for one look-up a corner.
        area = np.zeros((self.rows + 1, self.columns + 1))
        area[1:, 1:] = covered.cumsum(0).cumsum(1)
        self.area = area.ravel()

    def _cover(self, rings: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """The share of each cell (rows, columns): exact along lines, LINES_PER_ROW lines in a row."""
        count = self.rows * LINES_PER_ROW
        lines = self.low[1] + (np.arange(count) + 0.5) * self.cell[1] / LINES_PER_ROW
        crossings = [find_crossings(shape, lines) for shape in rings]
        line = np.concatenate([at for at, _ in crossings])
        x = (np.concatenate([at for _, at in crossings]) - self.low[0]) / self.cell[0]
        shape = np.repeat(np.arange(len(rings)), [len(at) for at, _ in crossings])
        order = np.lexsort((x, line))
        line, x, shape = line[order], np.clip(x[order], 0, self.columns), shape[order]
        # A closed ring crosses a line an even number of times, so that the sums start each line at even.
        inside = np.all([(shape == index).cumsum() % 2 == 1 for index in range(len(rings))], axis=0)
        step = np.diff(inside.astype(int), prepend=0)
        line, x, step = line[step != 0] // LINES_PER_ROW, x[step != 0], step[step != 0]
        column = np.minimum(x.astype(int), self.columns - 1)
        at = np.concatenate([line * (self.columns + 1) + column, line * (self.columns + 1) + column + 1])
        share = np.concatenate([step * (column + 1 - x), step * (x - column)])
        covered = np.bincount(at, share, self.rows * (self.columns + 1)).reshape(self.rows, -1)
        return np.clip(covered[:, :-1].cumsum(1) / LINES_PER_ROW, 0, 1)

    def find_shares(self, window: Window, centres_um: np.ndarray) -> np.ndarray:
        """Share in [0, 1] of the window about each of the centres (m, 2)."""
        strips = window.find_strips()
        x, y = ((centres_um - self.low) / self.cell).T[:, :, None]
        half, ends = strips[:, 2] / self.cell[0], strips[:, :2] / self.cell[1]
        before = self._sum_before(np.stack([x - half, x + half]), np.stack([y + ends[:, 0], y + ends[:, 1]]))
        area = before[1, 1] - before[1, 0] - before[0, 1] + before[0, 0]
        return np.clip(area.sum(axis=1) * np.prod(self.cell) / window.area_um2, 0, 1)

    def measure_share(self, window: Window, centres_um: np.ndarray) -> float:
        """Share of all these windows together, without the noise of its last digits."""
        return round(float(self.find_shares(window, centres_um).mean()), 12)

    def _sum_before(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The area above each y (2, …) and left of each x (2, …), both in cells: (2, 2, …), first by y. Bilinear
        between the crossings of the raster's lines, which is exact."""
        column, x = _split_cells(x, self.columns)
        row, y = _split_cells(y[:, None], self.rows)
        at = row * (self.columns + 1) + column
        upper = self.area[at] * (1 - x) + self.area[at + 1] * x
        at += self.columns + 1
        return upper * (1 - y) + (self.area[at] * (1 - x) + self.area[at + 1] * x) * y


def _split_cells(at: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """In which of so many cells each place lies, or the nearest, and how far through it."""
    at = np.minimum(np.maximum(at, 0), count)
    cell = np.minimum(at.astype(np.int64), count - 1)
    return cell, at - cell


def _read_ring(ring: Ring) -> np.ndarray:
    corners = np.asarray(ring, float)
    if corners.size and (corners.ndim != 2 or corners.shape[1] != 2 or not np.isfinite(corners).all()):
        raise SearchRefused("Outlines must be lists of pairs of finite numbers.")
    return corners.reshape(-1, 2)


def _find_bounds(rings: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.concatenate([np.zeros((0, 2)), *[ring for ring in rings if len(ring) >= 3]])
    if not len(corners):
        return np.zeros(2), np.zeros(2)
    return corners.min(axis=0), corners.max(axis=0)
