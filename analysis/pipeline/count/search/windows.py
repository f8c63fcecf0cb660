"""The two windows, in µm about their centre: what they hold, and what they hold anywhere in a cell of centres.

A cell is a box of possible centres with half sides `half_x`, `half_y`. A point is *always* held when every window of
the cell holds it, *touched* when one may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, pi
from typing import Protocol

import numpy as np
import shapely

EDGE_UM = 1e-6  # a point this near to an edge lies inside: rounding must not lose a mitosis
APART_UM = 4 * EDGE_UM  # what lies between two windows, so that no point is on the edges of both
CORNERS = 64  # of a circle's outline
STRIPS = 48  # of a disc where its tissue is measured

Places = tuple[np.ndarray, np.ndarray]


class Window(Protocol):
    """reach_x, reach_y: from the centre to the edges, in µm. area_um2: of the window."""

    @property
    def reach_x(self) -> float: ...

    @property
    def reach_y(self) -> float: ...

    @property
    def area_um2(self) -> float: ...

    def holds(self, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Whether points at dx, dy from the centre lie inside, edges included: bool."""

    def find_halves(self, dy: np.ndarray) -> np.ndarray:
        """Half the width, edges included, at the distance dy from the centre; -1 where the window has none."""

    def touch_quarters(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> list[np.ndarray]:
        """For each quarter of a cell (left top, right top, left bottom, right bottom), of half sides half_x, half_y:
        whether a window of it may hold points dx, dy from the whole cell's centre: bool."""

    def holds_always(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> np.ndarray:
        """Whether each window of a cell of these half sides holds points dx, dy from its centre: bool."""

    def find_places(
        self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """x and y, (m, c) about the centres of m cells, of places among which is one that holds as much as any in the
        cell, of its points dx, dy (m, k). Where windows hold the same points is convex, and so has a place that is
        furthest up (or, of a box, also left): there an edge meets a point and another edge, or the cell's own."""

    def find_strips(self) -> np.ndarray:
        """The window as a stack of boxes about its centre, of the same area, (k, 3): y0, y1, half width."""

    def overlaps(self, dx: np.ndarray, dy: np.ndarray, other: "Window") -> np.ndarray:
        """Whether another window, dx and dy from this one's centre, shares area or an edge with it: bool."""

    def find_outline(self) -> np.ndarray:
        """Corners (k, 2) about the centre, clockwise as seen on the slide, in µm."""

    def find_middle(self, points_um: np.ndarray) -> tuple[float, float]:
        """The centre from which points (n, 2), which one window holds, are as far from its edges as may be."""


@dataclass(frozen=True)
class Box:
    """Square or rectangle; half its sides, in µm."""

    reach_x: float
    reach_y: float

    @property
    def area_um2(self) -> float:
        return 4 * self.reach_x * self.reach_y

    def holds(self, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return (np.abs(dx) <= self.reach_x + EDGE_UM) & (np.abs(dy) <= self.reach_y + EDGE_UM)

    def find_halves(self, dy: np.ndarray) -> np.ndarray:
        return np.where(dy <= self.reach_y + EDGE_UM, self.reach_x + EDGE_UM, -1.0)

    def touch_quarters(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> list[np.ndarray]:
        far_x, far_y = self.reach_x + half_x + EDGE_UM, self.reach_y + half_y + EDGE_UM
        along_x = [np.abs(dx + offset) <= far_x for offset in (half_x, -half_x)]
        along_y = [np.abs(dy + offset) <= far_y for offset in (half_y, -half_y)]
        return [x & y for y in along_y for x in along_x]

    def holds_always(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> np.ndarray:
        near_x, near_y = self.reach_x - half_x + EDGE_UM, self.reach_y - half_y + EDGE_UM
        return (np.abs(dx) <= near_x) & (np.abs(dy) <= near_y)

    def find_places(
        self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float
    ) -> tuple[np.ndarray, np.ndarray]:
        corner = np.ones((len(dx), 1))
        x = np.concatenate([dx - self.reach_x - EDGE_UM / 2, -half_x * corner], axis=1)
        y = np.concatenate([dy - self.reach_y - EDGE_UM / 2, -half_y * corner], axis=1)
        return np.repeat(x, x.shape[1], axis=1), np.tile(y, (1, y.shape[1]))

    def find_strips(self) -> np.ndarray:
        return np.array([[-self.reach_y, self.reach_y, self.reach_x]])

    def overlaps(self, dx: np.ndarray, dy: np.ndarray, other: "Window") -> np.ndarray:
        far_x, far_y = self.reach_x + other.reach_x + APART_UM, self.reach_y + other.reach_y + APART_UM
        return (np.abs(dx) < far_x) & (np.abs(dy) < far_y)

    def find_outline(self) -> np.ndarray:
        return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [self.reach_x, self.reach_y]

    def find_middle(self, points_um: np.ndarray) -> tuple[float, float]:
        x_um, y_um = ((points_um.min(axis=0) + points_um.max(axis=0)) / 2).tolist()
        return x_um, y_um


@dataclass(frozen=True)
class Disc:
    """Circle; its radius in µm."""

    radius_um: float

    @property
    def reach_x(self) -> float:
        return self.radius_um

    @property
    def reach_y(self) -> float:
        return self.radius_um

    @property
    def area_um2(self) -> float:
        return pi * self.radius_um**2

    def holds(self, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return dx * dx + dy * dy <= (self.radius_um + EDGE_UM) ** 2

    def find_halves(self, dy: np.ndarray) -> np.ndarray:
        square = (self.radius_um + EDGE_UM) ** 2 - dy * dy
        return np.where(square >= 0, np.sqrt(np.maximum(square, 0.0)), -1.0)

    def touch_quarters(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> list[np.ndarray]:
        """Of the distance to the nearest place of a box a lower bound is taken that needs no case: a² - 2ah is at most
        (a - h)², and negative where a < h. It is (a - h)² - h² about the quarter's centre, at a from it."""
        along_x = [self._measure_axis(dx + offset, half_x) for offset in (half_x, -half_x)]
        along_y = [self._measure_axis(dy + offset, half_y) for offset in (half_y, -half_y)]
        limit = (self.radius_um + EDGE_UM) ** 2
        return [x <= y for y in (limit - y for y in along_y) for x in along_x]

    @staticmethod
    def _measure_axis(away: np.ndarray, half: float) -> np.ndarray:
        return away * away - np.abs(away) * (2 * half)

    def holds_always(self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float) -> np.ndarray:
        return (np.abs(dx) + half_x) ** 2 + (np.abs(dy) + half_y) ** 2 <= (self.radius_um + EDGE_UM) ** 2

    def find_places(
        self, dx: np.ndarray, dy: np.ndarray, half_x: float, half_y: float
    ) -> tuple[np.ndarray, np.ndarray]:
        radius = self.radius_um + EDGE_UM / 2
        one, other = np.triu_indices(dx.shape[1], 1)
        step_x, step_y = (dx[:, other] - dx[:, one]) / 2, (dy[:, other] - dy[:, one]) / 2
        away = np.maximum(step_x**2 + step_y**2, 1e-300)
        aside = np.sqrt(np.maximum(radius**2 / away - 1, 0))
        x, y = dx[:, one] + step_x, dy[:, one] + step_y
        xs, ys = [x - aside * step_y, x + aside * step_y, dx], [y + aside * step_x, y - aside * step_x, dy - radius]
        for edge in (-half_x, half_x):  # where its circle about a point meets the cell's left and right edge
            chord = np.sqrt(np.maximum(radius**2 - (dx - edge) ** 2, 0))
            xs += [np.full_like(dx, edge)] * 2
            ys += [dy - chord, dy + chord]
        chord = np.sqrt(np.maximum(radius**2 - (dy + half_y) ** 2, 0))
        xs += [dx - chord, dx + chord, np.full((len(dx), 1), -half_x)]
        ys += [np.full_like(dy, -half_y)] * 2 + [np.full((len(dy), 1), -half_y)]
        return np.concatenate(xs, axis=1), np.concatenate(ys, axis=1)

    @cached_property
    def _strips(self) -> np.ndarray:
        edges = self.radius_um * np.linspace(-1, 1, STRIPS + 1)
        below = edges / 2 * np.sqrt(np.maximum(self.radius_um**2 - edges**2, 0))
        below += self.radius_um**2 / 2 * np.arcsin(edges / self.radius_um)  # half the area up to there
        return np.stack([edges[:-1], edges[1:], np.diff(below) / np.diff(edges)], axis=1)

    def find_strips(self) -> np.ndarray:
        return self._strips

    def overlaps(self, dx: np.ndarray, dy: np.ndarray, other: "Window") -> np.ndarray:
        return dx * dx + dy * dy < (self.radius_um + other.reach_x + APART_UM) ** 2

    def find_outline(self) -> np.ndarray:
        """Drawn about the circle, so that it holds all that the circle does."""
        angle = (np.arange(CORNERS) + 0.5) * 2 * pi / CORNERS
        return self.radius_um / cos(pi / CORNERS) * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def find_middle(self, points_um: np.ndarray) -> tuple[float, float]:
        circle = shapely.minimum_bounding_circle(shapely.MultiPoint(np.unique(points_um, axis=0)))
        middle = shapely.Point(points_um[0]) if circle.is_empty else circle.centroid
        return middle.x, middle.y


@dataclass(frozen=True)
class Placed:
    """A window, where its centre is in µm, and what it held where it was found."""

    window: Window
    x_um: float
    y_um: float
    weight: float


def find_held(points_um: np.ndarray, placed: Placed) -> np.ndarray:
    """Which of the points (n, 2) the window holds: bool (n,)."""
    return placed.window.holds(points_um[:, 0] - placed.x_um, points_um[:, 1] - placed.y_um)


def leave_out(points_um: np.ndarray, weights: np.ndarray, placed: Sequence[Placed]) -> np.ndarray:
    """The weights (n,), 0 where one of the windows holds the point."""
    left = weights.copy()
    for one in placed:
        left[find_held(points_um, one)] = 0.0
    return left


def sum_held(points_um: np.ndarray, weights: np.ndarray, placed: Sequence[Placed]) -> float:
    """Summed weights of the points that at least one of the windows holds."""
    held = np.zeros(len(points_um), bool)
    for one in placed:
        held |= find_held(points_um, one)
    return float(weights[held].sum())
