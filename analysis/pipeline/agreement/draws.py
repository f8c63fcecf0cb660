"""Intervals by the bootstrap: cases drawn with replacement, since places of one case resemble each other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS, SEED = 2000, 1


@dataclass(frozen=True)
class CaseDraws:
    """of_row: the case, or other unit, of each row, int (n,). times: how often each draw holds each, (draws, units)."""

    of_row: np.ndarray
    times: np.ndarray

    def sums(self, rows: np.ndarray) -> np.ndarray:
        """Sums of rows (n, …) over what each draw holds: float (draws, …)."""
        rows = np.asarray(rows, float)
        by_case = np.zeros((self.times.shape[1], *rows.shape[1:]))
        np.add.at(by_case, self.of_row, rows)
        return np.tensordot(self.times, by_case, axes=1)

    def times_of_rows(self) -> np.ndarray:
        """How often each draw holds each row: float (draws, n)."""
        return self.times[:, self.of_row]


def draw_cases(cases: Sequence[Hashable], draws: int = DRAWS, seed: int = SEED) -> CaseDraws | None:
    """Draws for rows of these cases; None where there is one case alone, of which none can be drawn."""
    known: dict[Hashable, int] = {}
    of_row = np.array([known.setdefault(case, len(known)) for case in cases], dtype=int)
    if len(known) < 2:
        return None
    return CaseDraws(of_row, draw_times(len(known), draws, seed))


def draw_times(units: int, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """How often each draw of as many units as there are, with replacement, holds each: float (draws, units)."""
    drawn = np.random.default_rng(seed).integers(units, size=(draws, units))
    return np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(float)


def interval_of(values: np.ndarray) -> tuple[float, float] | None:
    """The middle 95 % of what draws gave, (draws,); None where most say nothing."""
    told = values[np.isfinite(values)]
    if len(told) < len(values) / 2:
        return None
    low, high = np.percentile(told, (2.5, 97.5)).tolist()
    return float(low), float(high)
