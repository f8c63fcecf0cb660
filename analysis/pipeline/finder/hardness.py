"""Which negatives are hard before the second network has seen any: what the finder makes of them."""

from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from scipy.special import expit

from analysis.pipeline import candidates
from analysis.pipeline.classifiers.card import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.datasets import NUCLEUS, Source
from analysis.pipeline.finder.network import STRIDE_PX, FinderNet
from analysis.pipeline.finder.propose import logit_map

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
            chances = expit(
                logit_map(network, candidates.half_scale(source.images[index]), IMAGENET_MEAN, IMAGENET_STD)
            )
            here = nuclei[:, 0] == index
            hardness[here] = np.maximum(_highest_near(chances, nuclei[here, 1:] / (2 * STRIDE_PX)), LEAST)
        found[source.name] = hardness
    return found


def _highest_near(chances: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The highest value of `chances` (h, w) in the 3 x 3 cells about each of (n, 2) places: (n,)."""
    padded = np.pad(chances, 1, mode="edge")
    columns, rows = (np.clip(np.floor(cells[:, axis]).astype(int), 0, chances.shape[1 - axis] - 1) for axis in (0, 1))
    around = [padded[rows + dy, columns + dx] for dy in range(3) for dx in range(3)]
    return np.max(around, axis=0)
