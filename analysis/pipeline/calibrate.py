"""From margins to probabilities that mean what they say, and a threshold, both from slides the network has not seen.

Temperature and bias (Platt 1999) are fitted on all detections of whole fields after the distance rule, so the
probability is that of a routine candidate and not of a balanced patch. The threshold is the one of the highest pooled
detection F1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(margin / temperature + bias)."""

    temperature: float
    bias: float

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(np.asarray(margins, float) / self.temperature + self.bias)))


def fit(margins: np.ndarray, is_mitosis: np.ndarray) -> Calibration:
    """Maximum likelihood over (n,) margins and bool (n,). Raises ValueError when one class is missing."""
    if is_mitosis.all() or not is_mitosis.any():
        raise ValueError("Calibration needs mitoses and others.")

    def loss(parameters: np.ndarray) -> float:
        logits = margins * np.exp(parameters[0]) + parameters[1]
        return float(np.mean(np.logaddexp(0, logits) - is_mitosis * logits))

    slope, bias = minimize(
        loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9, "maxiter": 2000}
    ).x
    return Calibration(float(np.exp(-slope)), float(bias))


def calibration_error(probabilities: np.ndarray, is_mitosis: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins, 0 to 1."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(probabilities[which == b].mean() - is_mitosis[which == b].mean()) * (which == b).mean()
        for b in np.unique(which)
    ]
    return float(np.sum(gaps))
