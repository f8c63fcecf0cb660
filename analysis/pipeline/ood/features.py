"""Does the network see on this slide what it saw in training? Distances of its pooled features.

A Gaussian with a shrunk covariance: the variances along the first axes as they are, all others replaced by their mean
(probabilistic PCA, Tipping and Bishop 1999), which needs a fraction of a full matrix and cannot be singular.
"""

from dataclasses import dataclass

import numpy as np

AXES = 32


@dataclass(frozen=True)
class Gaussian:
    """`mean` (d,), `axes` (k, d) orthonormal, `variances` (k,), `rest` the variance of every other direction."""

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: float

    @classmethod
    def fitted(cls, features: np.ndarray, axes: int = AXES) -> "Gaussian":
        """To features (n, d), n well above `axes`."""
        mean = features.mean(axis=0)
        _, spread, directions = np.linalg.svd(features - mean, full_matrices=False)
        variances = spread**2 / max(1, len(features) - 1)
        rest = variances[axes:].sum() / max(1, features.shape[1] - axes)
        return cls(mean, directions[:axes], np.maximum(variances[:axes], rest), float(max(rest, 1e-9)))

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Mahalanobis distance of (n, d) features, (n,)."""
        off = features - self.mean
        along = off @ self.axes.T
        beside = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.sqrt((along**2 / self.variances).sum(axis=1) + beside / self.rest)
