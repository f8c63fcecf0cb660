"""Grad-CAM (Selvaraju et al. 2017) of patches for both classes; the only module that touches pytorch-grad-cam.

Traps of that library, and what is done about them: used as a context manager it swallows IndexError, so its hooks are
released by hand here; it calls eval, zero_grad and backward on the network it is given, so it gets a copy; without a
target it explains the likeliest class, so each class is named; it scales every map to its own maximum, so that maps
cannot be compared between patches, and it stretches a 7 x 7 map over the patch although its cells lie 16 px apart and
not 14.3. So its weighted sum is taken as it is, and enlarged and scaled here.

Behind block 8 the network averages the map, so the gradient is the same in every cell: there Grad-CAM is HiResCAM
(Draelos and Carin 2020), and the map of the margin sums to the margin less a rest that has no place in the patch.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import CLASSES, MITOSIS, find_network
from analysis.pipeline.patches import to_network

BATCH = 16
# Grad-CAM weighs whole channels by their mean gradient; LayerCAM (Jiang et al. 2021) each cell by its own.
METHODS = ("grad_cam", "layer_cam")


@dataclass(frozen=True)
class Evidence:
    """Unscaled maps of n patches, which can be compared between patches.

    `maps[class]` float32 (n, h, w): for each cell of the layer's map what it adds to the logit of that class; below 0
    it speaks against it. `logits[class]` float32 (n,).
    """

    maps: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]

    @property
    def of_margin(self) -> np.ndarray:
        """Evidence for mitosis against the other class, in logits per cell: float32 (n, h, w)."""
        return self.maps[CLASSES[MITOSIS]] - self.maps[CLASSES[1 - MITOSIS]]

    @property
    def margins(self) -> np.ndarray:
        """Mitosis logit less the other one: float32 (n,)."""
        return self.logits[CLASSES[MITOSIS]] - self.logits[CLASSES[1 - MITOSIS]]


def grad_cam(network: nn.Module, card: Card, patches: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Maps of patches uint8 (n, px, px, 3) RGB: n dicts of class name ("mitosis", "other") to uint8 (px, px), 0 to 255.

    The target layer is the one that the network is registered with (the hybrid's block 8, a 7 x 7 map for 100 px),
    enlarged to the patch. Each map is scaled to its own maximum: it shows where the evidence lies, not how strong it
    is, and cannot be compared between patches (`map_evidence` can). A map without positive evidence is all zero.
    """
    if not len(patches):
        return []
    found = map_evidence(network, card, patches)
    px = patches.shape[1]
    grey = {name: [_as_grey(heat) for heat in enlarge_maps(maps, px)] for name, maps in found.maps.items()}
    return [{name: grey[name][i] for name in CLASSES} for i in range(len(patches))]


def map_evidence(
    network: nn.Module, card: Card, patches: np.ndarray, layer: str | None = None, method: str = "grad_cam"
) -> Evidence:
    """Unscaled maps of patches uint8 (n, px, px, 3) RGB at a layer, by name (`blocks.4`), the network's target where
    none is named.

    Raises PipelineRefused for a network that has no target layer, for a layer that it has not, or where a logit is no
    number.
    """
    if not len(patches):
        nothing = np.zeros((0, 0, 0), np.float32), np.zeros(0, np.float32)
        return Evidence(*(dict.fromkeys(CLASSES, empty) for empty in nothing))
    entry = find_network(card.architecture)
    if entry.target_layer is None:
        raise PipelineRefused(f"The network {entry.name} has no layer whose map could be explained.")
    if layer is not None and layer not in entry.layers:
        raise PipelineRefused(f"The network has no layer {layer}; there are {', '.join(entry.layers)}.")
    of_batches, logits_of_batches = [], []
    with _explainer(network, layer or entry.target_layer, method) as explainer, torch.enable_grad():
        for start in range(0, len(patches), BATCH):
            tensor = to_network(patches[start : start + BATCH], card.mean, card.std)
            of_batch, outputs = _of_batch(explainer, tensor)
            of_batches.append(of_batch)
            logits_of_batches.append(outputs)
    maps, logits = np.concatenate(of_batches, axis=1), np.concatenate(logits_of_batches)
    if not np.isfinite(logits).all():
        raise PipelineRefused("The network's logits are no numbers here, so there is nothing to explain.")
    return Evidence(dict(zip(CLASSES, maps, strict=True)), dict(zip(CLASSES, logits.T, strict=True)))


