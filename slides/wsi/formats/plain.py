"""Images without a pyramid, decoded into memory when first read, by whichever library their format asks for."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import levels_from_sizes

MAX_PIXELS = 64_000_000  # 192 MB decoded, several times that while decoding; above it an image needs tiles
SMALLEST_SIDE = 512  # halving stops here
Decode = Callable[[], np.ndarray]


class PlainSource:
    """One image and its halvings, made here so that overviews are quick. (h, w, 3) uint8 each."""

    objective: float | None = None
    power_is_apparent = False
    is_reduced = False
    levels_are_files = False
    tile_size: int | None = None
    scanner = ""
    scenes: tuple[tuple[int, int], ...] = ()

    def __init__(
        self,
        pixels: np.ndarray | Decode,
        format: str,
        mpp: tuple[float | None, float | None],
        hints: tuple[str, ...],
        icc: str = "",
        size: tuple[int, int] | None = None,
    ) -> None:
        """pixels: or what decodes them, called when they are first read; then size, (width, height), is needed."""
        self.format, self.hints, self.icc = format, hints, icc
        self.mpp_x, self.mpp_y = mpp
        self._decode: Decode | None = None
        self._images: list[np.ndarray] = []
        if isinstance(pixels, np.ndarray):
            self._images, size = halvings(pixels), (pixels.shape[1], pixels.shape[0])
        else:
            self._decode = pixels
        if size is None:
            raise ValueError("Of an image that is not decoded yet the size is needed")
        self.levels = levels_from_sizes(halved_sizes(*size))

    @property
    def held_bytes(self) -> int:
        """See `Source`."""
        return sum(image.nbytes for image in self._images)

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        if self._decode is not None:
            self._images, self._decode = halvings(self._decode()), None
        return self._images[level][y : y + height, x : x + width]

    def close(self) -> None:
        """See `Source.close`."""
        self._images = []


def halved_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """(width, height) of an image and its halvings; a last odd row or column is left out of the halves."""
    sizes = [(width, height)]
    while max(sizes[-1]) > SMALLEST_SIDE and min(sizes[-1]) > 1:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def halvings(pixels: np.ndarray) -> list[np.ndarray]:
    """The image, then each half of the one before."""
    images = [np.ascontiguousarray(pixels)]
    for width, height in halved_sizes(pixels.shape[1], pixels.shape[0])[1:]:
        whole_pairs = images[-1][: 2 * height, : 2 * width]
        images.append(cv2.resize(whole_pairs, (width, height), interpolation=cv2.INTER_AREA))
    return images


def refuse_too_many_pixels(width: int, height: int) -> None:
    """Refuse before decoding what would fill the memory."""
    if width * height > MAX_PIXELS:
        raise too_many_pixels()


def too_many_pixels() -> SlideRefused:
    """The refusal of a plain image that is too large to hold in memory."""
    limit = MAX_PIXELS // 1_000_000
    return SlideRefused(
        f"The image is too large without tiles: above {limit} million pixels save it as a tiled TIFF.", "size"
    )
