"""What a random sample of fields says of missed figures: against the distributions, counted out."""

from math import comb

import numpy as np
import pytest

from analysis.pipeline.count.missed import BINOMIAL, HYPERGEOMETRIC, draw_order, estimate_missed


def bounds_by_counting(found, looked, fields):
    """The totals of which so few or so many found are no rarity, each combination counted."""

    def chance(total, wanted):
        return sum(comb(total, k) * comb(fields - total, looked - k) for k in wanted) / comb(fields, looked)

    totals = range(found, fields - looked + found + 1)
    held = [
        total
        for total in totals
        if chance(total, range(found, looked + 1)) >= 0.025 and chance(total, range(found + 1)) >= 0.025
    ]
    return held[0], held[-1]


@pytest.mark.parametrize(("found", "looked", "fields"), [(1, 10, 61), (0, 10, 61), (3, 7, 20), (10, 10, 12), (0, 1, 1)])
def test_the_interval_is_the_hypergeometric_one_less_what_was_found(found, looked, fields):
    estimate = estimate_missed([1] * found + [0] * (looked - found), fields)
    low, high = bounds_by_counting(found, looked, fields)
    assert (estimate.low, estimate.high) == (low - found, high - found)
    assert estimate.estimate == pytest.approx(found * (fields - looked) / looked)
    assert estimate.method == HYPERGEOMETRIC


def test_the_sentence_names_the_interval_and_the_method():
    said = estimate_missed([0] * 9 + [1], 61).sentence
    assert said == (
        "In 10 of 61 unmarked fields 1 figure was found: about 5 more (0 to 24) may be missed. "
        "Exact, hypergeometric, 95 %."
    )
    assert "binomial" in estimate_missed([2, 0], 9).sentence
    assert "no figure was found" in estimate_missed([0, 0], 9).sentence
    assert estimate_missed([1, 0, 0], 3).sentence == "In all 3 unmarked fields 1 figure was found: each was looked at."
    assert "nothing is known yet" in estimate_missed([], 61).sentence
    assert "none to draw from" in estimate_missed([], 0).sentence


def test_where_a_field_held_several_figures_they_lie_in_any_field_alike():
    estimate = estimate_missed([0, 3, 1, 0], 10)
    share, found = 0.4, 4

    def at_most(total):
        return sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(found + 1))

    def at_least(total):
        return 1 - sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(found))

    held = [total for total in range(found, 100) if at_least(total) >= 0.025 and at_most(total) >= 0.025]
    assert (estimate.low, estimate.high) == (held[0] - found, held[-1] - found)
    assert (estimate.method, estimate.estimate) == (BINOMIAL, pytest.approx(6))
    # Also where one look of very many found very much, the interval's end is an end.
    assert estimate_missed([40], 5000).high == pytest.approx(40 * 5000 * 1.4, rel=0.1)


@pytest.mark.parametrize("figures", ["single", "several"])
def test_of_many_samples_nearly_all_hold_the_truth(figures):
    random = np.random.default_rng(5)
    fields, looked, held = 60, 15, 0
    for _ in range(150):
        truth = (random.random(fields) < 0.1).astype(int) if figures == "single" else random.poisson(0.3, fields)
        drawn = truth[random.permutation(fields)[:looked]]
        estimate = estimate_missed(drawn.tolist(), fields)
        held += estimate.low <= truth.sum() - drawn.sum() <= estimate.high
    assert held >= 0.93 * 150


def test_nothing_looked_at_tells_nothing_and_all_looked_at_leaves_nothing():
    nothing = estimate_missed([], 61)
    assert (nothing.low, nothing.estimate, nothing.high) == (0, 0, None)
    for found in ([0, 1, 0], [2, 0, 4]):
        rest = estimate_missed(found, 3)
        assert (rest.low, rest.estimate, rest.high) == (0, 0, 0)


def test_the_draw_is_without_replacement_and_its_seed_gives_it_again():
    order = draw_order(50, 7)
    assert sorted(order) == list(range(50))
    assert order.tolist() == draw_order(50, 7).tolist() != draw_order(50, 8).tolist()


@pytest.mark.parametrize(("found", "fields"), [([0, 0, 0], 2), ([-1], 5)])
def test_what_is_no_sample_is_refused(found, fields):
    with pytest.raises(ValueError, match="sample"):
        estimate_missed(found, fields)
