"""Polygons that people draw: which points they hold."""

from collections.abc import Sequence

import numpy as np
import shapely

EDGE_PX = 1e-6  # a point this near to an edge lies inside: rounding must not lose a mitosis

Ring = Sequence[Sequence[float]]


def points_in_polygon(points_l0: np.ndarray, polygon_l0: Ring) -> np.ndarray:
    """Which of points_l0 (n, 2) lie in the polygon (k, 2), both level-0 px: bool (n,).

    Even-odd rule, the ring closed by itself; a point on the edge lies inside, so that a mitosis on the line that a
    person drew is counted. Raises ValueError for fewer than three corners.
    """
    corners = np.asarray(polygon_l0, float).reshape(-1, 2)
    if len(corners) < 3:
        raise ValueError("A polygon needs at least three corners.")
    polygon = shapely.make_valid(shapely.Polygon(corners))
    shapely.prepare(polygon)
    return shapely.dwithin(polygon, shapely.points(np.asarray(points_l0, float).reshape(-1, 2)), EDGE_PX)
