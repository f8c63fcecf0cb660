"""From margins to probabilities that mean what they say, from slides that the network has not seen.

Temperature and bias (Platt 1999) are fitted on all detections of whole fields after the distance rule, so the
probability is that of a routine candidate and not of a balanced patch. How well they mean what they say: a reliability
curve, the expected calibration error (Guo 2017) and the Brier score.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from analysis.pipeline.calibration import Calibration
from analysis.pipeline.errors import PipelineRefused

BINS = 10
# Per standard deviation of the margins: where they say nothing, or the opposite, every probability is about the prior.
LEAST_SLOPE = 1e-3
# Below it detections are not kept, so no reader sees their probability; thousands of sure ones would hide the rest.
SHOWN_FROM = 0.05


UNCALIBRATED = Calibration(1.0, 0.0)


def fit_calibration(margins: np.ndarray, is_mitosis: np.ndarray) -> Calibration:
    """Maximum likelihood over (n,) margins and bool (n,), with Platt's targets (n + 1) / (n + 2) and 1 / (n + 2) in
    place of 1 and 0, so that classes that do not overlap give no endless slope.

    Raises PipelineRefused when one class is missing or a margin is no number.
    """
    if is_mitosis.all() or not is_mitosis.any():
        raise PipelineRefused("Calibration needs mitoses and others among the detections; one of them is missing.")
    if not np.isfinite(margins).all():
        raise PipelineRefused("Calibration needs margins that are numbers; some are not.")
    n, positives, negatives = len(margins), is_mitosis.sum(), (~is_mitosis).sum()
    targets = np.where(is_mitosis, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    # In units of the margins' own spread the loss is convex and well scaled: its one minimum is found from anywhere.
    middle, spread = float(margins.mean()), float(margins.std()) or 1.0
    scaled = (margins - middle) / spread

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        slope, level = parameters
        logits = slope * scaled + level
        wrong = expit(logits) - targets
        return float(np.mean(np.logaddexp(0, logits) - targets * logits)), np.array([wrong @ scaled, wrong.sum()]) / n

    start = np.array([1.0, np.log(positives / negatives)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)], tol=1e-12)
    slope, level = found.x / [spread, 1]
    return Calibration(float(1 / slope), float(level - slope * middle))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability curve: its mean probability, the share of mitoses in it and how many lie in it."""

    probability: float
    share: float
    count: int


def reliability_curve(probabilities: np.ndarray, is_mitosis: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bins of equal width in [0, 1] that hold anything, lowest first. (n,) float in [0, 1] and (n,) bool."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    held = [which == number for number in np.unique(which)]
    return [Bin(float(probabilities[b].mean()), float(is_mitosis[b].mean()), int(b.sum())) for b in held]


def calibration_error(probabilities: np.ndarray, is_mitosis: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal width, 0 to 1: their gaps, weighted by their counts. 0 for none."""
    found = reliability_curve(probabilities, is_mitosis, bins)
    return float(sum(b.count * abs(b.probability - b.share) for b in found)) / max(1, len(probabilities))


def brier_score(probabilities: np.ndarray, is_mitosis: np.ndarray) -> float:
    """Mean squared difference of probability and truth, 0 to 1 (Brier 1950). 0 for none."""
    return float(((probabilities - is_mitosis) ** 2).sum()) / max(1, len(probabilities))


def calibration_metrics(probabilities: np.ndarray, is_mitosis: np.ndarray) -> dict:
    """JSON-able: both measures over all detections, the error over those from 0.05 on, which readers see, and the
    curve. Most detections are surely none and flatter the first two.
    """
    shown = probabilities >= SHOWN_FROM
    return {
        "ece": round(calibration_error(probabilities, is_mitosis), 4),
        "ece_from_0_05": round(calibration_error(probabilities[shown], is_mitosis[shown]), 4),
        "brier": round(brier_score(probabilities, is_mitosis), 5),
        "detections": len(probabilities),
        "detections_from_0_05": int(shown.sum()),
        "reliability": [
            {"probability": round(b.probability, 4), "share": round(b.share, 4), "count": b.count}
            for b in reliability_curve(probabilities, is_mitosis)
        ],
    }
