"""ROC and precision-recall curves of weighted examples, in numpy. A test compares them with scikit-learn's."""

from dataclasses import dataclass

import numpy as np

from analysis.pipeline.errors import PipelineRefused


@dataclass(frozen=True)
class Curve:
    """One point for each distinct score, highest first: (k,) arrays, all in [0, 1] but the scores."""

    scores: np.ndarray
    recall: np.ndarray
    false_positive_rate: np.ndarray
    precision: np.ndarray

    @property
    def roc_area(self) -> float:
        """Area under recall against false positive rate, by trapezes from (0, 0)."""
        recall = np.concatenate([[0.0], self.recall])
        rate = np.concatenate([[0.0], self.false_positive_rate])
        return float(((recall[1:] + recall[:-1]) / 2 * np.diff(rate)).sum())

    @property
    def average_precision(self) -> float:
        """The sum of each gain in recall times the precision there; no interpolation."""
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())


def weighted_curve(scores: np.ndarray, is_positive: np.ndarray, weights: np.ndarray) -> Curve:
    """The curve of (n,) scores, bool (n,) and weights (n,) above 0. Equal scores are one point.

    Raises PipelineRefused when either class is missing.
    """
    if is_positive.all() or not is_positive.any():
        raise PipelineRefused("A curve needs positive and negative examples; one class is missing.")
    order = np.argsort(-scores, kind="stable")
    scores, is_positive, weights = scores[order], is_positive[order], weights[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    positive = np.cumsum(weights * is_positive)[last]
    negative = np.cumsum(weights * ~is_positive)[last]
    return Curve(scores[last], positive / positive[-1], negative / negative[-1], positive / (positive + negative))


def thinned_indices(count: int, at_most: int = 200) -> np.ndarray:
    """Indices of at most so many of `count` points, the first and the last among them: for files and pictures."""
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(int))
