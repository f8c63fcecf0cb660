"""Linear heads on standardised features: weighted ridge regression to the classes, each weighing as much as any other.

For two classes this is Fisher's discriminant with a shrunk covariance (Friedman 1989). It has a closed form, which a
few hundred rare figures among a thousand need no more than: a fit takes a fraction of a second, so penalties can be
chosen within folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TEMPERATURES = (0.01, 10.0)
SILENT = 1e-6


@dataclass(frozen=True)
class Head:
    """`mean`, `scale` float32 (f,) standardise features; `weight` float32 (c, f), `bias` float32 (c,) give logits,
    which are divided by `temperature`. Probabilities are as if the classes were equally common.
    """

    classes: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    temperature: float = 1.0

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(n, f) → float64 (n, c), before the temperature."""
        return ((features - self.mean) / self.scale @ self.weight.T + self.bias).astype(float)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(n, f) → float64 (n, c), rows summing to one."""
        return softmax(self.logits(features) / self.temperature, axis=1)


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """One weight per row, float (n,), with a mean of one, so that each class of int (n,) has the same sum."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])


def fit_heads(
    features: np.ndarray, labels: np.ndarray, classes: Sequence[str], penalties: Sequence[float]
) -> list[Head]:
    """One head for each penalty, a multiple of a standardised feature's variance. Deterministic.

    `features` float (n, f), `labels` int (n,) with every class of `classes` in it.
    """
    mean, scale = features.mean(0), features.std(0)
    scale = np.where(scale > SILENT, scale, 1.0).astype(np.float32)  # a channel that never fires says nothing
    x = ((features - mean) / scale).astype(np.float32)
    weights = (balanced_weights(labels) / len(labels)).astype(np.float32)[:, None]
    centre = (x * weights).sum(0)
    x -= centre
    targets = np.eye(len(classes), dtype=np.float32)[labels] - np.float32(1 / len(classes))
    # The penalty comes last, so that all of them share one decomposition.
    spread, axes = np.linalg.eigh((x * weights).T @ x)
    slopes = axes.T @ ((x * weights).T @ targets)
    heads = []
    for penalty in penalties:
        weight = (axes @ (slopes / (np.maximum(spread, 0) + penalty)[:, None])).T.astype(np.float32)
        heads.append(Head(tuple(classes), mean.astype(np.float32), scale, weight, -weight @ centre))
    return heads


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which logits (n, c) of figures that the head was not fitted on are least surprised, classes
    weighing the same (Guo et al. 2017).
    """
    rows, weights = np.arange(len(labels)), balanced_weights(labels)

    def surprise(log_t: float) -> float:
        return -(weights * log_softmax(logits / np.exp(log_t), axis=1)[rows, labels]).sum()

    return float(np.exp(minimize_scalar(surprise, bounds=np.log(TEMPERATURES), method="bounded").x))
