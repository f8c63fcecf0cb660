import numpy as np
import pytest
from grand_challenge_metrics.scorers import score_detection

from analysis.pipeline import matching
from analysis.pipeline.matching import Score


@pytest.mark.parametrize("seed", range(8))
def test_matching_equals_the_official_scorer_on_continuous_places(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        labels = rng.uniform(0, 60, (rng.integers(0, 25), 2))
        detections = rng.uniform(0, 60, (rng.integers(0, 40), 2))
        official = score_detection(
            ground_truth=[(x, y, 0) for x, y in labels], predictions=[(x, y, 0) for x, y in detections], radius=7.5
        )
        ours = matching.score(labels, detections)
        assert (ours.tp, ours.fp, ours.fn) == (
            official.true_positives,
            official.false_positives,
            official.false_negatives,
        )


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
    assert (pooled.precision, pooled.recall) == (8 / 12, 8 / 12)
