"""Sanity checks of the maps (Adebayo et al. 2018): they must change with the weights and with the class.

A map that stayed the same when the network's weights are replaced by random ones would show the picture and not what
the network learned; one that stayed the same for the other class would explain neither.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from analysis.pipeline.cards.card import Card
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.explain.cam import enlarge_maps, map_evidence
from analysis.pipeline.networks import find_network
from slides import demo
from slides.wsi.reader import open_slide

TEACHING_SHEET = Path(demo.__file__).with_name("teaching_sheet.tiff")
SSIM_SIGMA_PX = 1.5
# As in Wang et al. 2004, for values in [0, 1].
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
# A map "changes" where it shares less than half of its order with the other one.
ALIKE = 0.5


@dataclass(frozen=True)
class Cascade:
    """Maps of the mitosis class while the network is made random from its head down to its stem.

    `stages` names what is random at each step, "trained" first; `maps` float32 (stages, n, h, w), unscaled.
    """

    stages: tuple[str, ...]
    maps: np.ndarray


def sheet_patches(px: int, count: int) -> np.ndarray:
    """Mitoses of the teaching sheet (CC0; no network here was trained on them), in the middle of their patches:
    uint8 (n, px, px, 3) RGB. Raises PipelineRefused for patches wider than the sheet's cut-outs.
    """
    truth = json.loads(TEACHING_SHEET.with_suffix(".json").read_text())
    if px > truth["crop_px"]:
        raise PipelineRefused(
            f"The teaching sheet's cut-outs are {truth['crop_px']} px wide, patches of {px} px are not."
        )
    centres = np.array([(point["x_l0"], point["y_l0"]) for point in truth["points"][:count]])
    with open_slide(TEACHING_SHEET) as reader:
        return np.stack([reader.read(x - px / 2, y - px / 2, px, px, 1) for x, y in centres])


def randomise_cascade(
    network: nn.Module, card: Card, patches: np.ndarray, seed: int = 0, progress: Callable = lambda stages: stages
) -> Cascade:
    """Replaces the head's weights by random ones, then those of block 8, 7, … 0 as well, and maps `patches` each time.

    `patches` uint8 (n, px, px, 3) RGB. The network that is given stays as it is.
    """
    shaken = copy.deepcopy(network)
    random = torch.Generator().manual_seed(seed)
    layers = find_network(card.architecture).layers
    parts = [("head", shaken.get_submodule("head"))]
    parts += [(name.replace("blocks.", "block "), shaken.get_submodule(name)) for name in reversed(layers)]
    maps = [map_evidence(shaken, card, patches).maps["mitosis"]]
    for _, part in progress(parts):
        make_random(part, random)
        maps.append(map_evidence(shaken, card, patches).maps["mitosis"])
    return Cascade(("trained", *(name for name, _ in parts)), np.stack(maps))


def make_random(part: nn.Module, random: torch.Generator) -> None:
    """Gives every layer of a part the weights it could have had before training; in place.

    He's normal distribution for convolutions and the hidden layer, so that activations neither die nor explode;
    batch normalisation forgets what it saw.
    """
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of maps float (n, h, w): (n,) in [-1, 1], 0 where a map is flat."""
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True)
    return np.array([0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else spearmanr(a, b).statistic for a, b in pairs])


def structural_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) of each pair of maps float (n, px, px) as they are shown, the positive
    part scaled to its own maximum: (n,), 1 for equal ones.
    """
    pairs = zip(_scale_as_shown(first), _scale_as_shown(second), strict=True)
    return np.array([_ssim_of_pair(a, b) for a, b in pairs])


def _scale_as_shown(maps: np.ndarray) -> np.ndarray:
    positive = np.maximum(maps, 0).astype(np.float64)
    return positive / np.maximum(positive.max(axis=(1, 2), keepdims=True), 1e-12)


def _ssim_of_pair(a: np.ndarray, b: np.ndarray) -> float:
    def blurred(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (0, 0), SSIM_SIGMA_PX)

    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    shared = blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + SSIM_C1) * (2 * shared + SSIM_C2)
    return float((likeness / ((mean_a**2 + mean_b**2 + SSIM_C1) * (var_a + var_b + SSIM_C2))).mean())


def compare_by_weights(patches: np.ndarray, found: Cascade) -> dict:
    """How much of the trained network's maps is left at each stage of a cascade, JSON-able: means over patches."""
    px = patches.shape[1]
    trained = found.maps[0]
    rows = {}
    for stage, maps in zip(found.stages, found.maps, strict=True):
        ranks = rank_correlation(trained, maps)
        rows[stage] = {
            "rank_correlation": round(float(ranks.mean()), 4),
            "absolute_rank_correlation": round(float(np.abs(ranks).mean()), 4),
            "ssim": round(float(structural_similarity(enlarge_maps(trained, px), enlarge_maps(maps, px)).mean()), 4),
        }
    return rows


def compare_by_class(model: Model, patches: np.ndarray) -> dict:
    """How alike the maps of the two classes are, patch by patch, JSON-able: means over patches."""
    found, px = map_evidence(model.network, model.card, patches), patches.shape[1]
    mitosis, other = found.maps["mitosis"], found.maps["other"]
    ranks = rank_correlation(mitosis, other)
    return {
        "rank_correlation": round(float(ranks.mean()), 4),
        "ssim": round(float(structural_similarity(enlarge_maps(mitosis, px), enlarge_maps(other, px)).mean()), 4),
        "share_of_patches_changed": round(float((ranks < ALIKE).mean()), 4),
    }


def check_sanity(model: Model, patches: np.ndarray, found: Cascade) -> dict:
    """Both checks of one set of patches, and whether they are passed: JSON-able."""
    weights, classes = compare_by_weights(patches, found), compare_by_class(model, patches)
    last = weights[found.stages[-1]]
    return {
        "patches": len(patches),
        "random_weights": weights,
        "class_flip": classes,
        "passed": {
            "random_weights": abs(last["rank_correlation"]) < ALIKE and last["ssim"] < ALIKE,
            "class_flip": classes["rank_correlation"] < ALIKE and classes["ssim"] < ALIKE,
        },
    }


def sanity_table(found: dict) -> str:
    """The metrics of `check_sanity` as lines for a terminal."""
    lines = [f"{'random from the head down to':30}{'rank correlation':>18}{'SSIM':>8}"]
    for stage, row in found["random_weights"].items():
        lines.append(f"{stage:30}{row['rank_correlation']:>18.2f}{row['ssim']:>8.2f}")
    flip = found["class_flip"]
    lines.append(f"{'the other class':30}{flip['rank_correlation']:>18.2f}{flip['ssim']:>8.2f}")
    words = {True: "passed", False: "NOT passed"}
    lines += [f"{name.replace('_', ' ')}: {words[ok]}" for name, ok in found["passed"].items()]
    return "\n".join(lines)
