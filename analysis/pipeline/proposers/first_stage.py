"""The finder's maps: its network run over images at 0.5 µm/px, and over a slide in pieces without seams."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from analysis.pipeline.patches import to_network
from analysis.pipeline.proposers.finder import highest_near
from analysis.pipeline.proposers.finder_geometry import ALIGN_PX, REACH_PX, STRIDE_PX
from analysis.pipeline.proposers.interface import FirstStage, Piece
from analysis.pipeline.slide_grid import Grid, Reader

if TYPE_CHECKING:
    import torch

    from analysis.pipeline.networks.finder import FinderNet


def logit_map(
    network: "FinderNet",
    rgb: np.ndarray,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    dtype: "torch.dtype | None" = None,
) -> np.ndarray:
    """The finder's logits by torch for an image at 0.5 µm/px: uint8 (h, w, 3) RGB → float32 (ceil(h/4), ceil(w/4)).

    Sides that are no multiple of 4 are mirrored up to one. The network's device is used; dtype: None for float32.
    """
    import torch  # here, since a finder that OpenVINO runs needs none

    height, width = rgb.shape[:2]
    down, right = -height % STRIDE_PX, -width % STRIDE_PX
    if down or right:
        rgb = cv2.copyMakeBorder(rgb, 0, down, 0, right, cv2.BORDER_REFLECT)
    device = next(network.parameters()).device
    tensor = to_network(rgb[None], mean, std).contiguous(memory_format=torch.channels_last).to(device)
    with torch.inference_mode():
        with torch.autocast(device.type, dtype, enabled=dtype not in {None, torch.float32}):
            features = network.features(tensor)
        # The head in float32: bfloat16 logits have so few values that one nucleus has many equal peaks.
        return network.head(features.float())[0, 0].cpu().numpy()


class Finder:
    """A model's finder, by what gives its map of an image and the scale of its pixels."""

    def __init__(self, map_logits: Callable[[np.ndarray], np.ndarray], mpp: float) -> None:
        self.map_logits, self.mpp = map_logits, mpp

    def map_of(self, piece: Piece) -> np.ndarray:
        if piece.logits is None:
            piece.logits = self.map_logits(piece.half)
        return piece.logits

    def logits_near(self, piece: Piece, points_px: np.ndarray, reach_cells: int = 1) -> np.ndarray:
        return highest_near(self.map_of(piece), (points_px - piece.corner_px) / ALIGN_PX, reach_cells)

    def logits_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        reach_px = 2 * REACH_PX + ALIGN_PX
        found = np.zeros(len(points_px), np.float32)
        for i, point_px in enumerate(points_px):
            left, top = (np.floor(point_px).astype(int) - reach_px) // ALIGN_PX * ALIGN_PX
            x, y, w, h = grid.clipped(left, top, 2 * reach_px + ALIGN_PX, 2 * reach_px + ALIGN_PX)
            corner_px = np.array((x, y))
            piece = Piece(grid.read(reader, x, y, w, h), corner_px, corner_px, np.array((w, h)), self.mpp)
            found[i] = self.logits_near(piece, point_px[None])[0]
        return found


class NoFinder:
    """Stands for the finder of a model that has none: nothing is said of any place."""

    def map_of(self, piece: Piece) -> np.ndarray:
        return np.zeros([-(-side // STRIDE_PX) for side in piece.half.shape[:2]], np.float32)

    def logits_near(self, piece: Piece, points_px: np.ndarray, reach_cells: int = 1) -> np.ndarray:
        return np.zeros(len(points_px), np.float32)

    def logits_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        return np.zeros(len(points_px), np.float32)


def first_stage_of(map_logits: Callable[[np.ndarray], np.ndarray] | None, mpp: float) -> FirstStage:
    """A model's finder, None in one without, ready for a detector."""
    return NoFinder() if map_logits is None else Finder(map_logits, mpp)
