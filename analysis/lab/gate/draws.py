"""Paired bootstrap: whole cases drawn with replacement, the same for both, so that what both find hard cancels.

Frames of one case resemble each other, so cases are drawn; of a single case its frames, which gives intervals that are
too narrow, and is named so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.agreement.draws import DRAWS, SEED, CaseDraws, draw_times, interval_of

__all__ = ["CASE", "DRAWS", "FRAME", "Draws", "draw_units", "interval_of"]

CASE, FRAME = "case", "frame"


@dataclass(frozen=True)
class Draws(CaseDraws):
    """unit: what is drawn, CASE or FRAME."""

    unit: str


def draw_units(cases: Sequence[str]) -> Draws | None:
    """Draws for rows of these cases; None for one row, of which nothing can be drawn."""
    names, of_row = np.unique(np.array(cases, dtype=str), return_inverse=True)
    unit = CASE
    if len(names) < 2:
        unit, of_row = FRAME, np.arange(len(cases))
    count = len(names) if unit == CASE else len(cases)
    if count < 2:
        return None
    return Draws(of_row, draw_times(count, DRAWS, SEED), unit)
