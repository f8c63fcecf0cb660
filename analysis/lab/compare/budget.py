"""How many windows each arm may see, from the time that all of them together may take."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.lab.datasets import Source
from analysis.lab.errors import ConfigRefused
from analysis.lab.train import Stage, TrainConfig, Trainer, World

# Of the time given; the rest is for reading the data and for scoring.
TRAINING_SHARE = 0.85
TIMED_STEPS = 2


def seconds_per_window(config: TrainConfig, sources: list[Source], world: World) -> float:
    """Measured on the spot: the first step is not counted, the faster of two is."""
    steps = 1 + TIMED_STEPS
    short = replace(config, start="random", stages=(Stage(config.stages[-1].px, steps),), checkpoint_every=steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(short, sources, Path(folder), world)
        times = []
        for _ in range(steps):
            started = time.monotonic()
            trainer.take_step()
            trainer.progress.step += 1
            times.append(time.monotonic() - started)
    return min(times[1:]) / config.batch


def windows_for(minutes: float, costs: list[float], batches: list[int]) -> int:
    """Windows per arm, equal for all: as many as fit into the time, and whole batches of the largest batch.

    `costs` are the arms' seconds per window. Raises ConfigRefused where not even ten of the largest batches fit.
    """
    fits = int(minutes * 60 * TRAINING_SHARE / sum(costs))
    largest = max(batches)
    if fits < 10 * largest:
        needed = int(np.ceil(10 * largest * sum(costs) / TRAINING_SHARE / 60))
        raise ConfigRefused(
            f"{minutes:g} minutes are too few for {len(costs)} arms on this machine: ten steps each take about "
            f"{needed} minutes. Give a larger --budget."
        )
    return fits // largest * largest
