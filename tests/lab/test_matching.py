from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from grand_challenge_metrics.scorers import score_detection

from analysis.lab import matching
from analysis.lab.matching import Score


def test_matching_equals_the_official_scorer_on_a_thousand_random_cases():
    rng = np.random.default_rng(0)
    for case in range(1000):
        labels = rng.uniform(0, 60, (rng.integers(0, 25), 2))
        detections = rng.uniform(0, 60, (rng.integers(0, 40), 2))
        official = score_detection(
            ground_truth=[(x, y, 0) for x, y in labels], predictions=[(x, y, 0) for x, y in detections], radius=7.5
        )
        ours = matching.score(labels, detections)
        theirs = (official.true_positives, official.false_positives, official.false_negatives)
        assert (ours.tp, ours.fp, ours.fn) == theirs, case


def test_matching_equals_the_official_scorer_where_detections_cluster_on_labels():
    rng = np.random.default_rng(99)
    for _ in range(100):
        labels = rng.uniform(0, 300, (12, 2))
        detections = np.vstack(
            [labels[rng.integers(0, 12, 30)] + rng.normal(0, 5, (30, 2)), rng.uniform(0, 300, (9, 2))]
        )
        official = score_detection(ground_truth=labels.tolist(), predictions=detections.tolist(), radius=7.5)
        ours = matching.score(labels, detections)
        assert (ours.tp, ours.fp) == (official.true_positives, official.false_positives)


def test_a_second_detection_on_one_mitosis_is_a_false_one():
    assert matching.score(np.array([(10.0, 10.0)]), np.array([(10.0, 11.0), (11.0, 10.0)])) == Score(1, 1, 0)


def test_one_detection_answers_for_one_of_three_mitoses():
    labels = np.array([(10.0, 10.0), (12.0, 10.0), (14.0, 10.0)])
    assert matching.score(labels, np.array([(12.0, 10.0)])) == Score(1, 0, 2)


def test_nothing_to_find_and_nothing_found_is_perfect():
    empty = np.zeros((0, 2))
    assert matching.score(empty, empty).f1 == 1.0
    assert matching.score(np.array([(1.0, 1.0)]), empty) == Score(0, 0, 1)


def test_images_pool_by_adding_their_counts():
    pooled = Score(8, 2, 4) + Score(0, 2, 0)
    assert (pooled.precision, pooled.recall) == pytest.approx((8 / 12, 8 / 12))


def test_ratios_carry_the_official_epsilon():
    assert (Score().f1, Score().precision, Score().recall) == (1.0, 0.0, 0.0)
    assert Score(3, 1, 2).f1 == (2 * 3 + 1e-6) / (2 * 3 + 1 + 2 + 1e-6)
    assert Score(3, 1, 2).precision == 3 / (4 + 1e-6)
    assert Score(3, 1, 2).recall == 3 / (5 + 1e-6)
    assert Score(0, 1, 0).f1 == pytest.approx(1e-6)


def test_the_lenient_rule_counts_several_detections_of_one_mitosis_once():
    labels = np.array([(10.0, 10.0)])
    twice = np.array([(10.0, 11.0), (11.0, 10.0), (40.0, 40.0)])
    assert matching.score(labels, twice, matching="amida") == Score(1, 1, 0)
    assert matching.score(labels, twice) == Score(1, 2, 0)


def test_under_the_lenient_rule_one_detection_answers_for_three_mitoses():
    labels = np.array([(10.0, 10.0), (12.0, 10.0), (14.0, 10.0)])
    assert matching.score(labels, np.array([(12.0, 10.0)]), matching="amida") == Score(3, 0, 0)


def test_both_rules_take_what_lies_on_the_radius_and_nothing_beyond():
    label = np.array([(0.0, 0.0)])
    for rule in matching.MATCHINGS:
        assert matching.score(label, np.array([(7.5, 0.0)]), matching=rule) == Score(1, 0, 0)
        assert matching.score(label, np.array([(7.51, 0.0)]), matching=rule) == Score(0, 1, 1)


def test_a_rule_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="no matching hungarian"):
        matching.score(np.zeros((1, 2)), np.zeros((1, 2)), matching="hungarian")


def test_detections_that_are_not_kept_leave_their_label_to_others():
    labels, detections = np.array([(10.0, 10.0)]), np.array([(10.0, 11.0), (10.0, 13.0)])
    near = matching.within(labels, detections)
    assert matching.match_greedily(near, np.array([True, True])).tolist() == [0]
    assert matching.match_greedily(near, np.array([False, True])).tolist() == [1]
    assert matching.match_greedily(near, np.array([False, False])).tolist() == [-1]


def test_a_score_is_never_changed_once_it_was_told():
    with pytest.raises(FrozenInstanceError):
        Score(1, 2, 3).tp = 4  # type: ignore[misc]
