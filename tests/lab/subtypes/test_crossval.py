"""Folds by slide and what is measured with them."""

import numpy as np
import pytest

from analysis.lab.subtypes import crossval as cv
from tests.pipeline.subtypes.makers import planted


def test_no_slide_is_in_two_folds_and_each_fold_has_both_classes():
    _, labels, slides = planted()
    fold_of = cv.folds_by_slide(slides, labels, 5)
    assert set(fold_of) == set(range(5))
    for name in set(slides):
        assert len(set(fold_of[slides == name])) == 1
    for fold in range(5):
        assert set(labels[fold_of == fold]) == {0, 1}


def test_there_are_no_more_folds_than_slides():
    labels, slides = np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"])
    assert sorted(set(cv.folds_by_slide(slides, labels, 5))) == [0, 1]


def test_a_planted_difference_is_found_on_slides_left_out():
    features, labels, slides = planted(distance=4.0)
    logits, penalties = cv.left_out_logits(features, labels, slides, ("a", "b"))
    table = cv.confusion_table(labels, logits.argmax(1), 2)
    assert cv.balanced_accuracy(table) > 0.95
    assert set(penalties) <= set(cv.PENALTIES)


def test_what_only_the_slide_tells_does_not_help_on_another_slide():
    """Features that name the slide and nothing else: a split by figure would learn the slide's own labels by heart."""
    rng = np.random.default_rng(6)
    slides = np.repeat([f"{i:02d}" for i in range(20)], 12)
    of_slide = np.repeat(np.arange(20), 12)
    labels = (rng.random(240) < np.repeat(rng.random(20) > 0.5, 12) * 0.8 + 0.1).astype(int)
    features = np.eye(20)[of_slide] * 3 + rng.normal(size=(240, 20)) * 0.01
    logits, _ = cv.left_out_logits(features, labels, slides, ("a", "b"))
    assert cv.balanced_accuracy(cv.confusion_table(labels, logits.argmax(1), 2)) < 0.7


def test_balanced_accuracy_is_the_mean_of_the_recalls():
    table = cv.confusion_table(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0]), 2)
    np.testing.assert_array_equal(table, [[3, 1], [1, 1]])
    assert cv.balanced_accuracy(table) == pytest.approx((0.75 + 0.5) / 2)
    assert np.isnan(cv.balanced_accuracy(np.array([[2, 0], [0, 0]])))


def test_the_interval_is_wider_where_the_figures_are_from_few_slides():
    rng = np.random.default_rng(7)
    labels = np.tile([0, 1], 300)
    wrong_slide = np.repeat(rng.random(30) < 0.3, 20)
    calls = np.where(wrong_slide, 1 - labels, labels)
    few, many = np.repeat(np.arange(30).astype(str), 20), np.arange(600).astype(str)
    by_few, by_many = (cv.interval_by_slide(labels, calls, names, 2) for names in (few, many))
    score = (calls == labels).mean()
    assert by_few[0] < score < by_few[1]
    assert np.diff(by_few) > 2 * np.diff(by_many)


def test_the_calibration_error_sees_exaggeration():
    rng = np.random.default_rng(8)
    logits = np.stack([np.zeros(4000), rng.normal(size=4000) * 2], 1)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-logits[:, 1]))).astype(int)
    assert cv.calibration_error(logits, labels, 1.0) < 0.04
    assert cv.calibration_error(logits, labels, 0.2) > 0.08
