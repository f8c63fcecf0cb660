"""When a count is decided, and what to ask next, against every way in which the open points may be answered."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from analysis.pipeline.count.decide import Decider, DecideRefused, decide
from analysis.pipeline.count.effect import chance_to_reach, effects_in_window
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.search import Frame, Search
from analysis.pipeline.count.shapes import CIRCLE, RECTANGLE, SQUARE, Shape, fields_of

CUTOFFS = (Cutoff("1", 0), Cutoff("2", 2), Cutoff("3", 4))
SIDE = 10.0


SHAPE = Shape(SQUARE, SIDE * SIDE * 1e-6)
FRAME = Frame(1.0, 1.0)


def search_of(points):
    return Search(np.array(points, float).reshape(-1, 2), SHAPE, FRAME)


class LooseSearch(Search):
    """Proves no more than that no window holds more than all points, as a search may that is not exact."""

    def best(self, weights, *arguments, **more):
        found = super().best(weights, *arguments, **more)
        return [replace(region, exact=False, bound=float(weights.sum())) for region in found]


def held_by_windows(points):
    """What each square of SIDE holds (m, n) whose left and upper edges lie on points: others hold no more than one."""
    x, y = np.array(points, float).reshape(-1, 2).T
    held = [(left <= x) & (x <= left + SIDE) & (top <= y) & (y <= top + SIDE) for left in x for top in y]
    return np.array(held, bool)


def scores_of_every_answer(points, labels, cutoffs=CUTOFFS):
    """The counts and scores that come out, over all answers to the open points."""
    open_points = [index for index, label in enumerate(labels) if label is None]
    held, told = held_by_windows(points), set()
    for answers in product([False, True], repeat=len(open_points)):
        weights = np.array([label is True for label in labels], float)
        weights[open_points] = answers
        told.add(round((held @ weights).max()))
    return told, {sum(cutoff.from_count <= count for cutoff in cutoffs) for count in told}


places = st.lists(st.tuples(*[st.integers(0, 30)] * 2), min_size=1, max_size=9)
answers = st.sampled_from([True, False, None])


@st.composite
def judged_points(draw):
    points = draw(places)
    size = len(points)
    probability = draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))
    return points, probability, draw(st.lists(answers, min_size=size, max_size=size))


@settings(max_examples=120, deadline=None)
@given(given=judged_points())
def test_decided_is_one_score_for_every_answer(given):
    points, probability, labels = given
    counts, scores = scores_of_every_answer(points, labels)
    decision = decide(points, probability, labels, search_of(points), CUTOFFS)
    assert decision.decided is (len(scores) == 1)
    assert (decision.proof["lowest"]["count"], decision.proof["highest"]["count"]) == (min(counts), max(counts))
    assert {decision.score_low, decision.score_high} == {str(min(scores)), str(max(scores))}
    assert bool(decision.next) is not decision.decided


@settings(max_examples=40, deadline=None)
@given(given=judged_points())
def test_without_cutoffs_decided_is_one_count_for_every_answer(given):
    points, probability, labels = given
    counts, _ = scores_of_every_answer(points, labels)
    decision = decide(points, probability, labels, search_of(points), ())
    assert decision.decided is (len(counts) == 1)
    assert decision.score_low is decision.score_high is None


@settings(max_examples=100, deadline=None)
@given(given=judged_points(), truth=st.integers(0, 2**9 - 1))
def test_asking_what_is_next_ends_decided_at_the_true_score(given, truth):
    """And a decision that is kept up to date is the same as one made anew."""
    points, probability, labels = given
    search = search_of(points)
    decider = Decider(points, probability, labels, search, CUTOFFS)
    labels = list(labels)
    decision = decider.decide()
    while not decision.decided:
        index, effect = decision.next[0]
        assert labels[index] is None
        assert effect == pytest.approx(1)
        labels[index] = bool(truth >> index & 1)
        decider.judge(index, labels[index])
        decision, anew = decider.decide(), decide(points, probability, labels, search, CUTOFFS)
        assert decision.decided == anew.decided
        assert (decision.score_low, decision.score_high) == (anew.score_low, anew.score_high)
    told = [label if label is not None else bool(truth >> index & 1) for index, label in enumerate(labels)]
    _, scores = scores_of_every_answer(points, told)
    assert {decision.score_low} == {str(score) for score in scores}


@settings(max_examples=50, deadline=None)
@given(given=judged_points(), changes=st.lists(st.tuples(st.integers(0, 8), answers), max_size=12))
def test_answers_may_change_and_be_taken_back(given, changes):
    points, probability, labels = given
    search, labels = search_of(points), list(labels)
    decider = Decider(points, probability, labels, search, CUTOFFS)
    decider.decide()
    for index, label in changes:
        labels[index % len(points)] = label
        decider.judge(index % len(points), label)
        anew = decide(points, probability, labels, search, CUTOFFS)
        kept = decider.decide()
        assert (kept.decided, kept.score_low, kept.score_high) == (anew.decided, anew.score_low, anew.score_high)
        assert kept.proof["lowest"]["count"] <= anew.proof["lowest"]["count"]
        assert kept.proof["highest"]["count"] >= anew.proof["highest"]["count"]


def test_a_rival_window_keeps_a_count_open():
    """The window that leads is wholly judged; only one far away, with no confirmed point yet, can still cross."""
    points = [(0, 0), (1, 1), (2, 2), (50, 50), (51, 51), (52, 52), (53, 53)]
    labels = [True, True, True, None, None, None, None]
    decision = decide(points, [0.5] * 7, labels, search_of(points), CUTOFFS)
    assert not decision.decided
    assert (decision.score_low, decision.score_high) == ("2", "3")
    assert {index for index, _ in decision.next} == {3, 4, 5, 6}
    labels[5] = False
    decision = decide(points, [0.5] * 7, labels, search_of(points), CUTOFFS)
    assert decision.decided
    assert (decision.score_low, decision.score_high, decision.next) == ("2", "2", [])


def test_what_can_no_longer_matter_is_not_asked():
    points = [(0, 0), (1, 1), (2, 2), (3, 3), (50, 50)]
    decision = decide(points, [0.6, 0.5, 0.4, 0.3, 0.99], [None] * 5, search_of(points), (Cutoff("high", 4),))
    assert [index for index, _ in decision.next] == [3, 2, 1, 0]


@settings(max_examples=40, deadline=None)
@given(given=judged_points(), verdicts=st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=8))
def test_a_search_that_is_not_exact_never_decides_what_is_open(given, verdicts):
    points, probability, labels = given
    labels = list(labels)
    search = LooseSearch(np.array(points), SHAPE, FRAME)
    decider = Decider(points, probability, labels, search, CUTOFFS)
    for index, label in [(0, labels[0]), *verdicts]:
        labels[index % len(points)] = label
        decider.judge(index % len(points), label)
        counts, scores = scores_of_every_answer(points, labels)
        decision = decider.decide()
        assert decision.proof["lowest"]["count"] <= min(counts)
        assert decision.proof["highest"]["count"] >= max(counts)
        assert not decision.decided or len(scores) == 1
        assert decision.decided == decide(points, probability, labels, search, CUTOFFS).decided


@settings(max_examples=25, deadline=None)
@given(
    given=judged_points(),
    shape=st.sampled_from(
        [Shape(RECTANGLE, 1e-4, 2.0), Shape(CIRCLE, 1e-4), fields_of(2, 8.0), fields_of(2, 8.0, True)]
    ),
    frame=st.sampled_from([Frame(1.0, 1.0), Frame(0.5, 1.25), Frame(1.0, 0.5, 40, 40)]),
    has_tissue=st.booleans(),
)
def test_decided_holds_for_every_shape_frame_and_mask(given, shape, frame, has_tissue):
    """The search itself tells what each answer to at most three open points would come to."""
    points, probability, labels = given
    open_points = [index for index, label in enumerate(labels) if label is None]
    labels = [False if index in open_points[3:] else label for index, label in enumerate(labels)]
    tissue = [[(-20, -20), (18, -20), (22, 22), (18, 60), (-20, 60)]] if has_tissue else None
    search = Search(np.array(points, float), shape, frame, tissue)
    if not search.best(np.zeros(len(points)), prove=False):
        with pytest.raises(DecideRefused, match="room"):
            decide(points, probability, labels, search, CUTOFFS)
        return
    decision = decide(points, probability, labels, search, CUTOFFS)
    told = set()
    for answers in product([False, True], repeat=len(open_points[:3])):
        weights = np.array([label is True for label in labels], float)
        weights[open_points[:3]] = answers
        told.add(sum(cutoff.from_count <= search.best(weights, prove=False)[0].count for cutoff in CUTOFFS))
    assert int(decision.score_low) <= min(told) <= max(told) <= int(decision.score_high)
    if decision.proof["exact"]:
        assert decision.decided is (len(told) == 1)


def test_a_bound_that_is_too_high_never_decides_too_early():
    points = [(0, 0), (1, 1), (2, 2), (50, 50)]
    labels = [True, True, None, None]
    assert decide(points, [0.5] * 4, labels, search_of(points), CUTOFFS).decided
    loose = decide(points, [0.2, 0.2, 0.5, 0.4], labels, LooseSearch(np.array(points), SHAPE, FRAME), CUTOFFS)
    assert not loose.decided
    assert loose.proof["exact"] is False
    assert loose.proof["highest"]["count"] == 4
    assert [index for index, _ in loose.next] == [2, 3]


def test_a_refuted_point_elsewhere_lowers_a_bound_that_was_too_high():
    points = [(0, 0), (1, 1), (50, 50), (90, 90)]
    search = LooseSearch(np.array(points), SHAPE, FRAME)
    decider = Decider(points, [0.5] * 4, [True, True, None, None], search, CUTOFFS)
    assert decider.decide().proof["highest"]["count"] == 4
    decider.judge(2, False)
    assert decider.decide().decided


def test_a_verdict_that_moves_no_window_searches_nothing(monkeypatch):
    points = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (90, 90)]
    decider = Decider(points, [0.9] * 5 + [0.1], [True] + [None] * 5, search_of(points), CUTOFFS)
    decider.decide()
    searched = []
    monkeypatch.setattr(decider.search, "best", lambda *arguments: searched.append(arguments))
    for index, label in ((1, True), (5, False), (2, True)):
        decider.judge(index, label)
        assert not decider.decide().decided
    assert not searched


def test_no_points_are_decided_at_the_lowest_score():
    decision = decide(np.zeros((0, 2)), [], [], search_of([]), CUTOFFS)
    assert decision.decided
    assert (decision.score_low, decision.score_high) == ("1", "1")


def test_100_000_points_at_one_place_are_answered():
    points = np.full((100_000, 2), 7.0)
    decision = decide(points, np.full(100_000, 0.5), [None] * 100_000, search_of(points), CUTOFFS, most_next=3)
    assert decision.proof["highest"]["count"] == 100_000
    assert [index for index, _ in decision.next] == [3, 2, 1]


def test_of_thousands_in_one_window_chances_and_order_are_those_of_a_coin_thrown_as_often():
    many = 20_000
    even = np.full(many, 0.5)
    for need in (100, many // 2 - 50, many // 2, many // 2 + 150):
        assert chance_to_reach(even, need) == pytest.approx(binom.sf(need - 1, many, 0.5), abs=1e-6)
    effects = effects_in_window(even, many // 2)
    assert int(effects.argmax()) == many // 2 - 1
    assert np.diff(effects[: many // 2]).min() > -1e-6  # the further from there, the less
    assert np.diff(effects[many // 2 :]).max() < 1e-6


@settings(max_examples=100, deadline=None)
@given(
    probability=st.lists(st.floats(0, 1), min_size=1, max_size=7).map(lambda values: sorted(values, reverse=True)),
    share=st.floats(0, 1),
)
def test_effect_is_the_chance_of_being_asked(probability, share):
    """Against the way itself, walked for every answer."""
    size = len(probability)
    need = 1 + round(share * (size - 1))
    asked, reached = np.zeros(size), 0.0
    for answers in product([False, True], repeat=size):
        chance = np.prod([value if yes else 1 - value for value, yes in zip(probability, answers, strict=True)])
        left, found, missed = list(range(size)), 0, 0
        while found < need and missed < size - need + 1:
            point = left.pop(need - found - 1)
            asked[point] += chance
            found, missed = found + answers[point], missed + (not answers[point])
        reached += chance * (found >= need)
    np.testing.assert_allclose(effects_in_window(np.array(probability), need), asked, atol=2e-3)
    assert chance_to_reach(np.array(probability), need) == pytest.approx(reached, abs=1e-9)


def test_where_no_window_has_enough_tissue_nothing_is_decided():
    search = Search(np.array([(0.0, 0.0)]), SHAPE, FRAME, [[(0, 0), (3, 0), (3, 3)]])
    with pytest.raises(DecideRefused, match="enough tissue"):
        decide([(0, 0)], [0.5], [None], search, CUTOFFS)


@pytest.mark.parametrize(
    ("points", "probability", "labels", "sentence"),
    [
        ([(0, 0), (1, 1)], [0.5], [None, None], "2 points, 1 probabilities and 2 labels"),
        ([(0, 0)], [0.5], [], "1 points, 1 probabilities and 0 labels"),
        ([(0, float("nan"))], [0.5], [None], "The point at index 0 has a coordinate that is not a number"),
        (
            [(0, 0), (float("inf"), 0)],
            [0.5, 0.5],
            [None, None],
            "The point at index 1 has a coordinate that is not a number",
        ),
        ([(0, 0)], [float("nan")], [None], "The point at index 0 has the probability nan"),
        ([(0, 0)], [1.2], [None], "The point at index 0 has the probability 1.2"),
        ([(0, 0)], [-0.1], [True], "The point at index 0 has the probability -0.1"),
        ([(0, 0)], [0.5], ["perhaps"], "The point at index 0 has the label 'perhaps'"),
        ([(0, 0)], [0.5], [1], "The point at index 0 has the label 1"),
        ([(0, 0, 0)], [0.5], [None], "two coordinates"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(points, probability, labels, sentence):
    with pytest.raises(DecideRefused, match=sentence):
        decide(points, probability, labels, search_of([(0, 0)]), CUTOFFS)


def test_a_verdict_on_no_point_is_refused():
    decider = Decider([(0, 0)], [0.5], [None], search_of([(0, 0)]), CUTOFFS)
    with pytest.raises(DecideRefused, match="There is no point at index 1"):
        decider.judge(1, True)
