"""From margins to probabilities: one sigmoid, whose temperature and bias a card names (Platt 1999)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(margin / temperature + bias)."""

    temperature: float
    bias: float

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """Probabilities float64 in [0, 1] of margins, of the same shape."""
        from scipy.special import expit  # a quarter of a web process's start, which asks for none

        return expit(np.asarray(margins, float) / self.temperature + self.bias)

    def margin(self, probability: float) -> float:
        """The uncalibrated margin that gets this probability; 0 and 1 are taken as very near to them."""
        probability = min(max(probability, 1e-12), 1 - 1e-12)
        return float((np.log(probability / (1 - probability)) - self.bias) * self.temperature)
