"""The paper's grid: patches side by side, each scored whatever lies in it."""

import numpy as np

from analysis.pipeline.proposers.finder_geometry import ALIGN_PX, VIEW_UM
from analysis.pipeline.proposers.interface import FirstStage, Piece, Proposals
from analysis.pipeline.slide_grid import Grid

# So many to a tile's side, so that none is cut by a tile.
TILE_PATCHES = 10


class GridProposer:
    """The centres of a tile's patches; what a finder sees anywhere in a patch counts for it."""

    context_um = VIEW_UM
    outdo = False

    def __init__(self, patch_px: int, first_stage: FirstStage) -> None:
        self.patch_px, self.first_stage = patch_px, first_stage

    def propose_places(self, piece: Piece, grid: Grid) -> Proposals:
        """Those on the slide, by rows."""
        x_px, y_px = piece.core_px
        offsets_px = np.arange(TILE_PATCHES) * self.patch_px + self.patch_px / 2
        points_px = np.array([(x_px + dx, y_px + dy) for dy in offsets_px for dx in offsets_px])
        points_px = points_px[(points_px < (grid.width, grid.height)).all(axis=1)]
        reach_cells = self.patch_px // (2 * ALIGN_PX)
        return Proposals(points_px, self.first_stage.logits_near(piece, points_px, reach_cells))
