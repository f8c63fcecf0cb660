"""A sample of many things that is the same every time."""

import numpy as np


def spread_evenly(count: int, at_most: int) -> np.ndarray:
    """Indices of up to `at_most` of `count` things, spread evenly over their order: int (n,), increasing."""
    if count <= at_most:
        return np.arange(count)
    return ((np.arange(at_most) + 0.5) * count / at_most).astype(int)
