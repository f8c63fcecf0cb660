from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from analysis.lab import calibrate
from analysis.pipeline.errors import PipelineRefused


def test_calibration_finds_the_temperature_and_bias_that_made_the_labels():
    rng = np.random.default_rng(0)
    margins = rng.normal(-1, 3, 40000)
    truth = rng.random(40000) < 1 / (1 + np.exp(-(margins / 2.0 - 1.5)))
    fitted = calibrate.fit_calibration(margins, truth)
    assert fitted.temperature == pytest.approx(2.0, rel=0.05)
    assert fitted.bias == pytest.approx(-1.5, abs=0.06)
    assert calibrate.calibration_error(fitted(margins), truth) < 0.01


def test_overconfident_margins_are_seen_in_the_calibration_error():
    rng = np.random.default_rng(1)
    margins = rng.normal(0, 4, 5000)
    truth = rng.random(5000) < 1 / (1 + np.exp(-margins / 4))
    plain = calibrate.Calibration(1.0, 0.0)
    fitted = calibrate.fit_calibration(margins, truth)
    assert calibrate.calibration_error(fitted(margins), truth) < calibrate.calibration_error(plain(margins), truth) / 3


@pytest.mark.parametrize("truth", [np.ones(3, bool), np.zeros(3, bool)])
def test_calibration_needs_both_classes(truth):
    with pytest.raises(PipelineRefused, match="mitoses and others"):
        calibrate.fit_calibration(np.zeros(3), truth)


def test_calibration_needs_numbers():
    with pytest.raises(PipelineRefused, match="margins that are numbers"):
        calibrate.fit_calibration(np.array([np.nan, 1.0]), np.array([True, False]))


def test_classes_that_do_not_overlap_give_no_endless_slope():
    fitted = calibrate.fit_calibration(np.array([-3.0, -2.0, 2.0, 3.0] * 5), np.array([False, False, True, True] * 5))
    assert fitted.temperature > 0.2
    assert 0.85 < fitted(np.array([2.5]))[0] < 0.99


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1, 40), (0.01, 0), (30, -200)])
def test_where_margins_lie_and_how_they_are_scaled_changes_no_probability(scale, shift):
    rng = np.random.default_rng(7)
    truth = np.arange(4000) < 150  # as rare as mitoses among candidates
    margins = np.where(truth, rng.normal(6, 1, 4000), rng.normal(2.5, 1.2, 4000))
    plain = calibrate.fit_calibration(margins, truth)(margins)
    assert plain[truth].mean() > 0.4 > 0.05 > plain[~truth].mean(), "the fit says nothing of the margins"
    moved = scale * margins + shift
    assert np.allclose(calibrate.fit_calibration(moved, truth)(moved), plain, atol=1e-3)


def test_margins_that_say_the_opposite_give_the_share_of_mitoses():
    truth = np.arange(1000) < 100
    found = calibrate.fit_calibration(-truth.astype(float), truth)
    assert np.allclose(found(-truth.astype(float)), 0.1, atol=0.01)


def test_a_probability_and_its_margin_belong_together():
    calibration = calibrate.Calibration(1.7, -0.4)
    assert calibration(calibration.margin(0.3)) == pytest.approx(0.3)
    assert np.isfinite([calibration.margin(0.0), calibration.margin(1.0)]).all()


def test_reliability_error_and_brier_score_by_hand():
    probabilities, truth = np.array([0.1, 0.1, 0.9, 1.0]), np.array([False, True, True, True])
    low, high = calibrate.reliability_curve(probabilities, truth)
    assert (low.probability, low.share, low.count) == (pytest.approx(0.1), 0.5, 2)
    assert (high.probability, high.share, high.count) == (pytest.approx(0.95), 1.0, 2)
    assert calibrate.calibration_error(probabilities, truth) == pytest.approx((0.4 * 2 + 0.05 * 2) / 4)
    assert calibrate.brier_score(probabilities, truth) == pytest.approx((0.01 + 0.81 + 0.01 + 0) / 4)


def test_detections_that_are_surely_none_do_not_hide_the_error_of_those_that_are_shown():
    probabilities = np.concatenate([np.full(990, 0.001), np.full(10, 0.9)])
    figures = calibrate.calibration_metrics(probabilities, np.zeros(1000, bool))
    assert figures["ece"] == pytest.approx(0.01, abs=1e-3)
    assert figures["ece_from_0_05"] == pytest.approx(0.9)
    assert (figures["detections"], figures["detections_from_0_05"]) == (1000, 10)


def test_figures_are_told_to_the_fourth_decimal():
    figures = calibrate.calibration_metrics(np.full(3, 1 / 7), np.array([True, False, False]))
    (only,) = figures["reliability"]
    assert (only["probability"], only["share"], figures["ece"]) == (0.1429, 0.3333, 0.1905)


def test_of_no_detections_there_is_no_error():
    assert calibrate.calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0
    assert calibrate.brier_score(np.zeros(0), np.zeros(0, bool)) == 0.0


def test_few_labels_are_drawn_towards_the_middle_by_platts_targets():
    truth = np.arange(10) < 3
    says_nothing = np.zeros(10)
    wanted = (3 * (3 + 1) / (3 + 2) + 7 * 1 / (7 + 2)) / 10  # the mean of the targets, not the share of mitoses
    assert calibrate.fit_calibration(says_nothing, truth)(says_nothing) == pytest.approx([wanted] * 10, abs=1e-4)


def test_a_bin_of_the_curve_is_never_changed_once_it_was_told():
    (only,) = calibrate.reliability_curve(np.array([0.25]), np.array([True]))
    with pytest.raises(FrozenInstanceError):
        only.count = 2
