"""Places from the finder's map.

A place is a peak of the map (no higher logit within 5 µm) that reaches the threshold, moved to the middle of the
nucleus it lies on: from the peak uphill on blurred haematoxylin, at most 4 µm. So the place is a property of the tissue
and not of how the map's cells of 2 µm happen to lie on it.
"""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from analysis.pipeline.cards.card import FinderUse
from analysis.pipeline.proposers.darkest import BLUR_SIGMA_PX, find_summits
from analysis.pipeline.proposers.finder_geometry import (
    CELL_UM,
    CONTEXT_UM,
    MAX_MOVE_UM,
    MPP,
    PEAK_RADIUS_UM,
    STRIDE_PX,
)
from analysis.pipeline.proposers.interface import FirstStage, Piece, Proposals
from analysis.pipeline.slide_grid import Grid
from analysis.pipeline.stain import haematoxylin

# Of cards from before there was a choice.
USUAL = FinderUse(threshold=0.0, weight=0.0, parameters=0)


class FinderProposer:
    """The finder's places whose logit reaches the threshold, looked at as its card says."""

    outdo = True

    def __init__(self, use: FinderUse, first_stage: FirstStage) -> None:
        self.use, self.first_stage = use, first_stage
        self.threshold = use.threshold
        self.context_um = CONTEXT_UM + max(0.0, use.peak_um - PEAK_RADIUS_UM) + use.pair_um

    def propose_places(self, piece: Piece, grid: Grid) -> Proposals:
        """As `finder_places` finds them on the piece."""
        points_half, logits = finder_places(piece.half, self.first_stage.map_of(piece), self.threshold, self.use)
        return Proposals(piece.from_half(points_half), logits)


def finder_places(
    rgb: np.ndarray, logits: np.ndarray, threshold: float, use: FinderUse = USUAL
) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the map, at their nuclei unless the use says otherwise.

    `rgb` uint8 (h, w, 3) at 0.5 µm/px, `logits` its map. Returns float (n, 2) x, y in pixels of `rgb` (pixel centres at
    whole numbers + 0.5) and float (n,) logits, ordered by y, then x of the map; what else is looked at comes behind.
    """
    peaks_half, scores = find_peaks(logits, threshold, use.peak_um)
    if not len(peaks_half):
        return np.zeros((0, 2)), np.zeros(0, np.float32)
    peaks_half = np.minimum(peaks_half, np.array(rgb.shape[1::-1]) - 0.5)
    places_half = [peaks_half]
    if use.place != "peak":
        dark = cv2.GaussianBlur(haematoxylin(rgb), (0, 0), BLUR_SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
        nuclei_half = move_uphill(dark, peaks_half)
        is_elsewhere = np.linalg.norm(nuclei_half - peaks_half, axis=1) > use.same_um / MPP
        places_half = [nuclei_half, peaks_half[is_elsewhere]] if use.place == "surer" else [nuclei_half]
        scores = np.concatenate([scores, scores[is_elsewhere]]) if use.place == "surer" else scores
    middles_half, of_middles = _middles(peaks_half, scores[: len(peaks_half)], use.pair_um)
    return np.concatenate([*places_half, middles_half]), np.concatenate([scores, of_middles])


def find_peaks(logits: np.ndarray, threshold: float, peak_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a map (h, w) has no higher logit within so many µm and reaches the threshold, of equal ones the first:
    (n, 2) and logits (n,).
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(peak_um / CELL_UM) + 1,) * 2)
    rows, columns = np.nonzero(find_summits(logits, disc) & (logits >= threshold))
    return (np.column_stack([columns, rows]) + 0.5) * STRIDE_PX, logits[rows, columns]


def _middles(peaks_half: np.ndarray, scores: np.ndarray, pair_um: float) -> tuple[np.ndarray, np.ndarray]:
    """The middle of each pair of peaks no farther apart than `pair_um`, with the higher one's logit."""
    pairs = cKDTree(peaks_half).query_pairs(pair_um / MPP, output_type="ndarray")
    return peaks_half[pairs].mean(axis=1).reshape(-1, 2), scores[pairs].max(axis=1, initial=-np.inf)


def highest_near(values: np.ndarray, points_cells: np.ndarray, reach_cells: int = 1) -> np.ndarray:
    """The highest of `values` (h, w) within so many cells (a square) of each place (n, 2) x, y in cells: (n,)."""
    around = cv2.dilate(values, np.ones((2 * reach_cells + 1,) * 2, np.uint8))
    columns, rows = (np.clip(np.floor(points_cells[:, i]).astype(int), 0, values.shape[1 - i] - 1) for i in (0, 1))
    return around[rows, columns]


def move_uphill(dark: np.ndarray, points_half: np.ndarray) -> np.ndarray:
    """Each of (n, 2) points, in pixels of 0.5 µm, moved to the nearest summit of `dark` (h, w) that lies uphill within
    4 µm; to a tenth of a pixel.
    """
    height, width = dark.shape
    start_half = np.floor(points_half).astype(int)
    at_half = start_half.copy()
    reach = MAX_MOVE_UM / MPP
    steps = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])
    for _ in range(int(2 * reach)):
        around_half = np.clip(at_half[:, None] + steps, 0, (width - 1, height - 1))
        heights = dark[around_half[..., 1], around_half[..., 0]]
        heights = np.where(np.linalg.norm(around_half - start_half[:, None], axis=2) <= reach, heights, -np.inf)
        best_half = around_half[np.arange(len(at_half)), heights.argmax(axis=1)]
        if (best_half == at_half).all():
            break
        at_half = best_half
    # Never past the middle of the last pixel: a place on the slide's very border would belong to no tile.
    return np.clip(at_half + 0.5 + _summit_offset(dark, at_half), 0.5, (width - 0.5, height - 0.5))


def _summit_offset(dark: np.ndarray, at_half: np.ndarray) -> np.ndarray:
    """Where within its pixel each summit lies, by a parabola along each axis: (n, 2), -0.5 to 0.5."""
    height, width = dark.shape
    offsets = np.zeros(at_half.shape)
    for axis, step in enumerate(((1, 0), (0, 1))):
        low, high = (np.clip(at_half + sign * np.array(step), 0, (width - 1, height - 1)) for sign in (-1, 1))
        left, middle, right = (dark[p[:, 1], p[:, 0]].astype(float) for p in (low, at_half, high))
        bend = left - 2 * middle + right
        offsets[:, axis] = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0)
    return np.clip(offsets, -0.5, 0.5)
