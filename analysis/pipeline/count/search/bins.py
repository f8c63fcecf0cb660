"""Points sorted into bins over a grid of cells of centres, so that bounds on all cells at once are a few sums.

Bins and cells lie on one another: bin (row, column) is as large as a cell (or larger, where there is one cell only) and
about its centre. The bins go further than the cells on all sides, as far as windows reach.
"""

import numpy as np

from analysis.pipeline.count.search.windows import EDGE_UM, Window

CELLS_PER_REACH = (32, 16, 8)  # from a window's centre to its edge; the first that is not too dear is taken
SUMS_PER_POINT = 400  # what bounds may cost, beside what it costs to list the points of cells that are not dropped
LEAST_SUMS = 200_000


class Bins:
    """points_um (n, 2). low, high: box of the centres, (2,) each, which may be a line or a point."""

    def __init__(self, points_um: np.ndarray, window: Window, low: np.ndarray, high: np.ndarray) -> None:
        reach = np.array([window.reach_x, window.reach_y])
        least = _find_least_side(reach, high - low, max(LEAST_SUMS, SUMS_PER_POINT * len(points_um)))
        count = np.maximum((high - low) // least, 1).astype(np.int64)
        self.window, self.half = window, (high - low) / count / 2
        self.side = np.maximum(2 * self.half, least)
        self.columns, self.rows = count.tolist()
        self.low = low
        # Of each row of bins, how many bins on both sides of a cell's own column its windows touch, and always hold.
        offsets = np.arange(-int(reach[1] // self.side[1]) - 2, int(reach[1] // self.side[1]) + 3)
        touched = self._find_columns(np.maximum(np.abs(offsets) - 1, 0), 1)
        self.offsets, self.touched = offsets[touched >= 0], touched[touched >= 0]
        rows_away = np.abs(self.offsets)
        self.held = np.minimum(self._find_columns(rows_away + 1, -1), self.touched)
        self.pad = np.array([self.touched.max() + 1, rows_away.max()])
        self._sort(points_um)

    def _find_columns(self, rows_away: np.ndarray, more: int) -> np.ndarray:
        halves = self.window.find_halves(rows_away * self.side[1])
        return np.where(halves < 0, -1, np.maximum(np.floor(halves / self.side[0]).astype(np.int64) + more, -1))

    def _sort(self, points_um: np.ndarray) -> None:
        """order (k,): indices of the points in bins, bin by bin; start: where each bin begins in it."""
        first = self.low + self.half - self.side * (self.pad + 0.5)
        self.all_columns, all_rows = (np.array([self.columns, self.rows]) + 2 * self.pad).tolist()
        at = np.floor((points_um - first) / self.side)
        within = np.flatnonzero(((at >= 0) & (at < [self.all_columns, all_rows])).all(axis=1))
        column, row = at[within].astype(np.int64).T
        key = row * self.all_columns + column
        order = np.argsort(key, kind="stable")
        self.order = within[order]
        self.x_um, self.y_um = np.ascontiguousarray(points_um[self.order].T)
        self.start = np.searchsorted(key[order], np.arange(self.all_columns * all_rows + 1))

    def find_centres(self, cells: np.ndarray) -> np.ndarray:
        """Centres (m, 2) of the cells, whose index counts along rows."""
        row, column = np.divmod(cells, self.columns)
        return self.low + self.half * (2 * np.stack([column, row], axis=1) + 1)

    def find_cells(self, low: np.ndarray, high: np.ndarray) -> tuple[range, range]:
        """Rows and columns of the cells that reach into a box of centres, corners (2,) each."""
        count = np.array([self.columns, self.rows])
        first, last = self._locate(low - EDGE_UM), self._locate(high + EDGE_UM) + 1
        (column, row), (column_to, row_to) = np.clip(first, 0, count).tolist(), np.clip(last, 0, count).tolist()
        return range(row, row_to), range(column, column_to)

    def find_cell(self, points_um: np.ndarray) -> np.ndarray:
        """Index (n,) of the cell in which each of the points (n, 2) lies, or that is nearest to it."""
        column, row = np.clip(self._locate(points_um), 0, [self.columns - 1, self.rows - 1]).T
        return row * self.columns + column

    def _locate(self, points_um: np.ndarray) -> np.ndarray:
        """Column and row (…, 2) of the points among the cells, also beyond them."""
        step = np.where(self.half > 0, 2 * self.half, np.inf)
        return np.floor((points_um - self.low) / step).astype(np.int64)

    def bound_cells(self, before: np.ndarray, rows: range, columns: range) -> np.ndarray:
        """What no window of each cell of the rows and columns exceeds, row by row. before: (k + 1,), summed weights
        before each of the sorted points."""
        edges = before[self.start]
        table = edges[:-1].reshape(-1, self.all_columns)
        most = np.zeros((len(rows), len(columns)))
        x, y = self.pad[0] + columns.start, self.pad[1] + rows.start
        for offset, many in zip(self.offsets.tolist(), self.touched.tolist(), strict=True):
            strip = table[y + offset : y + offset + len(rows)]
            most += strip[:, x + many + 1 : x + many + 1 + len(columns)]
            most -= strip[:, x - many : x - many + len(columns)]
        return most.ravel()

    def find_runs(self, cells: np.ndarray) -> tuple[np.ndarray, ...]:
        """touched_from, held_from, held_to, touched_to, each (m, k): runs of the sorted points, one for each row of
        bins. Every touched point is in one; those in the inner run each window of the cell holds."""
        row, column = np.divmod(cells, self.columns)
        first = (row[:, None] + self.pad[1] + self.offsets) * self.all_columns + column[:, None] + self.pad[0]
        touched_from, touched_to = first - self.touched, first + self.touched + 1
        none = self.held < 0
        held_from = np.where(none, touched_from, first - self.held)
        held_to = np.where(none, touched_from, first + self.held + 1)
        return tuple(self.start[index] for index in (touched_from, held_from, held_to, touched_to))


def _find_least_side(reach: np.ndarray, extent: np.ndarray, most_sums: int) -> np.ndarray:
    """Sides of a bin (2,), such that bounding all cells takes at most so many sums."""
    for per_reach in CELLS_PER_REACH:
        least = (reach + 2 * EDGE_UM) / per_reach
        sums = np.prod(extent / least + 1) * 4 * per_reach
        if sums <= most_sums:
            return least
    return least * max(1.0, np.cbrt(sums / most_sums))
