"""Reinhard's colour transfer (IEEE CG&A 2001), with torchstain's conversions between RGB and Lab.

torchstain's own `normalize` takes mean and spread from every image it is given; here they are the slide's.
"""

import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.normalise.pixels import fitted, refuse_no_tissue, refuse_odd
from analysis.pipeline.normalise.reference import REINHARD_MEAN, REINHARD_STD

# In 8-bit steps of Lab; every real slide spreads over several, one colour over none but rounding.
MIN_SPREAD = 0.2


class Reinhard:
    """Gives a slide's Lab channels the mean and spread of the training slides."""

    name = "reinhard"

    def __init__(self) -> None:
        self._moments: tuple[np.ndarray, np.ndarray] | None = None

    def fit(self, tissue: np.ndarray) -> None:
        """Mean and spread of `tissue`, uint8 (h, w, 3). Raises NormaliserFailed when a channel does not vary."""
        refuse_no_tissue(tissue)
        mean, std = lab_moments(tissue)
        if not (std > MIN_SPREAD).all():
            raise NormaliserFailed("The slide's tissue is of one colour, so Reinhard's method has nothing to go by.")
        self._moments = mean, std

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (..., 3) RGB → the same shape, in the reference's colours."""
        from torchstain.numpy.utils.lab2rgb import lab2rgb

        refuse_odd(rgb)
        if not rgb.size:
            return rgb.copy()

        mean, std = fitted(self._moments)
        lab = (_lab(rgb) - mean) / std * REINHARD_STD + REINHARD_MEAN
        lab[..., 0] = np.clip(lab[..., 0], 0, 255)
        return np.rint(lab2rgb(lab) * 255).astype(np.uint8)


def lab_moments(tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (3,) of Lab (OpenCV's 8-bit scaling, float) over uint8 (..., 3) RGB pixels."""
    lab = _lab(tissue).reshape(-1, 3)
    return lab.mean(axis=0), lab.std(axis=0)


def _lab(rgb: np.ndarray) -> np.ndarray:
    from torchstain.numpy.utils.rgb2lab import rgb2lab

    return rgb2lab(rgb.astype(np.float32) / 255)
