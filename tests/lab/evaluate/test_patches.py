import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from analysis.lab import evaluate
from analysis.lab.evaluate.patches import best_margin, pool_patches
from analysis.lab.evaluate.roc import thinned_indices, weighted_curve
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import frame

ON = {"on_mitoses": [1, 1, 1, -1], "on_look_alikes": [1, -1], "on_nuclei": [-1, -1, -1]}


def test_patch_f1_weighs_false_positives_to_the_stated_prevalence():
    figures = evaluate.patch_metrics([frame(**ON)], prevalence=0.29)
    false_rate = 0.5 * 2617 / 5617
    precision = 0.75 * 0.29 / (0.75 * 0.29 + false_rate * 0.71)
    assert figures["recall"] == 0.75
    assert figures["precision"] == pytest.approx(precision, abs=1e-4)
    assert figures["f1"] == pytest.approx(2 * precision * 0.75 / (precision + 0.75), abs=1e-4)
    assert figures["specificity"] == pytest.approx(1 - false_rate, abs=1e-4)
    assert figures["accuracy"] == pytest.approx(0.29 * 0.75 + 0.71 * (1 - false_rate), abs=1e-4)
    assert figures["false_positive_rate_look_alikes"] == 0.5
    assert figures["false_positive_rate_random"] == 0.0
    assert (figures["prevalence"], figures["windows"]["look_alikes"]) == (0.29, 2)


def test_precision_follows_the_prevalence_and_recall_does_not():
    rare, common = (evaluate.patch_metrics([frame(**ON)], prevalence=p) for p in (0.01, 0.5))
    assert rare["precision"] < common["precision"]
    assert rare["recall"] == common["recall"]
    assert rare["roc_auc"] == common["roc_auc"]


def test_where_one_kind_of_negatives_is_missing_the_other_stands_for_both():
    figures = evaluate.patch_metrics([frame(on_mitoses=[1], on_look_alikes=[], on_nuclei=[1, -1])])
    assert figures["specificity"] == 0.5
    assert figures["false_positive_rate_look_alikes"] is None


@pytest.mark.parametrize(
    ("windows", "missing"),
    [
        ({"on_mitoses": [], "on_look_alikes": [1], "on_nuclei": [1]}, "windows on mitoses"),
        ({"on_mitoses": [1], "on_look_alikes": [], "on_nuclei": []}, "windows on look-alikes or other nuclei"),
    ],
)
def test_an_empty_class_is_refused_by_name(windows, missing):
    with pytest.raises(PipelineRefused, match=missing):
        evaluate.patch_metrics([frame(**windows)])


def test_a_prevalence_that_is_none_is_refused():
    with pytest.raises(PipelineRefused, match="between 0 and 1"):
        evaluate.patch_metrics([frame(**ON)], prevalence=29)


def test_the_best_margin_lies_between_two_scores():
    found = pool_patches([frame(on_mitoses=[3.0, 2.0], on_look_alikes=[1.0], on_nuclei=[-4.0])])
    assert best_margin(found) == 1.5
    lowest = pool_patches([frame(on_mitoses=[-2.0], on_look_alikes=[-1.0], on_nuclei=[-1.0])], prevalence=0.9)
    assert best_margin(lowest) == -2.5


def test_curves_equal_scikit_learns_with_weights_and_ties():
    rng = np.random.default_rng(4)
    for _ in range(20):
        is_positive = rng.random(200) < 0.3
        scores = np.round(rng.normal(is_positive, 1.0), 1)
        weights = rng.uniform(0.1, 2, 200)
        line = weighted_curve(scores, is_positive, weights)
        assert line.roc_area == pytest.approx(roc_auc_score(is_positive, scores, sample_weight=weights))
        assert line.average_precision == pytest.approx(
            average_precision_score(is_positive, scores, sample_weight=weights)
        )


def test_a_curve_by_hand():
    line = weighted_curve(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]), np.ones(3))
    assert line.recall.tolist() == [0.5, 0.5, 1.0]
    assert line.false_positive_rate.tolist() == [0, 1, 1]
    assert line.precision == pytest.approx([1, 1 / 2, 2 / 3])
    assert line.roc_area == 0.5
    assert line.average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_curve_of_one_class_is_refused():
    with pytest.raises(PipelineRefused, match="one class is missing"):
        weighted_curve(np.zeros(3), np.ones(3, bool), np.ones(3))


def test_thinning_keeps_both_ends():
    assert thinned_indices(3).tolist() == [0, 1, 2]
    chosen = thinned_indices(1000, 50)
    assert (len(chosen), chosen[0], chosen[-1]) == (50, 0, 999)
