"""Windows of labelled images at the model's pixel size, read one at a time so that whole slides need no memory.

Places here are pixels of the model, 0.25 µm, with the image's origin: `x_px = x_l0 * mpp / 0.25`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from analysis.lab.datasets import MODEL_MPP
from analysis.lab.datasets.mitos14 import read_rgb
from slides.wsi.formats.plain import PlainSource
from slides.wsi.reader import SlideReader, open_slide


class WindowReader:
    """An open image. `width_px`, `height_px`: its size in model pixels."""

    def __init__(self, slide: SlideReader, mpp: float) -> None:
        self._slide, self._downsample = slide, MODEL_MPP / mpp
        self.width_px = int(slide.info.width / self._downsample)
        self.height_px = int(slide.info.height / self._downsample)

    def read(self, x_px: float, y_px: float, px: int) -> np.ndarray:
        """A window of `px` model pixels about a place, rounded to whole pixels; mirrored beyond the image's border.
        uint8 (px, px, 3) RGB.
        """
        left, top = (int(np.floor(at - px / 2 + 0.5)) for at in (x_px, y_px))
        x0, x1 = np.clip([left, left + px], 0, self.width_px)
        y0, y1 = np.clip([top, top + px], 0, self.height_px)
        inside = self._slide.read(x0 * self._downsample, y0 * self._downsample, x1 - x0, y1 - y0, self._downsample)
        border = ((y0 - top, top + px - y1), (x0 - left, left + px - x1), (0, 0))
        return np.pad(inside, border, mode="reflect") if any(map(any, border)) else inside

    def corner_of(self, x_px: float, y_px: float, px: int) -> np.ndarray:
        """Where such a window begins: (2,) x, y in model pixels."""
        return np.floor(np.array([x_px, y_px]) - px / 2 + 0.5)


@contextmanager
def open_windows(path: Path, mpp: float) -> Iterator[WindowReader]:
    """Opens an image of `mpp` µm/px. Raises SlideRefused or OSError where it cannot be decoded."""
    if path.suffix.lower() == ".bmp":
        # ICPR 2012's form, which is no slide's.
        slide = SlideReader(PlainSource(read_rgb(path), "BMP", (None, None), ()))
    else:
        slide = open_slide(path)
    with slide:
        yield WindowReader(slide, mpp)
