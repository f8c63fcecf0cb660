"""Cutting the patch about a place of a slide, at the pixel size of the models, as detection cuts its own."""

import numpy as np

from analysis.lab.learning.data_set_folder import MPP, PATCH_PX
from analysis.pipeline.patches import cut_patches
from analysis.pipeline.slide_grid import Grid, Reader


def cut_patch(reader: Reader, x_l0: float, y_l0: float, mpp_x: float, mpp_y: float) -> np.ndarray | None:
    """uint8 (160, 160, 3) RGB at 0.25 µm/px about a place in level-0 px; mirrored beyond the slide's border, as patches
    of a detection are. None for a place that is not on the slide. Raises what the reader raises.
    """
    grid = Grid.over(reader, mpp_x, mpp_y, MPP)
    centre_px = grid.to_px(np.array([[x_l0, y_l0]]))
    corner_x, corner_y = np.floor(centre_px[0] - PATCH_PX / 2 + 0.5).astype(int).tolist()
    x, y, w, h = grid.clipped(corner_x, corner_y, PATCH_PX, PATCH_PX)
    if min(w, h) < PATCH_PX // 4:
        return None
    return cut_patches(grid.read(reader, x, y, w, h), centre_px - (x, y), PATCH_PX)[0]
