"""One detection per mitosis: of those within 7.5 µm of each other the surest stays.

The rule is local (a detection goes if a surer one lies within the radius, whether or not that one stays), so with 7.5
µm of context a tile's result is final. Of the labelled mitoses of MIDOG++ no two lie nearer
than 6.7 µm, and 0.07 % have another within 7.5 µm.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

# Within it two places are one mitosis, here, in the official matching and among what readers add.
RADIUS_UM = 7.5


def keep_surest(points_um: np.ndarray, scores: np.ndarray, radius_um: float = RADIUS_UM) -> np.ndarray:
    """Which of (n, 2) points stay: bool (n,). At equal scores the one of smaller y, then x, counts as surer."""
    keep = np.ones(len(points_um), bool)
    keep[find_losers(points_um, scores, radius_um)] = False
    return keep


def find_losers(points_um: np.ndarray, scores: np.ndarray, radius_um: float) -> np.ndarray:
    """The lower one of each pair of (n, 2) points within the radius: int (pairs,), an index as often as it loses. At
    equal scores (n,) the one of larger y, then x, loses.
    """
    if len(points_um) < 2:
        return np.zeros(0, int)
    order = np.lexsort((points_um[:, 0], points_um[:, 1], -scores))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    pairs = _tree(points_um).query_pairs(radius_um, output_type="ndarray")
    return np.where(rank[pairs[:, 0]] > rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])


def in_reach(points_um: np.ndarray, of: np.ndarray, radius_um: float = RADIUS_UM) -> np.ndarray:
    """Which of (n, 2) points lie within the radius of one that `of` (bool, (n,)) marks, those included: bool (n,)."""
    if not of.any():
        return np.zeros(len(points_um), bool)
    away_um, _ = _tree(points_um[of]).query(points_um)
    return away_um <= radius_um


def _tree(points_um: np.ndarray) -> "cKDTree":
    """Loaded when it is needed: many take the radius from here, and each start of a process would pay for it."""
    from scipy.spatial import cKDTree

    return cKDTree(points_um)
