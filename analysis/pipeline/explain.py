"""Grad-CAM (Selvaraju et al. 2017) of a patch for both classes; the only module that touches pytorch-grad-cam.

Traps of that library, and what is done about them: used as a context manager it swallows IndexError, so its hooks are
released by hand here; it calls eval, zero_grad and backward on the network it is given, so it gets a copy; without a
target it explains the likeliest class, so a class is always named. It scales every map to its own maximum: maps show
where the evidence lies, not how strong it is, and cannot be compared between patches. A map that has no positive
evidence is all zero.
"""

import copy

import numpy as np
import torch
from torch import nn

from analysis.pipeline.classifiers.card import Card
from analysis.pipeline.classifiers.hybrid import CLASSES
from analysis.pipeline.patches import to_network

BATCH = 16


def grad_cam(network: nn.Module, card: Card, patches: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Maps of patches uint8 (n, px, px, 3) RGB: n dicts of class name ("mitosis", "other") to uint8 (px, px), 0 to 255.

    The target layer is the network's own `target_layer` (block 8, a 7 x 7 map for 100 px), enlarged to the patch.
    """
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    # Gradients are followed back to the target layer and no further: the same maps in a third of the time.
    explained = copy.deepcopy(network).float().cpu().eval().requires_grad_(False)
    explained.target_layer.requires_grad_(True)
    cam = GradCAM(model=explained, target_layers=[explained.target_layer])
    maps: list[dict[str, np.ndarray]] = []
    try:
        with torch.enable_grad():
            for start in range(0, len(patches), BATCH):
                tensor = to_network(patches[start : start + BATCH], card.mean, card.std)
                by_class = {
                    name: cam(tensor, targets=[ClassifierOutputTarget(index)] * len(tensor))
                    for index, name in enumerate(CLASSES)
                }
                maps += [{name: _as_grey(by_class[name][i]) for name in CLASSES} for i in range(len(tensor))]
    finally:
        cam.activations_and_grads.release()
    return maps


def _as_grey(heat: np.ndarray) -> np.ndarray:
    """float (px, px) in [0, 1] → uint8."""
    return np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
