"""Pictures of a TIFF without tiles, decoded by tifffile."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile

from slides.wsi.formats.plain import PlainSource, refuse_too_many_pixels, too_many_pixels
from slides.wsi.formats.source import GREY_HINT
from slides.wsi.formats.tiff.pages import Pick, open_tiff, refusing_spoilt
from slides.wsi.formats.tiff.samples import bits_in_use, deep_hint, has_icc, refuse_pages_without_rgb, to_rgb

DAMAGED = "The TIFF image is damaged and cannot be decoded."


def open_strips(path: Path, pick: Pick, scene: int) -> PlainSource:
    """One picture of a TIFF without tiles as a slide; of 16 bits it is decoded at once, to see how many are in use."""
    with in_memory(path) as tiff:
        picture = pick(tiff, scene)
        page = picture.pages[0]
        refuse_too_many_pixels(page.imagewidth, page.imagelength)
        hints = (GREY_HINT,) if refuse_pages_without_rgb(page) else ()
        decode = functools.partial(_decoded_page, path, pick, scene)
        pixels: np.ndarray | Callable[[], np.ndarray] = decode
        if page.bitspersample != 8:
            bits = picture.significant_bits or bits_in_use([page.asarray()])
            pixels, hints = decode(bits), (*hints, deep_hint(bits))
        icc, size = "noted" if has_icc(page) else "", (page.imagewidth, page.imagelength)
    source = PlainSource(pixels, picture.format, (picture.mpp_x, picture.mpp_y), (*hints, *picture.hints), icc, size)
    source.objective, source.scanner, source.scenes = picture.objective, picture.scanner, picture.scenes
    return source


def _decoded_page(path: Path, pick: Pick, scene: int, bits: int = 8) -> np.ndarray:
    with in_memory(path) as tiff:
        page = pick(tiff, scene).pages[0]
        return to_rgb(page.asarray(), page, bits)


@contextlib.contextmanager
def in_memory(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file, and SlideRefused where a picture of it is spoilt, or larger than the memory."""
    with refusing_spoilt(DAMAGED):
        try:
            with open_tiff(path) as tiff:
                yield tiff
        except MemoryError:
            raise too_many_pixels() from None
