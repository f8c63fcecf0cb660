"""Whether several fields have room, whatever they hold: a place for each, where they need not lie well.

Fields that are laid one by one where most lies may leave none for those that follow. So room is looked for once without
weights: as a search for the best would, and where that leaves fields out, over spots on a lattice from all sides.
"""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.search.apart import list_apart
from analysis.pipeline.count.search.best_window import WindowSearch
from analysis.pipeline.count.search.touching import grow_clusters, grow_from
from analysis.pipeline.count.search.windows import Placed

SPOTS_PER_REACH = 8  # from a field's centre to its edge
MOST_SPOTS = 200  # along each axis
SIDES = 16  # from which fields are laid
MOST_SEEDS = 64  # of clusters


def find_packing(
    search: WindowSearch,
    points_um: np.ndarray,
    count: int,
    touching: bool,
    taken: Sequence[Placed],
    until: float | None,
) -> list[Placed] | None:
    """Places of `count` fields, none of which overlaps another or one of those taken; None where none were found."""
    for weights in (np.zeros(len(points_um)), np.ones(len(points_um))):
        apart = [] if touching else list_apart(search, points_um, weights, count, count, taken, until)
        whole = len(apart) == count
        grown = [apart] if whole else grow_clusters(search, points_um, weights, count, taken, until)
        if grown:
            return grown[0]
    spots = _find_spots(search, taken)
    if not touching:
        angles = (np.arange(SIDES) + 0.01) * 2 * np.pi / SIDES  # hardly turned, so that rows fill one after the other
        laid = (_lay_from(search, spots, angle, count) for angle in angles.tolist())
        packed = next((placed for placed in laid if placed is not None), None)
        if packed is not None:
            return packed
    seeds = spots[np.linspace(0, len(spots) - 1, min(MOST_SEEDS, len(spots))).astype(int)]
    nothing = np.zeros(len(points_um))
    for x_um, y_um in seeds.tolist():
        grown = grow_from([Placed(search.window, x_um, y_um, 0.0)], search, points_um, nothing, count, taken, until)
        if grown:
            return grown[0]
    return None


def _find_spots(search: WindowSearch, taken: Sequence[Placed]) -> np.ndarray:
    """Spots (m, 2) of a lattice, row by row, about which a field may stand."""
    many = np.ceil((search.high - search.low) * SPOTS_PER_REACH / search.window.reach_x).astype(int) + 1
    columns, rows = np.minimum(many, MOST_SPOTS).tolist()
    x = np.linspace(search.low[0], search.high[0], columns)
    y = np.linspace(search.low[1], search.high[1], rows)
    spots = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return spots[search.may_stand(spots, taken)]


def _lay_from(search: WindowSearch, spots: np.ndarray, angle: float, count: int) -> list[Placed] | None:
    """Fields on the spots that come first in a direction."""
    left = spots[np.argsort(spots @ [np.cos(angle), np.sin(angle)], kind="stable")]
    placed: list[Placed] = []
    while len(placed) < count:
        if not len(left):
            return None
        x_um, y_um = left[0].tolist()
        placed.append(Placed(search.window, x_um, y_um, 0.0))
        left = left[~search.window.overlaps(left[:, 0] - x_um, left[:, 1] - y_um, search.window)]
    return placed
