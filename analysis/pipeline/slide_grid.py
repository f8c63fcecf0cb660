"""Slides seen at the model's pixel size: one grid of model pixels over the whole slide, whatever the file's own pixels
are.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from analysis.pipeline.surround import whiten_surround

# Pixels less square than this are resampled per axis; below it the difference is under a pixel per tile.
SQUARE_WITHIN = 0.0005
# Candidates are searched at this pixel size, twice the model's.
HALF_MPP = 0.5


class Reader(Protocol):
    """What the pipeline needs of a slide: slides.wsi.reader.SlideReader, or an array in tests.

    `info` has `width` and `height` in level-0 px. `read` returns uint8 (out_h, out_w, 3) RGB from (x_l0, y_l0), each
    pixel `downsample` level-0 px wide, white outside the slide.
    """

    info: Any

    def read(self, x_l0: float, y_l0: float, out_w: int, out_h: int, downsample: float) -> np.ndarray: ...


@dataclass(frozen=True)
class Grid:
    """Model pixels of `mpp` µm laid over a slide from its corner: `step_x_l0`, `step_y_l0` level-0 px each. `width` x
    `height` of them make the slide.
    """

    step_x_l0: float
    step_y_l0: float
    width: int
    height: int
    mpp: float

    @classmethod
    def over(cls, reader: Reader, mpp_x: float, mpp_y: float, mpp: float) -> "Grid":
        """The grid of pixels of `mpp` µm over a slide of `mpp_x`, `mpp_y`."""
        step_x, step_y = mpp / mpp_x, mpp / mpp_y
        width, height = (
            max(1, math.floor(side / step + 1e-6))
            for side, step in ((reader.info.width, step_x), (reader.info.height, step_y))
        )
        return cls(step_x, step_y, width, height, mpp)

    def to_l0(self, points_px: np.ndarray) -> np.ndarray:
        """(n, 2) model px → level-0 px."""
        return points_px * (self.step_x_l0, self.step_y_l0)

    def to_px(self, points_l0: np.ndarray) -> np.ndarray:
        """(n, 2) level-0 px → model px."""
        return points_l0 / (self.step_x_l0, self.step_y_l0)

    def read(self, reader: Reader, x: float, y: float, w: int, h: int) -> np.ndarray:
        """Model pixels x to x + w, y to y + h: uint8 (h, w, 3) RGB, a black surround white. The box must lie on the
        slide.
        """
        return whiten_surround(self._stored_pixels(reader, x, y, w, h), self.mpp)

    def clipped(self, x: int, y: int, w: int, h: int) -> tuple[int, int, int, int]:
        """The part of a box (x, y, w, h) that lies on the slide."""
        x0, y0 = max(0, x), max(0, y)
        return x0, y0, max(0, min(self.width, x + w) - x0), max(0, min(self.height, y + h) - y0)

    def _stored_pixels(self, reader: Reader, x: float, y: float, w: int, h: int) -> np.ndarray:
        left, top = x * self.step_x_l0, y * self.step_y_l0
        if abs(self.step_x_l0 / self.step_y_l0 - 1) < SQUARE_WITHIN:
            return reader.read(left, top, w, h, self.step_x_l0)
        fine = min(self.step_x_l0, self.step_y_l0)
        scale_x, scale_y = self.step_x_l0 / fine, self.step_y_l0 / fine
        pixels = reader.read(left, top, math.ceil(w * scale_x) + 1, math.ceil(h * scale_y) + 1, fine)
        matrix = np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(pixels, matrix, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def half_scale(rgb: np.ndarray) -> np.ndarray:
    """An image at 0.25 µm/px at 0.5: the mean of each two by two pixels. uint8 (h, w, 3) → (h // 2, w // 2, 3)."""
    height, width = (side - side % 2 for side in rgb.shape[:2])
    return cv2.resize(rgb[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
