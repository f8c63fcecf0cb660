"""Patch metrics of a network on a source it was not trained on."""

import math

import numpy as np
import torch
from torch import nn

from analysis.lab.datasets import MITOSIS as MITOSIS_GROUP
from analysis.lab.datasets import Source
from analysis.lab.datasets.sampler import plain_windows
from analysis.lab.evaluate import FrameScores
from analysis.lab.train.places import measured_places
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD, MITOSIS
from analysis.pipeline.patches import to_network
from analysis.pipeline.spread import spread_evenly

OTHER = 1 - MITOSIS
# Windows scored together, of 100 px; larger ones come in smaller groups.
TOGETHER_PIXELS = 128 * 100 * 100
OWN_AT_MOST = 1000
CPU = torch.device("cpu")
NOWHERE = np.zeros((0, 2))


@torch.inference_mode()
def margins_at(
    network: nn.Module, source: Source, points: np.ndarray, px: int, device: torch.device = CPU
) -> np.ndarray:
    """Mitosis logit less the other one of windows of `px` centred on (n, 3) places: float64 (n,). In float32."""
    if not len(points):
        return np.zeros(0)
    parts = np.array_split(points, math.ceil(len(points) * px * px / TOGETHER_PIXELS))
    found = []
    for part in filter(len, parts):
        windows = to_network(plain_windows(source, part, px), IMAGENET_MEAN, IMAGENET_STD)
        logits = network(windows.to(device)).float().cpu()
        found.append((logits[:, MITOSIS] - logits[:, OTHER]).numpy().astype(float))
    return np.concatenate(found)


def own_mitoses(network: nn.Module, sources: list[Source], px: int, device: torch.device = CPU) -> dict[str, float]:
    """How many of the mitoses that a network was trained on it calls mitoses itself, in windows of `px`: a share of at
    most 1,000 of them. A network that is used with another window than it was trained with fails here first.
    """
    network.eval()
    found = []
    total = sum(len(source.points[MITOSIS_GROUP]) for source in sources)
    for source in sources:
        points = source.points[MITOSIS_GROUP]
        chosen = spread_evenly(len(points), math.ceil(OWN_AT_MOST * len(points) / max(1, total)))
        found.append(margins_at(network, source, points[chosen], px, device) > 0)
    above = np.concatenate(found)
    return {"window_px": px, "mitoses": len(above), "above_0": round(float(above.mean()), 4)}


def patch_scores(
    network: nn.Module, source: Source, px: int, device: torch.device = CPU, clear_px: int = 0
) -> list[FrameScores]:
    """Scores of windows on mitoses, look-alikes and nuclei, one entry for each image; detections stay empty.

    Negatives with a mitosis within a window of `clear_px` are left out, so that sizes are compared on the same places.
    """
    places = measured_places(source, max(px, clear_px))
    groups = [
        (points[:, 0], margins_at(network, source, points, px, device))
        for points in (places.mitoses, places.look_alikes, places.others)
    ]
    frames = []
    for index, image in enumerate(source.images):
        size_um = image.shape[1] * source.mpp, image.shape[0] * source.mpp
        on_mitoses, on_look_alikes, on_nuclei = (found[at == index] for at, found in groups)
        frames.append(
            FrameScores(
                f"{source.name} {index}",
                source.name,
                size_um,
                NOWHERE,
                NOWHERE,
                NOWHERE,
                np.zeros(0),
                on_mitoses,
                on_look_alikes,
                on_nuclei,
            )
        )
    return frames
