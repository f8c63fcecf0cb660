import numpy as np
import pytest

from analysis.pipeline import score_queue
from analysis.pipeline.score_queue import ScoreQueue

PATCHES = np.random.default_rng(0).integers(0, 255, (40, 4, 4, 3)).astype(np.uint8)


class Network:
    """Scores a patch by its sum, and notes how many it was given at once."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def score(self, patches):
        self.given.append(len(patches))
        sums = patches.sum(axis=(1, 2, 3)).astype(np.float32)
        return sums, np.column_stack([sums, -sums])


def sums(patches):
    return patches.sum(axis=(1, 2, 3)).astype(np.float32)


def test_what_fills_no_batch_waits_for_what_comes_next():
    network = Network()
    queue = ScoreQueue(network.score, 16)
    first = queue.ask(PATCHES[:21])
    assert network.given == [16] and not first.is_answered
    second = queue.ask(PATCHES[21:33])
    assert network.given == [16, 16] and first.is_answered and not second.is_answered
    queue.finish()
    assert network.given == [16, 16, 1]
    assert np.array_equal(first.margins, sums(PATCHES[:21]))
    assert np.array_equal(second.margins, sums(PATCHES[21:33]))
    assert second.features.shape == (12, 2)


def test_the_same_pixels_are_scored_once():
    network = Network()
    queue = ScoreQueue(network.score, 4)
    asked = queue.ask(PATCHES[[0, 1, 0, 2, 1, 3]])
    again = queue.ask(PATCHES[[3, 2]])
    assert network.given == [4]
    assert np.array_equal(asked.margins, sums(PATCHES[[0, 1, 0, 2, 1, 3]]))
    assert np.array_equal(again.margins, sums(PATCHES[[3, 2]]))


def test_of_patches_only_the_last_are_remembered(monkeypatch):
    monkeypatch.setattr(score_queue, "REMEMBERED", 8)
    network = Network()
    queue = ScoreQueue(network.score, 4)
    asked = queue.ask(PATCHES[:20])
    assert np.array_equal(asked.margins, sums(PATCHES[:20])), "what was asked for is kept by who asked"
    queue.ask(PATCHES[16:20])
    assert network.given == [20]
    queue.ask(PATCHES[:4])
    assert network.given == [20, 4]


def test_nothing_asked_is_answered():
    asked = ScoreQueue(pytest.fail, 4).ask(PATCHES[:0])
    assert asked.is_answered and asked.margins.shape == (0,)
