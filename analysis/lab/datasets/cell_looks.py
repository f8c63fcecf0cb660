"""How a labelled mitosis looks, measured cheaply: size, darkness and roundness of the dark body at its place.

What detectors miss most are two kinds: small pale plates, and round dark nuclei that look like pyknosis. They are rare
beside textbook plates, so training can draw them more often.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from analysis.lab.augment import cut_window
from analysis.lab.datasets import MODEL_MPP, Source
from analysis.pipeline.stain import haematoxylin

WINDOW_PX, CENTRE_PX = 64, 12
# Within a source, whose stain is its own: the palest and the roundest third.
THIRD = 1 / 3


@dataclass(frozen=True)
class Looks:
    """(n,) each: area in µm², darkness in optical density, roundness from 0 (a line) to 1 (a disc)."""

    area_um2: np.ndarray
    darkness: np.ndarray
    roundness: np.ndarray

    @property
    def is_rare(self) -> np.ndarray:
        """Which are small and pale or round and dark beside the others: bool (n,)."""
        if not len(self.area_um2):
            return np.zeros(0, bool)
        pale = self.darkness <= np.quantile(self.darkness, THIRD)
        small = self.area_um2 <= np.median(self.area_um2)
        is_round = self.roundness >= np.quantile(self.roundness, 1 - THIRD)
        dark = self.darkness >= np.median(self.darkness)
        return (pale & small) | (is_round & dark)


def measure_looks(source: Source, points: np.ndarray) -> Looks:
    """Looks at (n, 3) places of a source: image index, x, y."""
    scale = MODEL_MPP / source.mpp
    windows = (cut_window(source.images[int(image)], x, y, WINDOW_PX, scale) for image, x, y in points)
    rows = np.array([_measure_body(haematoxylin(window)) for window in windows]).reshape(-1, 3)
    return Looks(*rows.T)


def _measure_body(density: np.ndarray) -> tuple[float, float, float]:
    """Area, darkness and roundness of the dark body in the middle of a window."""
    blurred = cv2.GaussianBlur(density, (0, 0), 1.0)
    middle = slice(WINDOW_PX // 2 - CENTRE_PX, WINDOW_PX // 2 + CENTRE_PX)
    at = np.unravel_index(blurred[middle, middle].argmax(), (2 * CENTRE_PX,) * 2)
    y, x = at[0] + middle.start, at[1] + middle.start
    darkness = float(blurred[y, x])
    above = blurred >= (darkness + float(np.median(blurred))) / 2
    _, labels = cv2.connectedComponents(above.astype(np.uint8))
    ys, xs = np.nonzero(labels == labels[y, x])
    spread = np.linalg.eigvalsh(np.cov(np.stack([xs, ys]))) if len(xs) > 2 else np.zeros(2)
    roundness = float(np.sqrt(max(spread[0], 0) / spread[1])) if spread[1] > 0 else 1.0
    return len(xs) * MODEL_MPP**2, darkness, roundness