def _of_batch(explainer: Any, tensor: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The library's weighted sums as they are, float32 (classes, n, h, w), and logits (n, classes): one way forward,
    and one back for each class.
    """
    held, layers = explainer.activations_and_grads, explainer.target_layers
    outputs = held(tensor)
    [activation] = held.activations
    maps = []
    for index in range(len(CLASSES)):
        explainer.model.zero_grad()
        held.gradients = []
        outputs[:, index].sum().backward(retain_graph=True)
        [gradient] = held.gradients
        maps.append(explainer.get_cam_image(tensor, layers[0], None, activation.numpy(), gradient.numpy(), False))
    return np.array(maps, np.float32), outputs.detach().numpy()


@contextmanager
def _explainer(network: nn.Module, layer: str, method: str) -> Iterator[Any]:
    """pytorch-grad-cam on a copy of the network."""
    from pytorch_grad_cam import GradCAM, LayerCAM

    of_method = dict(zip(METHODS, (GradCAM, LayerCAM), strict=True))
    if method not in of_method:
        raise PipelineRefused(f"There is no method {method}; there are {' and '.join(METHODS)}.")
    # Gradients are followed back to the target layer and no further: the same maps in a third of the time.
    explained = copy.deepcopy(network).float().cpu().eval().requires_grad_(False)
    target = explained.get_submodule(layer)
    target.requires_grad_(True)
    explainer = of_method[method](model=explained, target_layers=[target])
    try:
        yield explainer
    finally:
        explainer.activations_and_grads.release()


def enlarge_maps(maps: np.ndarray, px: int, interpolation: int = cv2.INTER_CUBIC) -> np.ndarray:
    """Maps float32 (n, h, w) of patches of `px`, enlarged to the patch: float32 (n, px, px).

    Cubic, since a linear map peaks at the middle of a cell and nowhere between: with hybrid-0.1 and mitoses off the
    middle of 160 windows, peaks were on the figure in 0.88, with linear enlargement in 0.67 (the same cells) and 0.81
    (cells stretched over the patch).
    """
    step, cells = cell_px(px, maps.shape[-1]), maps.shape[-1]
    first = cells_at(np.array(0.5), px, cells)
    matrix = np.array([[1 / step, 0, first], [0, 1 / step, first]])
    flags = interpolation | cv2.WARP_INVERSE_MAP
    grown = [cv2.warpAffine(heat, matrix, (px, px), flags=flags, borderMode=cv2.BORDER_REPLICATE) for heat in maps]
    return np.array(grown, np.float32).reshape(-1, px, px)


def cells_at(places_px: np.ndarray, px: int, cells: int) -> np.ndarray:
    """Where places along a patch's side lie in a map of so many cells: 0 is the middle of its first cell.

    The cells' distance is that of the layer's strides; the middle cell is put in the middle of the patch, so that no
    side is preferred. (By the padding it would lie 1.5 px nearer to the top left, by half-turned windows 2.5 px nearer
    to the bottom right.)
    """
    return (places_px - px / 2) / cell_px(px, cells) + (cells - 1) / 2


def cell_px(px: int, cells: int) -> int:
    """How many pixels of the patch lie between the centres of two cells: 16 for 100 px and 7 cells."""
    return 1 << round(np.log2(px / cells))


def find_peaks(maps: np.ndarray) -> np.ndarray:
    """Where each of float (n, px, px) maps is highest: float (n, 2) x, y in its pixels, pixel centres at + 0.5."""
    flat = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.column_stack([flat % maps.shape[-1], flat // maps.shape[-1]]) + 0.5


def _as_grey(heat: np.ndarray) -> np.ndarray:
    """float (px, px) in logits → uint8, 255 at its highest; all 0 where nothing is above 0."""
    positive = np.maximum(heat, 0)
    highest = positive.max()
    return np.rint(positive * (255 / highest if highest > 0 else 0)).astype(np.uint8)
