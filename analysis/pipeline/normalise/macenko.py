"""Macenko's stain normalisation (ISBI 2009), its stain vectors fitted by torchstain.

Traps of torchstain met here: `normalize` fits the stain vectors anew on every image it is given, so only its `fit` is
used, on the slide's sample; white must be kept out of the fit by the caller's choice of tissue.
"""

import warnings

import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.normalise.pixels import fitted, refuse_no_tissue, refuse_odd
from analysis.pipeline.normalise.reference import MACENKO_CONCENTRATION, MACENKO_STAINS

WHITE = 240.0
# Haematoxylin and eosin lie about 20 degrees apart on the training slides; less than this is one stain and noise.
MIN_ANGLE_DEG = 4.0


class Macenko:
    """Takes a slide's haematoxylin and eosin apart and puts them together with the training slides' colours."""

    name = "macenko"

    def __init__(self) -> None:
        self._stains_and_gain: tuple[np.ndarray, np.ndarray] | None = None

    def fit(self, tissue: np.ndarray) -> None:
        """Stain vectors and 99th percentile concentrations of `tissue`, uint8 (h, w, 3)."""
        refuse_no_tissue(tissue)
        stains, strongest = fit_stains(tissue)
        self._stains_and_gain = stains, MACENKO_CONCENTRATION / strongest

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (..., 3) RGB → the same shape, in the reference's colours."""
        refuse_odd(rgb)
        density = -np.log((rgb.reshape(-1, 3).astype(np.float32) + 1) / WHITE)
        stains, gain = fitted(self._stains_and_gain)
        concentration = density @ np.linalg.pinv(stains).T * gain
        bright = WHITE * np.exp(-(concentration @ MACENKO_STAINS.T))
        return np.clip(bright, 0, 255).astype(np.uint8).reshape(rgb.shape)


def fit_stains(tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stain matrix float (3, 2), columns haematoxylin and eosin, and their 99th percentile concentrations (2,).

    Raises NormaliserFailed when the tissue's colours span no two stains.
    """
    from torchstain.numpy.normalizers import NumpyMacenkoNormalizer

    macenko = NumpyMacenkoNormalizer()
    try:
        # Of one colour there is no covariance, which is told below, in words.
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            macenko.fit(tissue)
    except (np.linalg.LinAlgError, ValueError, IndexError) as error:
        raise NormaliserFailed(
            "The slide's stain could not be fitted by Macenko's method; use another normaliser."
        ) from error
    stains, strongest = np.asarray(macenko.HERef, float), np.asarray(macenko.maxCRef, float)
    finite = np.isfinite(stains).all() and np.isfinite(strongest).all()
    if not finite or (strongest <= 0).any() or _angle_deg(*stains.T) < MIN_ANGLE_DEG:
        raise NormaliserFailed("The slide's colours span no two stains; use another normaliser.")
    return stains.astype(np.float32), strongest.astype(np.float32)


def _angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    """Angle between two vectors (3,), in degrees."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
