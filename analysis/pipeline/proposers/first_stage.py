"""The finder's maps: its network run over images at 0.5 µm/px, and over a slide in pieces without seams."""

import cv2
import numpy as np
import torch

from analysis.pipeline.cards.card import Card
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.patches import to_network
from analysis.pipeline.proposers.finder import highest_near
from analysis.pipeline.proposers.finder_geometry import ALIGN_PX, REACH_PX, STRIDE_PX
from analysis.pipeline.proposers.interface import FirstStage, Piece
from analysis.pipeline.slide_grid import Grid, Reader


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


class Finder:
    """A model's finder, on the device and in the number format of the network that follows it."""

    def __init__(self, network: FinderNet, card: Card, device: torch.device, dtype: torch.dtype) -> None:
        self.network, self.card, self.dtype = network.to(device), card, dtype

    def map_logits(self, half: np.ndarray) -> np.ndarray:
        return logit_map(self.network, half, self.card.mean, self.card.std, self.dtype)

    def logits_near(self, piece: Piece, points_px: np.ndarray, reach_cells: int = 1) -> np.ndarray:
        return highest_near(self.map_logits(piece.half), (points_px - piece.corner_px) / ALIGN_PX, reach_cells)

    def logits_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        reach_px = 2 * REACH_PX + ALIGN_PX
        found = np.zeros(len(points_px), np.float32)
        for i, point_px in enumerate(points_px):
            left, top = (np.floor(point_px).astype(int) - reach_px) // ALIGN_PX * ALIGN_PX
            x, y, w, h = grid.clipped(left, top, 2 * reach_px + ALIGN_PX, 2 * reach_px + ALIGN_PX)
            corner_px = np.array((x, y))
            piece = Piece(grid.read(reader, x, y, w, h), corner_px, corner_px, np.array((w, h)), self.card.mpp)
            found[i] = self.logits_near(piece, point_px[None])[0]
        return found


class NoFinder:
    """Stands for the finder of a model that has none: nothing is said of any place."""

    def map_logits(self, half: np.ndarray) -> np.ndarray:
        return np.zeros([-(-side // STRIDE_PX) for side in half.shape[:2]], np.float32)

    def logits_near(self, piece: Piece, points_px: np.ndarray, reach_cells: int = 1) -> np.ndarray:
        return np.zeros(len(points_px), np.float32)

    def logits_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        return np.zeros(len(points_px), np.float32)


def first_stage_of(network: FinderNet | None, card: Card, device: torch.device, dtype: torch.dtype) -> FirstStage:
    """A model's finder, None in one without, ready for a detector."""
    return NoFinder() if network is None else Finder(network, card, device, dtype)
