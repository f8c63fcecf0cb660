"""A slide's colours without a slide: two stains in random amounts."""

import numpy as np

from analysis.pipeline.normalise.reference import MACENKO_CONCENTRATION, MACENKO_STAINS


def stained(strength: float, size: int = 120, seed: int = 3) -> np.ndarray:
    """Pixels of the reference's two stains, `strength` times as strong: uint8 (size, size, 3)."""
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(1.5, 0.3, (size * size, 2)) * MACENKO_CONCENTRATION * strength
    return np.clip(240 * np.exp(-amounts @ MACENKO_STAINS.T), 0, 255).astype(np.uint8).reshape(size, size, 3)
