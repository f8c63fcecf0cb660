"""Places that could be a mitosis: the darkest nuclei, found without a network.

Haematoxylin at 0.5 µm/px is blurred (σ 2.5 px), local maxima within 13 px are kept, and of those the darkest, at most
about 1,000 per mm². The cap is a local rule (a candidate's rank among its neighbours within 64 µm), so what is kept at
a place depends only on what lies around it and never on how a slide was cut into tiles.

Known weakness: darkness and a cap lose mitoses among dense lymphocytes; a learned first stage is to replace this one.
"""

import cv2
import numpy as np

from analysis.pipeline.merge import find_losers
from analysis.pipeline.proposers.interface import FirstStage, Piece, Proposals
from analysis.pipeline.slide_grid import HALF_MPP, Grid
from analysis.pipeline.stain import haematoxylin

BLUR_SIGMA_PX = 2.5
MAXIMUM_RADIUS_PX = 13
# Fainter than every labelled mitosis of the training slides; keeps noise on glass and stroma out.
MIN_DARKNESS = 0.25
MAX_PER_MM2 = 1000
RANK_RADIUS_UM = 64.0
# How far around itself a dark spot depends on the slide: a neighbour of equal darkness, its maximum, the blur's reach.
SPOT_UM = (2 * MAXIMUM_RADIUS_PX + 4 * BLUR_SIGMA_PX) * HALF_MPP
# What a candidate at a place can depend on: its rank's disc, a neighbour's own maximum radius and the reach of the
# blur.
CONTEXT_UM = RANK_RADIUS_UM + (MAXIMUM_RADIUS_PX + 4 * BLUR_SIGMA_PX) * HALF_MPP

_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MAXIMUM_RADIUS_PX + 1,) * 2)


class DarkestProposer:
    """The darkest nuclei of a piece, as many as the cap allows."""

    context_um = CONTEXT_UM
    outdo = True

    def __init__(self, first_stage: FirstStage) -> None:
        self.first_stage = first_stage

    def propose_places(self, piece: Piece, grid: Grid) -> Proposals:
        """Those that pass the cap, by y, then x."""
        spots_half, darkness = dark_spots(piece.half)
        spots_px = piece.from_half(spots_half.astype(float))
        kept = pass_cap(spots_px * piece.mpp, darkness, grid.width * piece.mpp, grid.height * piece.mpp)
        points_px = spots_px[kept]
        return Proposals(points_px, self.first_stage.logits_near(piece, points_px))


def dark_spots(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All local maxima of blurred haematoxylin, before any cap.

    `rgb` uint8 (h, w, 3) at 0.5 µm/px. Returns float32 (n, 2) x, y in pixels of `rgb` (pixel centres at whole numbers +
    0.5) and float32 (n,) darkness, ordered by y, then x.
    """
    dark = cv2.GaussianBlur(haematoxylin(rgb), (0, 0), BLUR_SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
    ys, xs = np.nonzero(find_summits(dark, _DISC) & (dark > MIN_DARKNESS))
    return (np.column_stack([xs, ys]) + 0.5).astype(np.float32), dark[ys, xs]


def find_summits(values: np.ndarray, disc: np.ndarray) -> np.ndarray:
    """Where `values` float32 (h, w) has nothing higher within the disc about it, and of equals the first by y, then x:
    bool (h, w). Ink and blank areas are one plateau, of which every pixel would be a place.
    """
    before, middle = disc.copy(), len(disc) // 2
    before[middle, middle:], before[middle + 1 :] = 0, 0
    return (values >= cv2.dilate(values, disc)) & (values > cv2.dilate(values, before))


def pass_cap(
    points_um: np.ndarray, darkness: np.ndarray, width_um: float, height_um: float, max_per_mm2: float = MAX_PER_MM2
) -> np.ndarray:
    """Which spots pass the cap: those with fewer darker ones within 64 µm than the cap allows on that disc.

    `points_um` (n, 2) in micrometres from the slide's corner, `darkness` (n,); the slide's own size limits the disc at
    its edges. Returns bool (n,). Equal darkness counts as darker when it lies at smaller y, then x.
    """
    if not len(points_um):
        return np.zeros(0, bool)
    darker = np.bincount(find_losers(points_um, darkness, RANK_RADIUS_UM), minlength=len(points_um))
    # Of the disc about each point, the area that lies on the slide, by a fixed sampling of the disc.
    steps = (np.arange(16) + 0.5) / 8 - 1
    offsets_um = RANK_RADIUS_UM * np.array([(x, y) for y in steps for x in steps if x * x + y * y <= 1])
    sampled_um = points_um[:, None, :] + offsets_um
    on_slide = ((sampled_um >= 0) & (sampled_um <= (width_um, height_um))).all(axis=2).mean(axis=1)
    return darker + 1 <= max_per_mm2 * (on_slide * np.pi * RANK_RADIUS_UM**2 * 1e-6)
