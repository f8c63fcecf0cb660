"""Optical density and the fixed haematoxylin-eosin-DAB basis.

Source: Ruifrok and Johnston, Anal Quant Cytol Histol 2001;23:291-299 (the basis scikit-image uses for `rgb2hed`).
"""

import numpy as np

RGB_FROM_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], np.float32)
HED_FROM_RGB = np.linalg.inv(RGB_FROM_HED).astype(np.float32)

# One density per grey value: a look-up is several times faster than a logarithm per pixel.
OD_OF_GREY = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)


def optical_density(rgb: np.ndarray) -> np.ndarray:
    """Natural-log optical density of an image. uint8 (..., 3) RGB → float32 (..., 3), 0 (white) to 5.55 (black)."""
    return OD_OF_GREY[rgb]


def rgb_of_density(density: np.ndarray) -> np.ndarray:
    """The inverse of `optical_density`. float32 (..., 3) → uint8 (..., 3); densities out of range are clipped."""
    return np.clip(256 * np.exp(-density) - 0.5, 0, 255).astype(np.uint8)


def haematoxylin(rgb: np.ndarray) -> np.ndarray:
    """Haematoxylin density of each pixel. uint8 (h, w, 3) RGB → float32 (h, w), about 0 (none) to 3; never below 0."""
    return np.maximum(optical_density(rgb) @ HED_FROM_RGB[:, 0], 0)


def is_tissue(pixels: np.ndarray) -> np.ndarray:
    """Which pixels carry a stain and are no glass: uint8 (..., 3) RGB → bool (...); grey ones (ink, glass) do not."""
    return pixels.max(axis=-1).astype(int) - pixels.min(axis=-1) > 15
