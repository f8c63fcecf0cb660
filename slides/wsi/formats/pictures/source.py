"""Images without a pyramid, decoded into memory when first read: JPEG and PNG by Pillow, TIFF in strips by tifffile."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.tiff.pictures import open_tiff, pick_picture
from slides.wsi.formats.tiff.samples import (
    GREY_HINT,
    SPOILT,
    bits_in_use,
    deep_hint,
    has_icc,
    refuse_pages_without_rgb,
    to_rgb,
)
from slides.wsi.metadata import levels_from_sizes, mpp_from_density

MAX_PIXELS = 64_000_000  # 192 MB decoded, several times that while decoding; above it an image needs tiles
SMALLEST_SIDE = 512  # halving stops here
GREY_MODES = {"1", "L", "LA", "La"}
DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


class PlainSource:
    """One image and its halvings, made here so that overviews are quick. (h, w, 3) uint8 each."""

    objective: float | None = None
    tile_size: int | None = None
    scanner = ""
    scenes: tuple[tuple[int, int], ...] = ()

    def __init__(
        self,
        pixels: np.ndarray | Callable[[], np.ndarray],
        format: str,
        mpp: tuple[float | None, float | None],
        hints: tuple[str, ...],
        icc: str = "",
        size: tuple[int, int] | None = None,
    ) -> None:
        """pixels: or what decodes them, called when they are first read; then size, (width, height), is needed."""
        self.format, self.hints, self.icc = format, hints, icc
        self.mpp_x, self.mpp_y = mpp
        self._decode: Callable[[], np.ndarray] | None = pixels if callable(pixels) else None
        self._images: list[np.ndarray] = [] if callable(pixels) else halvings(pixels)
        if not callable(pixels):
            size = (pixels.shape[1], pixels.shape[0])
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


def open_plain(path: Path, magic: str) -> PlainSource:
    """A JPEG or PNG as a slide."""
    with opened_image(path, magic) as image:
        hints = (GREY_HINT,) if image.mode in GREY_MODES else ()
        density = image.info.get("dpi") or (None, None)
        icc = "noted" if image.info.get("icc_profile") else ""
        size = image.size
    mpp = tuple(mpp_from_density(_number(value), "inch") for value in density)
    return PlainSource(
        functools.partial(_decoded_image, path, magic), magic.upper(), (mpp[0], mpp[1]), hints, icc, size
    )


@contextlib.contextmanager
def opened_image(path: Path, magic: str) -> Iterator[Image.Image]:
    """The image by its header, SlideRefused where that or what is done with it fails."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path, formats=(magic.upper(),)) as image:
            refuse_too_many_pixels(image.width, image.height)
            if image.mode in DEEP_MODES:
                raise deep_image()
            yield image
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


def _decoded_image(path: Path, magic: str) -> np.ndarray:
    with opened_image(path, magic) as image:
        return _rgb(image)


def open_plain_tiff(path: Path, scene: int = 0) -> PlainSource:
    """One picture of a TIFF without tiles as a slide; of 16 bits it is decoded at once, to see how many are in use."""
    try:
        with open_tiff(path) as tiff:
            refuse_too_many_pixels(tiff.pages.first.imagewidth, tiff.pages.first.imagelength)
            picture = pick_picture(tiff, scene, tiled=False)
            page = picture.pages[0]
            refuse_too_many_pixels(page.imagewidth, page.imagelength)
            hints = (GREY_HINT,) if refuse_pages_without_rgb(page) else ()
            decode = functools.partial(_decoded_page, path, scene)
            pixels: np.ndarray | Callable[[], np.ndarray] = decode
            if page.bitspersample != 8:
                bits = picture.significant_bits or bits_in_use([page.asarray()])
                pixels, hints = decode(bits), (*hints, deep_hint(bits))
            icc, size = "noted" if has_icc(page) else "", (page.imagewidth, page.imagelength)
    except SlideRefused:
        raise
    except MemoryError:
        raise too_many_pixels() from None
    except SPOILT:
        raise SlideRefused("The TIFF image is damaged and cannot be decoded.", "broken") from None
    source = PlainSource(pixels, picture.format, (picture.mpp_x, picture.mpp_y), (*hints, *picture.hints), icc, size)
    source.objective, source.scanner, source.scenes = picture.objective, picture.scanner, picture.scenes
    return source


def _decoded_page(path: Path, scene: int, bits: int = 8) -> np.ndarray:
    try:
        with open_tiff(path) as tiff:
            page = pick_picture(tiff, scene, tiled=False).pages[0]
            return to_rgb(page.asarray(), page, bits)
    except SlideRefused:
        raise
    except MemoryError:
        raise too_many_pixels() from None
    except SPOILT:
        raise SlideRefused("The TIFF image is damaged and cannot be decoded.", "broken") from None


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
