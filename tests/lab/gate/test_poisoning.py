"""Readers who label against the truth: the gate must not let through what they make of a version.

A hostile reader turns all labels of their share of the new ones; in the targeted attack they call every pale plate no
mitosis and leave all else alone. The candidate is fine-tuned from the base on the new labels, as a training run does.
"""

import copy

import numpy as np
import pytest
import torch

from analysis.lab.gate import GateReport, compare
from tests.lab.gate import small_world

SHARES = (0.1, 0.2, 0.4)
TARGETED = "pale plates"
FELL = 0.01


class Attack:
    """A world of one seed, its base, and the new nuclei that readers label."""

    def __init__(self, seed: int, cases: int = 6) -> None:
        self.seed, self.world = seed, small_world.make_world(seed, cases)
        rng = np.random.default_rng(seed)
        old = small_world.draw_mixed(1500, rng, 0.3)
        self.base = small_world.train(small_world.new_network(seed), old, old.is_mitosis, seed, 400, 3e-3)
        self.new = small_world.draw_mixed(600, rng, 0.3)
        self.found = small_world.version_of(self.base, "base", self.world)

    def labels(self, attack: float | str) -> np.ndarray:
        labels = self.new.is_mitosis.copy()
        if attack == TARGETED:
            labels[self.new.is_pale] = False
        else:
            of_reader = int(float(attack) * len(labels))
            labels[:of_reader] = ~labels[:of_reader]
        return labels

    def judge(self, attack: float | str) -> tuple[GateReport, float]:
        """The gate's report on the candidate, and how much F1 changed on nuclei that decide nothing."""
        labels = self.labels(attack)
        candidate = small_world.train(copy.deepcopy(self.base), self.new, labels, self.seed + 7, 150, 1e-3)
        report = compare(self.found, small_world.version_of(candidate, "candidate", self.world), self.world.locked)
        true = [small_world.true_f1(network, self.world) for network in (self.base, candidate)]
        return report, true[1] - true[0]


@pytest.fixture(autouse=True)
def one_thread():
    """More are slower on so small a network."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def slips_through(report: GateReport, changed: float) -> bool:
    """Whether a candidate passes that is worse, on the locked set or beyond it."""
    f1 = next(clause for clause in report.clauses if clause.code == "f1").measured
    return report.verdict == "pass" and (f1.change < -FELL or changed < -FELL)


def test_neither_a_fifth_of_turned_labels_nor_a_targeted_attack_passes():
    attack = Attack(seed=2, cases=3)
    honest, _ = attack.judge(0.0)
    assert next(clause for clause in honest.clauses if clause.code == "f1").says == "pass", honest.sentence
    for kind in (0.2, TARGETED):
        report, changed = attack.judge(kind)
        assert changed < -FELL, f"the attack ({kind}) did no harm, so it shows nothing: {changed:+.3f}"
        assert report.verdict == "fail", f"{kind}: {report.sentence}"


@pytest.mark.nightly
def test_of_twenty_seeds_none_slips_through():
    slipped, harmful = [], 0
    for seed in range(20):
        attack = Attack(seed)
        for kind in (*SHARES, TARGETED):
            report, changed = attack.judge(kind)
            harmful += changed < -FELL
            if kind != SHARES[0] and slips_through(report, changed):
                slipped.append((seed, kind, round(changed, 3), report.sentence))
    assert harmful >= 40, f"only {harmful} of 80 attacks did harm, so they show little"
    assert slipped == []
