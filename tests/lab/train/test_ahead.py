"""Batches drawn ahead are those that would have been drawn in time."""

from dataclasses import replace

import numpy as np

from analysis.lab.train import Stage
from analysis.lab.train.ahead import BatchesAhead


class Noting:
    """A sampler whose batch tells step, size and window, and what had been mined when it was drawn."""

    def __init__(self) -> None:
        self.mined = 0

    def batch(self, step: int, size: int, px: int) -> tuple[np.ndarray, np.ndarray]:
        return np.array([step, size, px]), np.array([self.mined])


def test_no_batch_is_drawn_before_the_mining_it_comes_after(config):
    config = replace(config, stages=(Stage(32, 7), Stage(48, 5)), mine_at=(3, 8))
    found = {}
    for threads in (0, 2):
        sampler, found[threads] = Noting(), []
        ahead = BatchesAhead(sampler, config, threads)
        for step in range(config.steps):
            sampler.mined += step in config.mine_at
            windows, mined = ahead.batch(step)
            found[threads].append((*windows.tolist(), *mined.tolist()))
        ahead.close()
    assert found[2] == found[0]
    assert found[0][3] == (3, 4, 32, 1)
    assert found[0][7] == (7, 4, 48, 1)
