"""Does the network see on this slide what it saw in training? Distances of its pooled features.

A Gaussian with a shrunk covariance: the variances along the first axes as they are, all others replaced by their mean
(probabilistic PCA, Tipping and Bishop 1999), which needs a fraction of a full matrix and cannot be singular.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.pipeline.plan import Work
from analysis.pipeline.slide_grid import Reader

if TYPE_CHECKING:
    from torch import nn

    from analysis.pipeline.networks.patch_classifier import PatchClassifier
    from analysis.pipeline.run import Detector

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


@contextmanager
def pooled_features(network: "PatchClassifier") -> Iterator[list[np.ndarray]]:
    """While it is open, what goes into the network's head is appended to the list: float32 (batch, d) each time."""
    seen: list[np.ndarray] = []

    def keep(_: "nn.Module", arguments: tuple) -> None:
        seen.append(arguments[0].float().cpu().numpy())

    handle = network.head.register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def features_at(detector: "Detector", reader: Reader, work: Work, places_l0: np.ndarray) -> np.ndarray:
    """Pooled features of the patches at (n, 2) places, read and normalised as for scoring: float32 (n, d)."""
    with pooled_features(detector.model.patch_network) as seen:
        detector.margins_at(reader, work, places_l0)
    # The scorer fills up its last batch; what was filled in comes last.
    return np.concatenate(seen)[: len(places_l0)] if seen else np.zeros((0, 0), np.float32)
