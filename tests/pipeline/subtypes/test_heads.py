"""The fit of a head and its temperature."""

import numpy as np
from scipy.special import softmax

from analysis.pipeline.subtypes.heads import balanced_weights, fit_heads, fit_temperature
from tests.pipeline.subtypes.makers import planted


def test_a_planted_difference_is_learned_and_probabilities_sum_to_one():
    features, labels, _ = planted(classes=3, distance=6.0)
    (head,) = fit_heads(features, labels, ("a", "b", "c"), [0.01])
    probabilities = head.probabilities(features)
    assert (probabilities.argmax(1) == labels).mean() > 0.97
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_a_rare_class_is_found_as_well_as_a_common_one():
    rng = np.random.default_rng(3)
    labels = (np.arange(1000) < 50).astype(int)
    features = rng.normal(size=(1000, 4)) + 2 * labels[:, None]
    (head,) = fit_heads(features, labels, ("common", "rare"), [0.01])
    calls = head.logits(features).argmax(1)
    assert (calls[labels == 1] == 1).mean() > 0.9
    weights = balanced_weights(labels)
    assert np.isclose(weights[labels == 1].sum(), weights[labels == 0].sum())


def test_the_fit_is_the_same_each_time_and_a_dead_channel_does_no_harm():
    features, labels, _ = planted()
    features[:, 5] = 0
    heads = [fit_heads(features, labels, ("a", "b"), [0.1])[0] for _ in range(2)]
    np.testing.assert_array_equal(heads[0].weight, heads[1].weight)
    assert np.isfinite(heads[0].probabilities(features)).all()


def test_the_temperature_undoes_an_exaggeration():
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(20_000, 2)) * 2
    labels = (rng.random(20_000) < softmax(logits, axis=1)[:, 1]).astype(int)
    assert 2.7 < fit_temperature(3 * logits, labels) < 3.3


def test_penalties_that_share_a_fit_give_the_heads_that_each_would_give_alone():
    features, labels, _ = planted()
    weak, strong = fit_heads(features, labels, ("a", "b"), [0.1, 10.0])
    (alone,) = fit_heads(features, labels, ("a", "b"), [10.0])
    np.testing.assert_array_equal(strong.weight, alone.weight)
    assert np.abs(strong.weight).sum() < np.abs(weak.weight).sum()
