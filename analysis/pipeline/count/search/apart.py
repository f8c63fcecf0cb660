"""Fields laid one by one where most is left, none over another."""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.search.best_window import WindowSearch
from analysis.pipeline.count.search.windows import Placed, find_held


def list_apart(
    search: WindowSearch,
    points_um: np.ndarray,
    weights: np.ndarray,
    least: int,
    most: int,
    taken: Sequence[Placed],
    until: float | None,
) -> list[Placed]:
    """The best field, then the next best that overlaps none before or one of those taken: `most` of them, fewer where
    there is no room. Those beyond `least` hold something."""
    placed: list[Placed] = []
    left = weights.copy()
    while len(placed) < most:
        best = search.find(left, [*taken, *placed], -1.0 if len(placed) < least else 0.0, until)
        if best is None:
            break
        placed.append(best)
        left[find_held(points_um, best)] = 0.0
    return placed
