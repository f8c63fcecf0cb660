"""Outlines cut by horizontal lines: where each line enters and leaves them, and the area that several of them share.

By hand, since a count is worked out anew at each verdict: of 6,515 rings with 377,000 corners shapely makes one
geometry in 18 s, and these lines cross all of them in 0.3 s.
"""

from collections.abc import Sequence

import numpy as np
import shapely

from analysis.pipeline.count.polygons import EDGE_PX, Ring

MAX_ROWS = 2048  # an edge between two lines costs at most half a row of the outlines' height

Bounds = tuple[float, float, float, float]


def find_crossings(rings: Sequence[Ring | np.ndarray], lines_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where horizontal lines cross the rings: index of the line (n,) int and x (n,), level-0 px, in no order.

    rings: each (k, 2), level-0 px, closed by itself; one of fewer than three corners holds nothing. lines_y: (m,),
    rising.
    By the even-odd rule a line is inside after an odd number of crossings, so that a ring inside another is a hole.
    """
    corners = [np.asarray(ring, float).reshape(-1, 2) for ring in rings if len(ring) >= 3]
    if not corners:
        return np.zeros(0, int), np.zeros(0)
    start = np.concatenate(corners)
    last = np.cumsum([len(ring) for ring in corners]) - 1
    following = np.arange(1, len(start) + 1)
    following[last] = np.concatenate([[0], last[:-1] + 1])
    end = start[following]
    rises = (start[:, 1] <= end[:, 1])[:, None]
    lower, upper = np.where(rises, start, end), np.where(rises, end, start)
    first = np.searchsorted(lines_y, lower[:, 1], side="left")
    many = np.searchsorted(lines_y, upper[:, 1], side="left") - first
    edge = np.repeat(np.arange(len(start)), many)
    line = np.arange(many.sum()) - np.repeat(many.cumsum() - many, many) + first[edge]
    slope = (upper[edge, 0] - lower[edge, 0]) / (upper[edge, 1] - lower[edge, 1])
    return line, lower[edge, 0] + (lines_y[line] - lower[edge, 1]) * slope


def points_in_rings(points_l0: np.ndarray, rings: Sequence[Ring]) -> np.ndarray:
    """Which of points_l0 (n, 2) lie inside the rings, both level-0 px, by the even-odd rule: bool (n,)."""
    order = np.argsort(points_l0[:, 1], kind="stable")
    x_l0, y_l0 = points_l0[order].T
    line, crossing_x = find_crossings(rings, y_l0)
    inside = np.zeros(len(points_l0), bool)
    inside[order] = np.bincount(line[crossing_x < x_l0[line]], minlength=len(order)) % 2 == 1
    return inside


def points_in_area(points_l0: np.ndarray, rings: Sequence[Ring]) -> np.ndarray:
    """As points_in_rings, or on one of the rings, which hold at least one: bool (n,)."""
    lines = shapely.MultiLineString([[*ring, ring[0]] for ring in rings])
    shapely.prepare(lines)
    return points_in_rings(points_l0, rings) | shapely.dwithin(lines, shapely.points(points_l0), EDGE_PX)


def find_spans(
    shapes: Sequence[Sequence[Ring | np.ndarray]], lines_y: np.ndarray, x0: float, x1: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where horizontal lines lie in every one of `shapes` between x0 and x1: index of the line (n,) int, left and right
    end (n,), in any one plane. Each shape is a list of rings under the even-odd rule; lines_y: (m,), rising.
    """
    crossings = [find_crossings(rings, lines_y) for rings in shapes]
    row = np.concatenate([rows_of for rows_of, _ in crossings])
    x = np.clip(np.concatenate([xs for _, xs in crossings]), x0, x1)
    shape = np.repeat(np.arange(len(shapes)), [len(xs) for _, xs in crossings])
    order = np.lexsort((x, row))
    row, x, shape = row[order], x[order], shape[order]
    # A closed ring crosses a line an even number of times, so that the sums start each row at even.
    inside = np.all([(shape == index).cumsum() % 2 == 1 for index in range(len(shapes))], axis=0)
    begins = np.flatnonzero(inside[:-1] & (row[1:] == row[:-1]) & (x[1:] > x[:-1]))
    return row[begins], x[begins], x[begins + 1]


def shared_area_px2(shapes: Sequence[Sequence[Ring | np.ndarray]], bounds: Bounds) -> float:
    """The area, in px² of level 0, that lies in every one of `shapes` and inside `bounds` (x0, y0, x1, y1).

    Each shape is a list of rings under the even-odd rule. Exact across; from row to row as fine as MAX_ROWS rows of the
    bounds' height, or one pixel. 0 where the bounds hold no area.
    """
    x0, y0, x1, y1 = (float(value) for value in bounds)
    if not (x1 > x0 and y1 > y0):
        return 0.0
    lines_y, height = lay_lines(y0, y1)
    _, left, right = find_spans(shapes, lines_y, x0, x1)
    return float((right - left).sum() * height)


def lay_lines(y0: float, y1: float) -> tuple[np.ndarray, float]:
    """The middles of the rows between y0 and y1 that an area is summed over, rising, and the height of a row."""
    rows = min(MAX_ROWS, int(np.ceil(y1 - y0)))
    edges_y = np.linspace(y0, y1, rows + 1)
    return (edges_y[:-1] + edges_y[1:]) / 2, (y1 - y0) / rows
