"""What the heads see of a patch: maps of the network at three depths, pooled around the figure in the patch's middle.

The last map alone says "mitosis" and little else, since that is what it was trained for; whether a plate is bent or
a chromosome lags behind stands in the finer maps before it. A patch has no up or left: features are the mean over its
four rotations.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from analysis.pipeline.cards.card import Card
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import find_network
from analysis.pipeline.networks.patch_classifier import PatchClassifier
from analysis.pipeline.patches import to_network
from analysis.pipeline.subtypes import FEATURES, LENGTH

# Weight of the places in the finer maps: a Gaussian of this many patch pixels (2 µm at 0.25 µm/px).
SIGMA_PX = 8.0
ROTATIONS = 4
BATCH = 16


@torch.inference_mode()
def read_features(network: PatchClassifier, card: Card, patches: np.ndarray) -> np.ndarray:
    """Features of patches uint8 (n, px, px, 3) RGB: float32 (n, f); of the hybrid's two fine layers of 128 channels
    mean and spread, and of its last one's 256 the mean: 768. `network` is in evaluation mode.

    Raises PipelineRefused for a network that is registered without fine layers.
    """
    layers = find_network(card.architecture).fine_layers
    if not layers:
        raise PipelineRefused(f"The network {card.architecture} has no layers for heads of type and phase to look at.")
    device = next(network.parameters()).device
    found = [np.empty((0, LENGTH), np.float32)] if not len(patches) else []
    for start in range(0, len(patches), BATCH):
        tensor = to_network(patches[start : start + BATCH], card.mean, card.std).to(device)
        turned = [_pool_layers(network, layers, torch.rot90(tensor, turns, (2, 3))) for turns in range(ROTATIONS)]
        found.append(torch.stack(turned).mean(0).cpu().numpy())
    return np.concatenate(found)


def _pool_layers(network: PatchClassifier, layers: Sequence[str], x: Tensor) -> Tensor:
    """(b, 3, px, px) → (b, f): mean and spread of each layer's map about the middle, then what the head sees."""
    parts: list[Tensor] = []

    def keep(_: nn.Module, __: tuple, heat: Tensor) -> None:
        weight = _around_the_middle(heat.shape[-1], x.shape[-1]).to(heat.device)
        mean = (heat * weight).sum((2, 3))
        parts.extend([mean, ((heat * heat * weight).sum((2, 3)) - mean**2).clamp(0).sqrt()])

    hooks = [network.get_submodule(layer).register_forward_hook(keep) for layer in layers]
    try:
        pooled = network.pool_features(x.contiguous(memory_format=torch.channels_last))
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([*parts, pooled], 1)


def _around_the_middle(side: int, px: int) -> Tensor:
    """Weights (side, side) that sum to one: a Gaussian around the middle of a map of a patch of `px`."""
    away = (torch.arange(side) - (side - 1) / 2) * px / side
    weight = torch.exp(-(away[:, None] ** 2 + away[None] ** 2) / (2 * SIGMA_PX**2))
    return weight / weight.sum()


def cached_features(model: Model, patches: np.ndarray, folder: Path) -> np.ndarray:
    """`read_features`, kept in `folder` under a name made of the weights, the patches and the kind of features.

    A cache file that cannot be read is made again.
    """
    key = hashlib.sha256(patches.tobytes() + f"{FEATURES} {model.sha256} {patches.shape}".encode()).hexdigest()
    path = folder / f"{model.name}-{key[:16]}.npy"
    if path.is_file():
        try:
            known = np.load(path, allow_pickle=False)
        except (ValueError, EOFError):
            known = np.empty(0)
        if known.ndim == 2 and len(known) == len(patches):
            return known
    folder.mkdir(parents=True, exist_ok=True)
    found = read_features(model.patch_network, model.card, patches)
    part = path.with_suffix(".part.npy")
    np.save(part, found)
    part.replace(path)
    return found
