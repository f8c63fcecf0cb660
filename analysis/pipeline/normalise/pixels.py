"""What every normaliser asks of the pixels it is given."""

from typing import TypeVar

import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.stain import is_tissue

MIN_TISSUE_PX = 500
T = TypeVar("T")


def refuse_odd(rgb: np.ndarray) -> None:
    """Raises NormaliserFailed for anything but 8-bit RGB, uint8 (..., 3): floats, with NaN or not, and grey images."""
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim < 2 or rgb.shape[-1] != 3:
        kind = f"{rgb.dtype} of shape {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise NormaliserFailed(f"A normaliser takes 8-bit RGB pixels, not {kind}; convert the image first.")


def refuse_no_tissue(tissue: np.ndarray) -> None:
    """Raises NormaliserFailed where a stain cannot be fitted: odd pixels, or fewer than 500 that carry a stain."""
    refuse_odd(tissue)
    count = int(is_tissue(tissue).sum()) if tissue.size else 0
    if count < MIN_TISSUE_PX:
        raise NormaliserFailed(
            f"There is too little stained tissue to fit a stain to: {count} pixels; use the normaliser none."
        )


def fitted(learned: T | None) -> T:
    """What a normaliser learned of its slide. Raises NormaliserFailed where it has not been fitted to one."""
    if learned is None:
        raise NormaliserFailed("A normaliser is fitted to a slide before it is applied.")
    return learned
