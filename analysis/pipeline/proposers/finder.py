"""Places from the finder's map.

A place is a peak of the map (no higher logit within 5 µm) that reaches the threshold, moved to the middle of the
nucleus it lies on: from the peak uphill on blurred haematoxylin, at most 4 µm. So the place is a property of the tissue
and not of how the map's cells of 2 µm happen to lie on it.
"""

import cv2
import numpy as np
import torch

from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.patches import to_network
from analysis.pipeline.proposers.darkest import BLUR_SIGMA_PX
from analysis.pipeline.proposers.finder_geometry import CELL_UM, MAX_MOVE_UM, MPP, PEAK_RADIUS_UM, STRIDE_PX
from analysis.pipeline.stain import haematoxylin

_PEAK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(PEAK_RADIUS_UM / CELL_UM) + 1,) * 2)


@torch.inference_mode()
def logit_map(
    network: FinderNet,
    rgb: np.ndarray,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """The finder's logits for an image at 0.5 µm/px: uint8 (h, w, 3) RGB → float32 (ceil(h/4), ceil(w/4)).

    Sides that are no multiple of 4 are mirrored up to one. The network's device is used.
    """
    height, width = rgb.shape[:2]
    down, right = -height % STRIDE_PX, -width % STRIDE_PX
    if down or right:
        rgb = cv2.copyMakeBorder(rgb, 0, down, 0, right, cv2.BORDER_REFLECT)
    device = next(network.parameters()).device
    tensor = to_network(rgb[None], mean, std).contiguous(memory_format=torch.channels_last).to(device)
    with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
        features = network.features(tensor)
    # The head in float32: bfloat16 logits have so few values that one nucleus has many equal peaks.
    return network.head(features.float())[0, 0].cpu().numpy()


def places(rgb: np.ndarray, logits: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the map moved to their nuclei.

    `rgb` uint8 (h, w, 3) at 0.5 µm/px, `logits` its map. Returns float (n, 2) x, y in pixels of `rgb` (pixel centres at
    whole numbers + 0.5) and float (n,) logits, ordered by y, then x of the map.
    """
    is_peak = (logits >= cv2.dilate(logits, _PEAK)) & (logits >= threshold)
    rows, columns = np.nonzero(is_peak)
    scores = logits[rows, columns]
    points = (np.column_stack([columns, rows]) + 0.5) * STRIDE_PX
    points = np.minimum(points, np.array(rgb.shape[1::-1]) - 0.5)
    if not len(points):
        return np.zeros((0, 2)), np.zeros(0, np.float32)
    dark = cv2.GaussianBlur(haematoxylin(rgb), (0, 0), BLUR_SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
    return uphill(dark, points), scores


def highest_near(values: np.ndarray, cells: np.ndarray, reach: int = 1) -> np.ndarray:
    """The highest of `values` (h, w) within `reach` cells (a square) of each place (n, 2) x, y in cells: (n,)."""
    around = cv2.dilate(values, np.ones((2 * reach + 1,) * 2, np.uint8))
    columns, rows = (np.clip(np.floor(cells[:, i]).astype(int), 0, values.shape[1 - i] - 1) for i in (0, 1))
    return around[rows, columns]


def uphill(dark: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Each of (n, 2) points moved to the nearest summit of `dark` (h, w) that lies uphill within 4 µm; to a tenth of a
    pixel.
    """
    height, width = dark.shape
    start = np.floor(points).astype(int)
    at = start.copy()
    reach = MAX_MOVE_UM / MPP
    steps = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])
    for _ in range(int(2 * reach)):
        around = np.clip(at[:, None] + steps, 0, (width - 1, height - 1))
        heights = dark[around[..., 1], around[..., 0]]
        heights = np.where(np.linalg.norm(around - start[:, None], axis=2) <= reach, heights, -np.inf)
        best = around[np.arange(len(at)), heights.argmax(axis=1)]
        if (best == at).all():
            break
        at = best
    # Never past the middle of the last pixel: a place on the slide's very border would belong to no tile.
    return np.clip(at + 0.5 + _summit_offset(dark, at), 0.5, (width - 0.5, height - 0.5))


def _summit_offset(dark: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Where within its pixel each summit lies, by a parabola along each axis: (n, 2), -0.5 to 0.5."""
    height, width = dark.shape
    offsets = np.zeros(at.shape)
    for axis, step in enumerate(((1, 0), (0, 1))):
        low, high = (np.clip(at + sign * np.array(step), 0, (width - 1, height - 1)) for sign in (-1, 1))
        left, middle, right = (dark[p[:, 1], p[:, 0]].astype(float) for p in (low, at, high))
        bend = left - 2 * middle + right
        offsets[:, axis] = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0)
    return np.clip(offsets, -0.5, 0.5)
