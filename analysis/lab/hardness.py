"""Which negatives are hard before the second network has seen any: what the finder makes of them."""

from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from scipy.special import expit

from analysis.lab.datasets import NUCLEUS, Source
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.proposers.finder import highest_near
from analysis.pipeline.proposers.finder_geometry import STRIDE_PX
from analysis.pipeline.proposers.first_stage import logit_map
from analysis.pipeline.slide_grid import half_scale

# No nucleus may vanish from training.
LEAST = 0.02


def load_run(folder: Path) -> FinderNet:
    """The finder of a finished run. Raises FileNotFoundError when it is not finished."""
    network = FinderNet()
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval().requires_grad_(False)


def finder_hardness(network: FinderNet, sources: list[Source]) -> dict[str, np.ndarray]:
    """For each source's nuclei the finder's highest chance within one cell (2 µm), at least 0.02: float32 (n,)."""
    found = {}
    for source in sources:
        nuclei, hardness = source.points[NUCLEUS], np.full(len(source.points[NUCLEUS]), LEAST, np.float32)
        for index in np.unique(nuclei[:, 0]).astype(int):
            probabilities = expit(logit_map(network, half_scale(source.images[index]), IMAGENET_MEAN, IMAGENET_STD))
            here = nuclei[:, 0] == index
            hardness[here] = np.maximum(highest_near(probabilities, nuclei[here, 1:] / (2 * STRIDE_PX)), LEAST)
        found[source.name] = hardness
    return found
