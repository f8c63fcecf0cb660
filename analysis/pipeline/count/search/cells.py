"""Cells of centres of one size, with the points that some of their windows hold and some do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Cells:
    """centres (m, 2) and half sides in µm. places (m, 2): of each cell a centre of a window that may be its best.
    Weights (m,): always, what each window of a cell holds; at_place, what the one at its place does; most, what none
    exceeds. is_open: whether mask or neighbours may forbid some of its windows.

    Of the k points in question, cell by cell: many (m,), how many of each cell; dx, dy (k,) from its centre in µm;
    weight.
    """

    centres: np.ndarray
    half_x: float
    half_y: float
    places: np.ndarray
    always: np.ndarray
    at_place: np.ndarray
    most: np.ndarray
    is_open: np.ndarray
    many: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)

    def sum_points(self, chosen: np.ndarray) -> np.ndarray:
        """Summed weight (m,) of the points that the mask (k,) chooses."""
        return self._add_up(self.weight * chosen)

    @cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the cells with points their indices, and where the points of each begin."""
        filled = np.flatnonzero(self.many)
        return filled, (self.many.cumsum() - self.many)[filled]

    def _add_up(self, values: np.ndarray, kind: type = float) -> np.ndarray:
        filled, starts = self._runs
        if len(filled) == len(self) > 0:
            whole: np.ndarray = np.add.reduceat(values, starts, dtype=kind)
            return whole
        sums: np.ndarray = np.zeros(len(self), kind)
        if len(filled):
            sums[filled] = np.add.reduceat(values, starts, dtype=kind)
        return sums

    def pad_points(self, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """dx, dy and weight of the points of each cell, (m, most); without a point 0."""
        index = (self.many.cumsum() - self.many)[:, None] + np.arange(most)
        there = np.arange(most) < self.many[:, None]
        index = np.where(there, index, 0)
        dx, dy, weight = (np.where(there, values[index], 0.0) for values in (self.dx, self.dy, self.weight))
        return dx, dy, weight

    def take(self, chosen: np.ndarray, points: np.ndarray | None = None) -> "Cells":
        """Those that the mask (m,) names, with their points; only those of them that `points` (k,) names."""
        point, many = np.repeat(chosen, self.many), self.many
        if points is not None:
            point, many = point & points, self._add_up(points.view(np.int8), np.int64)
        return Cells(
            self.centres[chosen], self.half_x, self.half_y, self.places[chosen],
            self.always[chosen], self.at_place[chosen], self.most[chosen], self.is_open[chosen],
            many[chosen], self.dx[point], self.dy[point], self.weight[point],
        )  # fmt: skip


def join_cells(parts: Sequence[Cells]) -> Cells:
    """Cells of one size as one."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return replace(
        parts[0],
        centres=joined("centres"),
        places=joined("places"),
        always=joined("always"),
        at_place=joined("at_place"),
        most=joined("most"),
        is_open=joined("is_open"),
        many=joined("many"),
        dx=joined("dx"),
        dy=joined("dy"),
        weight=joined("weight"),
    )
