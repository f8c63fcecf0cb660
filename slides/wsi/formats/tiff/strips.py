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
from slides.wsi.formats.tiff.samples import deep_hint, has_icc, interleaved, refuse_pages_without_rgb, scale_of, to_rgb

DAMAGED = "The TIFF image is damaged and cannot be decoded."


def open_strips(path: Path, pick: Pick, scene: int) -> PlainSource:
    """One picture of a TIFF without tiles as a slide; of 16 bits it is decoded at once, to see how many are in use."""
    with in_memory(path) as tiff:
        picture = pick(tiff, scene)
        page = picture.pages[0]
        refuse_too_many_pixels(page.imagewidth, page.imagelength)
        hints = (GREY_HINT,) if refuse_pages_without_rgb(page) else ()
        pixels: np.ndarray | Callable[[], np.ndarray] = functools.partial(_decoded_page, path, pick, scene)
        if page.bitspersample != 8:
            samples = interleaved(page.asarray(), page)
            scale = scale_of(page, lambda: [samples], picture.significant_bits)
            pixels, hints = to_rgb(samples, page, scale), (*hints, deep_hint(scale.bits))
        icc, size = "noted" if has_icc(page) else "", (page.imagewidth, page.imagelength)
    source = PlainSource(pixels, picture.format, (picture.mpp_x, picture.mpp_y), (*hints, *picture.hints), icc, size)
    source.objective, source.scanner, source.scenes = picture.objective, picture.scanner, picture.scenes
    return source


def _decoded_page(path: Path, pick: Pick, scene: int) -> np.ndarray:
    with in_memory(path) as tiff:
        picture = pick(tiff, scene)
        page = picture.pages[0]
        samples = interleaved(page.asarray(), page)
        return to_rgb(samples, page, scale_of(page, lambda: [samples], picture.significant_bits))


@contextlib.contextmanager
def in_memory(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file, and SlideRefused where a picture of it is spoilt, or larger than the memory."""
    with refusing_spoilt(DAMAGED):
        try:
            with open_tiff(path) as tiff:
                yield tiff
        except MemoryError:
            raise too_many_pixels() from None
