"""JPEG and PNG pictures as slides, decoded by Pillow."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from PIL import Image, UnidentifiedImageError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.over_white import over_white
from slides.wsi.formats.plain import MAX_PIXELS, PlainSource, refuse_too_many_pixels, too_many_pixels
from slides.wsi.formats.source import GREY_HINT
from slides.wsi.metadata import mpp_from_density

GREY_MODES = {"1", "L", "LA", "La"}
DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def open_picture(path: Path, format: str) -> PlainSource:
    """A picture as a slide. format: "JPEG" or "PNG"."""
    with opened_image(path, format) as image:
        hints = (GREY_HINT,) if image.mode in GREY_MODES else ()
        density = image.info.get("dpi") or (None, None)
        icc = "noted" if image.info.get("icc_profile") else ""
        size = image.size
    mpp = tuple(mpp_from_density(_number(value), "inch") for value in density)
    return PlainSource(functools.partial(_decoded_image, path, format), format, (mpp[0], mpp[1]), hints, icc, size)


@contextlib.contextmanager
def opened_image(path: Path, format: str) -> Iterator[Image.Image]:
    """The image by its header, SlideRefused where that or what is done with it fails."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path, formats=(format,)) as image:
            refuse_too_many_pixels(image.width, image.height)
            if image.mode in DEEP_MODES:
                raise deep_image()
            yield image
    except SlideRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many_pixels() from None
    except UnidentifiedImageError:
        raise SlideRefused(f"The {format} image is damaged and does not open.", "broken") from None
    except OSError as error:
        if "truncated" in str(error):
            raise cut_off(path.stat().st_size) from None
        raise SlideRefused(f"The {format} image is damaged and cannot be decoded.", "broken") from None
    except MemoryError:
        raise too_many_pixels() from None
    except (ValueError, SyntaxError, EOFError, IndexError):
        raise SlideRefused(f"The {format} image is damaged and cannot be decoded.", "broken") from None


def _decoded_image(path: Path, format: str) -> np.ndarray:
    """Over white where transparent."""
    with opened_image(path, format) as image:
        if image.has_transparency_data:
            rgba = np.asarray(image.convert("RGBA"))
            return over_white(rgba[..., :3], rgba[..., 3])
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def deep_image() -> SlideRefused:
    """The refusal of more than 8 bits per colour."""
    return SlideRefused(
        "The image has more than 8 bits per colour; of those, TIFF alone is read. Save it as a TIFF.", "depth"
    )


def _number(value: object) -> float | None:
    if not isinstance(value, SupportsFloat):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
