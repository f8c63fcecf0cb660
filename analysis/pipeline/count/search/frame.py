"""What a search is told of a slide, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.count.search.errors import SearchRefused


@dataclass(frozen=True)
class Frame:
    """Pixel size in µm of level 0, and the size of level 0 where it is known: windows then stay inside."""

    mpp_x: float
    mpp_y: float
    width_l0: float | None = None
    height_l0: float | None = None

    def __post_init__(self) -> None:
        sizes = [self.mpp_x, self.mpp_y, *(side for side in (self.width_l0, self.height_l0) if side is not None)]
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise SearchRefused("Pixel size, width and height must be numbers above 0.")

    @property
    def scale_um(self) -> np.ndarray:
        """From level-0 px to µm, (2,)."""
        return np.array([self.mpp_x, self.mpp_y], float)

    @property
    def size_um(self) -> np.ndarray:
        """Width and height (2,); infinite where unknown."""
        sides = [np.inf if side is None else side for side in (self.width_l0, self.height_l0)]
        return np.array(sides, float) * self.scale_um


@dataclass(frozen=True)
class Found:
    """A region that was found.

    polygon_l0: its outline in level-0 px, closed by its first point; of a circle 64 corners drawn about it, so that the
    outline holds all that the circle does; of fields the hull of theirs. fields_l0: centres of the fields.
    count: summed weights inside, edges included. area_mm2: of the shape. tissue_fraction: share in [0, 1] of it that is
    tissue, None where no tissue was given. exact: no other place holds more. bound: what none exceeds, where that is
    not proven.
    """

    polygon_l0: list[list[float]]
    fields_l0: list[tuple[float, float]] | None
    count: float
    area_mm2: float
    tissue_fraction: float | None
    exact: bool
    bound: float | None


def read_points(points_l0: np.ndarray, frame: Frame) -> np.ndarray:
    """(n, 2) in µm. Raises SearchRefused where they are not pairs of finite numbers."""
    points = np.asarray(points_l0, float)
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise SearchRefused("Points must be pairs of finite numbers.")
    return points * frame.scale_um


def read_weights(weights: np.ndarray | Sequence[float] | None, count: int) -> np.ndarray:
    """(n,); None is 1 each. Raises SearchRefused where there is not one finite weight of at least 0 for each point."""
    if weights is None:
        return np.ones(count)
    read = np.asarray(weights, float)
    if read.shape != (count,) or not np.isfinite(read).all() or (read < 0).any():
        raise SearchRefused("Each point needs one weight, a finite number of at least 0.")
    return read
