"""F1 between two who are both readers: neither is the truth, and it is the same whichever is taken for it."""

import numpy as np


def f1_between(both: np.ndarray, only_one: np.ndarray, only_other: np.ndarray) -> np.ndarray:
    """F1 of how many places both call mitoses, and each alone: float (…). NaN where nobody calls any."""
    both, alone = np.asarray(both, float), np.asarray(only_one, float) + np.asarray(only_other, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(both + alone > 0, 2 * both / (2 * both + alone), np.nan)
