"""Threshold and calibration of a candidate: what held-out places move, and what they must not."""

import numpy as np
import pytest

from analysis.lab.learning.telling import HeldOut, apply_told, tell_again

WORTH = 50.0


def places(count: int, prevalence: float = 0.5, seed: int = 0) -> HeldOut:
    """What a network of the base's kind says: mitoses about +8, others about 0, nuclei about -6."""
    rng = np.random.default_rng(seed)
    is_mitosis = np.arange(count) < count * prevalence
    margins = np.where(is_mitosis, 4.0, 0.0) + rng.normal(0, 1.5, count)
    return HeldOut(margins, is_mitosis, rng.normal(-6, 1, count))


def moved(of: HeldOut, by: float = 0.0, scale: float = 1.0, ordinary: float = 0.0) -> HeldOut:
    return HeldOut(of.margins * scale + by, of.is_mitosis, of.ordinary + ordinary)


def test_a_candidate_that_says_the_same_keeps_the_numbers_of_its_base(base):
    card, held = base.card, places(400)
    told = tell_again(card, held, held, WORTH)
    assert (told.threshold, told.level) == (card.threshold, card.standard.level)
    assert told.calibration.temperature == pytest.approx(card.temperature, abs=1e-3)
    assert told.calibration.bias == pytest.approx(card.bias, abs=1e-3)


@pytest.mark.parametrize("prevalence", [0.5, 0.2])
def test_many_places_bring_a_moved_network_back_to_the_same_probabilities(base, prevalence):
    card, held = base.card, places(20000, prevalence)
    told = tell_again(card, held, moved(held, by=-1.5), WORTH)
    share = card.standard.share * card.standard.level
    before, after = card.calibration(held.margins - share), told.calibration(held.margins - 1.5 - share)
    assert np.abs(before - after).max() < 0.02
    assert told.threshold == pytest.approx(card.threshold, abs=0.05)


def test_few_places_hardly_move_anything(base):
    card, held = base.card, places(8)
    told = tell_again(card, held, moved(held, by=-1.5, scale=0.7), WORTH)
    assert told.record["believed"] == pytest.approx(4 / 54, abs=1e-3)
    assert told.calibration.bias == pytest.approx(card.bias, abs=0.4)
    assert told.threshold == pytest.approx(card.threshold, abs=0.05)


def test_the_usual_level_follows_the_ordinary_nuclei(base):
    held = places(4000)
    told = tell_again(base.card, held, moved(held, ordinary=1.0), WORTH)
    assert told.level == pytest.approx(base.card.standard.level + 1.0, abs=0.05)
    assert apply_told(base.card, told).standard.share == base.card.standard.share


def test_wild_margins_move_no_farther_than_the_reach_and_one_class_moves_nothing(base):
    card, held = base.card, places(20000)
    wild = tell_again(card, held, moved(held, by=40.0), WORTH)
    assert wild.calibration.bias == pytest.approx(card.bias - 2.0 / card.temperature, abs=0.1)
    alone = HeldOut(held.margins, np.ones(len(held.margins), bool), held.ordinary)
    told = tell_again(card, alone, moved(alone, by=3.0), WORTH)
    assert (told.threshold, told.calibration.bias) == (card.threshold, card.bias)
