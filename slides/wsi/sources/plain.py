"""Images without a pyramid, held in memory: JPEG and PNG by Pillow, TIFF in strips by tifffile."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats import cut_off
from slides.wsi.metadata import levels_from_sizes, mpp_from_density
from slides.wsi.sources.tiff_pages import (
    GREY_HINT,
    SPOILT,
    deep_hint,
    has_icc,
    page_density,
    refuse_pages_without_rgb,
    to_rgb,
)

MAX_PIXELS = 64_000_000  # 192 MB decoded, several times that while decoding; above it an image needs tiles
SMALLEST_SIDE = 512  # halving stops here
GREY_MODES = {"1", "L", "LA", "La"}
DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


class PlainSource:
    """One decoded image and its halvings, made here so that overviews are quick. (h, w, 3) uint8 each."""

    objective: float | None = None
    tile_size: int | None = None
    scanner = ""
    scenes: tuple[tuple[int, int], ...] = ()

    def __init__(
        self,
        pixels: np.ndarray,
        format: str,
        mpp: tuple[float | None, float | None],
        hints: tuple[str, ...],
        icc: str = "",
    ) -> None:
        self.format, self.hints, self.icc = format, hints, icc
        self.mpp_x, self.mpp_y = mpp
        self._pixels = halvings(pixels)
        self.held_bytes = sum(image.nbytes for image in self._pixels)
        self.levels = levels_from_sizes([(image.shape[1], image.shape[0]) for image in self._pixels])

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        return self._pixels[level][y : y + height, x : x + width]

    def close(self) -> None:
        """See `Source.close`."""
        self._pixels = []


def halvings(pixels: np.ndarray) -> list[np.ndarray]:
    """The image, then each half of the one before; a last odd row or column is left out of the halves."""
    images = [np.ascontiguousarray(pixels)]
    while max(images[-1].shape[:2]) > SMALLEST_SIDE and min(images[-1].shape[:2]) > 1:
        image = images[-1]
        height, width = image.shape[0] // 2, image.shape[1] // 2
        images.append(cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
    return images


def open_plain(path: Path, magic: str) -> PlainSource:
    """A JPEG or PNG as a one-level slide."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path, formats=(magic.upper(),)) as image:
            refuse_too_many_pixels(image.width, image.height)
            if image.mode in DEEP_MODES:
                raise deep_image()
            hints = (GREY_HINT,) if image.mode in GREY_MODES else ()
            pixels = _rgb(image)
            density = image.info.get("dpi") or (None, None)
            icc = "noted" if image.info.get("icc_profile") else ""
    except SlideRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many_pixels() from None
    except UnidentifiedImageError:
        raise SlideRefused(f"The {magic.upper()} image is damaged and does not open.", "broken") from None
    except OSError as error:
        if "truncated" in str(error):
            raise cut_off(path.stat().st_size) from None
        raise SlideRefused(f"The {magic.upper()} image is damaged and cannot be decoded.", "broken") from None
    except MemoryError:
        raise too_many_pixels() from None
    except (ValueError, SyntaxError, EOFError, IndexError):
        raise SlideRefused(f"The {magic.upper()} image is damaged and cannot be decoded.", "broken") from None
    mpp = tuple(mpp_from_density(_number(value), "inch") for value in density)
    return PlainSource(pixels, magic.upper(), (mpp[0], mpp[1]), hints, icc)


def open_plain_tiff(path: Path) -> PlainSource:
    """The first page of a TIFF without tiles, as a one-level slide."""
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            refuse_too_many_pixels(page.imagewidth, page.imagelength)
            grey = refuse_pages_without_rgb(page)
            samples = page.asarray()
            bits = max(8, int(samples.max()).bit_length())
            pixels = to_rgb(samples, page, bits)
            mpp, icc = page_density(page), "noted" if has_icc(page) else ""
            hints = ((GREY_HINT,) if grey else ()) + ((deep_hint(bits),) if page.bitspersample != 8 else ())
    except SlideRefused:
        raise
    except SPOILT:
        raise SlideRefused("The TIFF image is damaged and cannot be decoded.", "broken") from None
    return PlainSource(pixels, "TIFF", mpp, hints, icc)


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


def deep_image() -> SlideRefused:
    """The refusal of more than 8 bits per colour."""
    return SlideRefused(
        "The image has more than 8 bits per colour; of those, TIFF alone is read. Save it as a TIFF.", "depth"
    )


def _rgb(image: Image.Image) -> np.ndarray:
    """Decoded, over white where transparent, with as few copies as may be."""
    if image.has_transparency_data:
        ground = Image.new("RGB", image.size, "white")
        rgba = image.convert("RGBA")
        ground.paste(rgba, mask=rgba.getchannel("A"))
        return np.asarray(ground)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
