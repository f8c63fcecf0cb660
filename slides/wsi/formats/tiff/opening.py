"""By which library a TIFF is read: tifffile is three times as quick, OpenSlide knows what makers do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.source import Source
from slides.wsi.formats.tiff.pages import Pick, is_tiled
from slides.wsi.formats.tiff.strips import open_strips
from slides.wsi.formats.tiff.tiled import TiffSource

FINAL = ("depth", "parts")  # kinds of refusal that OpenSlide would not make better


def open_by_tifffile(path: Path, pick: Pick, scene: int) -> Source:
    """A file that OpenSlide does not know."""
    return TiffSource(path, pick, scene) if is_tiled(path) else open_strips(path, pick, scene)


def open_by_either(path: Path, pick: Pick, scene: int, by_openslide: Callable[[], Source]) -> Source:
    """By tifffile, and by OpenSlide what tifffile does not open."""
    try:
        return TiffSource(path, pick, scene)
    except SlideRefused as refusal:
        if refusal.kind in FINAL:
            raise
        return by_openslide()


def open_quickest(
    path: Path, pick: Pick, scene: int, by_openslide: Callable[[], Source], needs_openslide: bool
) -> Source:
    """By tifffile where it gives the pixels that OpenSlide gives, else by OpenSlide.

    needs_openslide: whether a file is refused that OpenSlide refuses.
    """
    tiff = open_by_either(path, pick, scene, by_openslide)
    if not isinstance(tiff, TiffSource) or tiff.is_deep:
        return tiff
    try:
        slide = by_openslide()
    except SlideRefused:
        if not needs_openslide:
            return tiff
        tiff.close()
        raise
    return quicker(tiff, slide)


def quicker(tiff: TiffSource, slide: Source) -> Source:
    """The slide read by tifffile, three times as quick, where it has the same levels, no gap and a proven coding.

    Else as OpenSlide reads it, which knows what makers do with missing tiles and odd colours. The other is closed.
    """
    if tiff.levels != slide.levels or not tiff.is_proven():
        tiff.close()
        return slide
    tiff.format, tiff.objective = slide.format, slide.objective
    tiff.mpp_x, tiff.mpp_y = slide.mpp_x, slide.mpp_y
    tiff.scanner, tiff.icc = slide.scanner or tiff.scanner, slide.icc or tiff.icc
    slide.close()
    return tiff
