"""Locked sets small enough to count by hand."""

import numpy as np

from analysis.lab.gate.locked_set_folder import LockedFrame


def points(*places) -> np.ndarray:
    return np.array(places, float).reshape(-1, 2)


def picture(seed: int = 0, width: int = 320, height: int = 240) -> np.ndarray:
    """Noise: no two seeds give the same pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def locked_frame(case="a", slide="a1", mitoses=(), others=(), disputed=(), **more) -> LockedFrame:
    given = {"scanner": "S360", "tumour": "breast", "area_mm2": 320 * 240 * 0.25**2 * 1e-6} | more
    places = {"mitoses_px": points(*mitoses), "others_px": points(*others), "disputed_px": points(*disputed)}
    return LockedFrame(case, slide, **places, **given)
