"""Which negatives the network takes for mitoses: those are drawn more often from then on.

In CODAIT/deep-histopath this took the patch F1 at natural prevalence from .41 to .65.
"""

import math
import time

import numpy as np
import torch
from torch import nn

from analysis.lab.datasets import NUCLEUS
from analysis.lab.datasets.sampler import plain_windows
from analysis.lab.train.config import TrainConfig
from analysis.lab.train.distributed import World
from analysis.lab.train.interrupt import StopRequest
from analysis.lab.train.runs import log
from analysis.lab.train.sampling import BatchSampler
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD, MITOSIS
from analysis.pipeline.patches import to_network

LEAST = 0.02
PART = 256


@torch.inference_mode()
def mine_hardness(
    network: nn.Module,
    sampler: BatchSampler,
    config: TrainConfig,
    step: int,
    world: World,
    request: StopRequest,
) -> dict[str, np.ndarray] | None:
    """The hardness of every source's nuclei, float32 (n,) in [0.02, 1], as the network sees them at `step`.

    Those that are not scored this time count as middling, so that none may vanish. None where the run shall stop.
    """
    started, found = time.monotonic(), {}
    rng = np.random.default_rng([config.seed, step, 7])
    total = sum(len(s.points[NUCLEUS]) for s in sampler.sources)
    for source in sampler.sources:
        points = source.points[NUCLEUS]
        chosen = np.flatnonzero(rng.random(len(points)) < config.mine_at_most / max(total, 1))
        hardness = np.zeros(len(points), np.float32)
        parts = np.array_split(chosen, math.ceil(len(chosen) / PART)) if len(chosen) else []
        for part in parts[world.rank :: world.size]:
            windows = plain_windows(source, points[part], config.mine_px)
            hardness[part] = mitosis_probabilities(network, windows, config, world)
        if world.any_of(request.made):
            return None
        world.summed_array(hardness)
        unscored = np.setdiff1d(np.arange(len(points)), chosen)
        hardness[unscored] = hardness[chosen].mean() if len(chosen) else 1
        np.clip(hardness, LEAST, None, out=hardness)
        log.info("mined %s: %d of %d above 0.5", source.name, (hardness > 0.5).sum(), len(points))
        found[source.name] = hardness
    log.info("mining took %.0f s", time.monotonic() - started)
    return found


def mitosis_probabilities(network: nn.Module, windows: np.ndarray, config: TrainConfig, world: World) -> np.ndarray:
    """Chance of a mitosis of uint8 (n, px, px, 3) windows: float32 (n,)."""
    tensor = to_network(windows, IMAGENET_MEAN, IMAGENET_STD).to(world.device)
    with world.autocast(config.bfloat16):
        return torch.softmax(network(tensor).float(), 1)[:, MITOSIS].cpu().numpy()
