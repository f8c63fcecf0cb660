"""Paired bootstrap: whole cases drawn with replacement, the same for both, so that what both find hard cancels.

Frames of one case resemble each other, so cases are drawn; of a single case its frames, which gives intervals that are
too narrow, and is named so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
SEED = 1
CASE, FRAME = "case", "frame"


@dataclass(frozen=True)
class Draws:
    """unit: what is drawn; of_row: the unit of each row, int (n,); weights: how often each draw holds each unit, float
    (2000, units).
    """

    unit: str
    of_row: np.ndarray
    weights: np.ndarray

    def sums(self, rows: np.ndarray) -> np.ndarray:
        """Sums of rows (n, …) over what each draw holds: float (2000, …)."""
        rows = np.asarray(rows, float)
        by_unit = np.zeros((self.weights.shape[1], *rows.shape[1:]))
        np.add.at(by_unit, self.of_row, rows)
        return np.tensordot(self.weights, by_unit, axes=1)


def draw_units(cases: Sequence[str]) -> Draws | None:
    """Draws for rows of these cases; None for one row, of which nothing can be drawn."""
    names, of_row = np.unique(np.array(cases, dtype=str), return_inverse=True)
    unit = CASE
    if len(names) < 2:
        unit, of_row = FRAME, np.arange(len(cases))
    count = len(names) if unit == CASE else len(cases)
    if count < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(count, size=(DRAWS, count))
    weights = np.apply_along_axis(np.bincount, 1, drawn, minlength=count).astype(float)
    return Draws(unit, of_row, weights)


def interval_of(values: np.ndarray) -> tuple[float, float] | None:
    """The middle 95 % of (2000,); None where most draws say nothing."""
    told = values[np.isfinite(values)]
    if len(told) < len(values) / 2:
        return None
    low, high = np.percentile(told, (2.5, 97.5)).tolist()
    return float(low), float(high)
