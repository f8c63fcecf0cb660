"""Places that could be a mitosis: the darkest nuclei, found without a network.

Haematoxylin at 0.5 µm/px is blurred (σ 2.5 px), local maxima within 13 px are kept, and of those the darkest, at most
about 1,000 per mm². The cap is a local rule (a candidate's rank among its neighbours within 64 µm), so what is kept at
a place depends only on what lies around it and never on how a slide was cut into tiles.

Known weakness: darkness and a cap lose mitoses among dense lymphocytes; a learned first stage is to replace this one.
"""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from analysis.pipeline.stain import haematoxylin

MPP = 0.5
BLUR_SIGMA_PX = 2.5
MAXIMUM_RADIUS_PX = 13
# Fainter than every labelled mitosis of the training slides; keeps noise on glass and stroma out.
MIN_DARKNESS = 0.25
MAX_PER_MM2 = 1000
RANK_RADIUS_UM = 64.0
# How far around itself a dark spot depends on the slide: a neighbour of equal darkness, its maximum, the blur's reach.
SPOT_UM = (2 * MAXIMUM_RADIUS_PX + 4 * BLUR_SIGMA_PX) * MPP
# What a candidate at a place can depend on: its rank's disc, a neighbour's own maximum radius and the reach of the
# blur.
CONTEXT_UM = RANK_RADIUS_UM + (MAXIMUM_RADIUS_PX + 4 * BLUR_SIGMA_PX) * MPP

_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MAXIMUM_RADIUS_PX + 1,) * 2)


def half_scale(rgb: np.ndarray) -> np.ndarray:
    """An image at 0.25 µm/px at 0.5: the mean of each two by two pixels. uint8 (h, w, 3) → (h // 2, w // 2, 3)."""
    height, width = (side - side % 2 for side in rgb.shape[:2])
    return cv2.resize(rgb[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def dark_spots(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All local maxima of blurred haematoxylin, before any cap.

    `rgb` uint8 (h, w, 3) at 0.5 µm/px. Returns float32 (n, 2) x, y in pixels of `rgb` (pixel centres at whole numbers +
    0.5) and float32 (n,) darkness, ordered by y, then x.
    """
    dark = cv2.GaussianBlur(haematoxylin(rgb), (0, 0), BLUR_SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
    is_peak = (dark >= cv2.dilate(dark, _DISC)) & (dark > MIN_DARKNESS)
    ys, xs = np.nonzero(is_peak)
    keep = _first_of_each_plateau(np.column_stack([xs, ys]))
    return (np.column_stack([xs, ys])[keep] + 0.5).astype(np.float32), dark[ys[keep], xs[keep]]


def _first_of_each_plateau(points: np.ndarray) -> np.ndarray:
    """Indices to keep of (n, 2) peaks: two within the radius have the same value, and the first (smaller y, then x)
    stays.
    """
    if not len(points):
        return np.zeros(0, int)
    dropped = {b for a, b in cKDTree(points).query_pairs(MAXIMUM_RADIUS_PX)}
    return np.array([i for i in range(len(points)) if i not in dropped], int)


def darkest(
    points_um: np.ndarray, darkness: np.ndarray, width_um: float, height_um: float, max_per_mm2: float = MAX_PER_MM2
) -> np.ndarray:
    """Which spots pass the cap: those with fewer darker ones within 64 µm than the cap allows on that disc.

    `points_um` (n, 2) in micrometres from the slide's corner, `darkness` (n,); the slide's own size limits the disc at
    its edges. Returns bool (n,). Equal darkness counts as darker when it lies at smaller y, then x.
    """
    if not len(points_um):
        return np.zeros(0, bool)
    order = np.lexsort((points_um[:, 0], points_um[:, 1], -darkness))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    pairs = cKDTree(points_um).query_pairs(RANK_RADIUS_UM, output_type="ndarray")
    loser = np.where(rank[pairs[:, 0]] > rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    darker = np.bincount(loser, minlength=len(points_um))
    return darker + 1 <= max_per_mm2 * _disc_area_mm2(points_um, width_um, height_um)


def _disc_area_mm2(points_um: np.ndarray, width_um: float, height_um: float) -> np.ndarray:
    """Area of the rank's disc about each point that lies on the slide: (n,) mm², by a fixed sampling of the disc."""
    steps = (np.arange(16) + 0.5) / 8 - 1
    offsets = RANK_RADIUS_UM * np.array([(x, y) for y in steps for x in steps if x * x + y * y <= 1])
    where = points_um[:, None, :] + offsets
    on_slide = ((where >= 0) & (where <= (width_um, height_um))).all(axis=2).mean(axis=1)
    return on_slide * np.pi * RANK_RADIUS_UM**2 * 1e-6
