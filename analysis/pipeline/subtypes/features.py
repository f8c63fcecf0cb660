"""What the heads see of a patch: maps of the network at three depths, pooled around the figure in the patch's middle.

The last block alone says "mitosis" and little else, since that is what it was trained for; whether a plate is bent or
a chromosome lags behind stands in the finer maps before it. A patch has no up or left: features are the mean over its
four rotations.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from analysis.pipeline.cards.card import Card
from analysis.pipeline.patches import to_network
from analysis.pipeline.subtypes import FEATURES, LENGTH

# Two blocks of 128 channels, by mean and spread; and the last one's 256 by their mean: 768.
FINE_BLOCKS = (4, 6)
# Weight of the places in the finer maps: a Gaussian of this many patch pixels (2 µm at 0.25 µm/px).
SIGMA_PX = 8.0
ROTATIONS = 4
BATCH = 16


@torch.inference_mode()
def describe(network: nn.Module, card: Card, patches: np.ndarray) -> np.ndarray:
    """Features of patches uint8 (n, px, px, 3) RGB: float32 (n, 768). `network` is a HybridNet in evaluation mode."""
    device = next(network.parameters()).device
    found = np.empty((len(patches), LENGTH), np.float32)
    for start in range(0, len(patches), BATCH):
        tensor = to_network(patches[start : start + BATCH], card.mean, card.std).to(device)
        turned = [_pooled(network, torch.rot90(tensor, turns, (2, 3))) for turns in range(ROTATIONS)]
        found[start : start + BATCH] = torch.stack(turned).mean(0).cpu().numpy()
    return found


def _pooled(network: nn.Module, x: Tensor) -> Tensor:
    """(b, 3, px, px) → (b, 768)."""
    parts = []
    x = x.contiguous(memory_format=torch.channels_last)
    px = x.shape[-1]
    for index, block in enumerate(network.blocks):
        x = block(x)
        if index in FINE_BLOCKS:
            weight = _around_the_middle(x.shape[-1], px).to(x.device)
            mean = (x * weight).sum((2, 3))
            parts += [mean, ((x * x * weight).sum((2, 3)) - mean**2).clamp(0).sqrt()]
    return torch.cat([*parts, x.mean((2, 3))], 1)


def _around_the_middle(side: int, px: int) -> Tensor:
    """Weights (side, side) that sum to one: a Gaussian around the middle of a map of a patch of `px`."""
    away = (torch.arange(side) - (side - 1) / 2) * px / side
    weight = torch.exp(-(away[:, None] ** 2 + away[None] ** 2) / (2 * SIGMA_PX**2))
    return weight / weight.sum()


def describe_cached(model, patches: np.ndarray, folder: Path) -> np.ndarray:
    """`describe`, kept in `folder` under a name made of the weights, the patches and the kind of features.

    `model` is a Model of the store. A cache file that cannot be read is made again.
    """
    key = hashlib.sha256(patches.tobytes() + f"{FEATURES} {model.sha256} {patches.shape}".encode()).hexdigest()
    path = folder / f"{model.name}-{key[:16]}.npy"
    if path.is_file():
        try:
            known = np.load(path, allow_pickle=False)
        except (ValueError, EOFError):
            known = np.empty(0)
        if known.shape == (len(patches), LENGTH):
            return known
    folder.mkdir(parents=True, exist_ok=True)
    found = describe(model.network, model.card, patches)
    part = path.with_suffix(".part.npy")
    np.save(part, found)
    part.replace(path)
    return found
