import numpy as np
import pytest

from analysis.pipeline import calibrate


def test_calibration_finds_the_temperature_and_bias_that_made_the_labels():
    rng = np.random.default_rng(0)
    margins = rng.normal(-1, 3, 40000)
    truth = rng.random(40000) < 1 / (1 + np.exp(-(margins / 2.0 - 1.5)))
    fitted = calibrate.fit(margins, truth)
    assert fitted.temperature == pytest.approx(2.0, rel=0.05)
    assert fitted.bias == pytest.approx(-1.5, abs=0.06)
    assert calibrate.calibration_error(fitted(margins), truth) < 0.01


def test_overconfident_margins_are_seen_in_the_calibration_error():
    rng = np.random.default_rng(1)
    margins = rng.normal(0, 4, 5000)
    truth = rng.random(5000) < 1 / (1 + np.exp(-margins / 4))
    plain = calibrate.Calibration(1.0, 0.0)
    fitted = calibrate.fit(margins, truth)
    assert calibrate.calibration_error(fitted(margins), truth) < calibrate.calibration_error(plain(margins), truth) / 3


def test_calibration_needs_both_classes():
    with pytest.raises(ValueError, match="mitoses and others"):
        calibrate.fit(np.zeros(3), np.ones(3, bool))
