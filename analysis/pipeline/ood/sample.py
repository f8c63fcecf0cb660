"""The part of a slide that is looked at: its thumbnail and a few pieces of tissue, chosen by place alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.plan import Settings, Work, read_thumbnail
from analysis.pipeline.slide_grid import HALF_MPP, Grid, Reader, half_scale
from analysis.pipeline.spread import spread_evenly

PIECE_UM = 128.0
MAX_PIECES = 24


@dataclass(frozen=True)
class Sample:
    """`thumbnail` uint8 (rows, columns, 3) RGB of the whole slide at about 8 µm/px, `tissue` bool (rows, columns) its
    cells that are tissue of the region; `pieces` uint8 (h, w, 3) RGB at 0.5 µm/px, none where there is no tissue.
    """

    thumbnail: np.ndarray
    tissue: np.ndarray
    pieces: list[np.ndarray]


def sample_of(
    reader: Reader, settings: Settings, work: Work, tell: Callable[[int], object] = lambda pieces: None
) -> Sample:
    """The sample of what a run covers: as many pieces as fit beside each other, at most 24, spread over the tissue.
    `tell` is told how many are read.
    """
    thumbnail = read_thumbnail(reader, settings)
    rows, columns = np.nonzero(work.tissue.mask)
    centres_l0 = (np.column_stack([columns, rows]) + 0.5) * (work.tissue.cell_w_l0, work.tissue.cell_h_l0)
    inside = work.covers(centres_l0)
    tissue = np.zeros_like(work.tissue.mask)
    tissue[rows[inside], columns[inside]] = True
    centres_l0 = centres_l0[inside]
    fine = HALF_MPP / 2  # read at the network's scale: a coarser level of a file may be sharper or softer
    grid = Grid.over(reader, settings.mpp_x, settings.mpp_y, fine)
    side = int(PIECE_UM / fine)
    wanted = min(MAX_PIECES, max(1, math.ceil(work.area_mm2 / (PIECE_UM * 1e-3) ** 2)))
    pieces = []
    for number, (x_l0, y_l0) in enumerate(centres_l0[spread_evenly(len(centres_l0), wanted)]):
        tell(number)
        x = int(np.clip(x_l0 / grid.step_x_l0 - side / 2, 0, max(0, grid.width - side)))
        y = int(np.clip(y_l0 / grid.step_y_l0 - side / 2, 0, max(0, grid.height - side)))
        pixels = grid.read(reader, *grid.clipped(x, y, side, side))
        if min(pixels.shape[:2]) >= 16:
            pieces.append(half_scale(pixels))
    return Sample(thumbnail, tissue, pieces)
