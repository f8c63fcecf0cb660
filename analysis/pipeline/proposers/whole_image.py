"""Places from a network that looks at whole images: it scores what it names, so nothing is left to score."""

from collections.abc import Callable

import numpy as np

from analysis.pipeline.proposers.interface import Piece, Proposals
from analysis.pipeline.slide_grid import Grid

# How far around itself a place is taken to depend on the slide. The networks see farther, and ever more weakly.
VIEW_UM = 24.0
# Of tiles: with what lies about one it is 0.1 mm², for which the networks' limits of places are, and a few GB.
LARGEST_IMAGE_PX = 1024
# Image uint8 (h, w, 3) → places (n, 2) in its pixels and margins (n,).
FindPlaces = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class WholeImageProposer:
    """What the network finds in a piece, its margins where a finder's logits would stand."""

    context_um = VIEW_UM
    outdo = True

    def __init__(self, find_places: FindPlaces) -> None:
        self.find_places = find_places

    def propose_places(self, piece: Piece, grid: Grid) -> Proposals:
        """By y, then x, and none past the middle of the slide's last pixel, since that would belong to no tile."""
        points_px, margins = self.find_places(piece.pixels)
        points_px = np.clip(points_px + piece.corner_px, 0.5, (grid.width - 0.5, grid.height - 0.5))
        order = np.lexsort((points_px[:, 0], points_px[:, 1]))
        return Proposals(points_px[order], margins[order])
