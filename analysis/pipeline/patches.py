"""Patches: squares of the model's pixels centred on a place, and the tensor the network takes."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import torch


def to_network(patches: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> "torch.Tensor":
    """uint8 (n, px, px, 3) RGB → float32 (n, 3, px, px) channels-last, (value/255 - mean) / std."""
    import torch  # here, since patches are also cut for networks that need no torch

    tensor = torch.from_numpy(np.ascontiguousarray(patches)).permute(0, 3, 1, 2).float()
    shift, scale = (torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1) for v in (mean, std))
    return (tensor.div_(255) - shift) / scale


def cut_patches(image: np.ndarray, centres_px: np.ndarray, px: int) -> np.ndarray:
    """Patches centred on places of an image; beyond its borders it is mirrored.

    `image` uint8 (h, w, 3); `centres_px` float (n, 2) x, y in its pixels, pixel centres at whole numbers + 0.5, rounded
    to the nearest whole window. Returns uint8 (n, px, px, 3).
    """
    if not len(centres_px):
        return np.empty((0, px, px, 3), np.uint8)
    corners_px = np.floor(np.asarray(centres_px) - px / 2 + 0.5).astype(int)
    high = corners_px.max(axis=0) + px - (image.shape[1], image.shape[0])
    before, after = max(0, -corners_px.min()), max(0, high.max())
    if before or after:
        image = cv2.copyMakeBorder(image, before, after, before, after, cv2.BORDER_REFLECT_101)
    return np.stack([image[y : y + px, x : x + px] for x, y in corners_px + before])
