"""The levels of an Aperio file, also of one without a thumbnail."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tifffile

from slides.wsi.formats.aperio.description import is_scaled
from slides.wsi.formats.tiff import pages
from slides.wsi.formats.tiff.pages import Picture


def pick_picture(tiff: tifffile.TiffFile, scene: int, tiled: bool) -> Picture:
    """The scan with all its levels."""
    picture = pages.pick_picture(tiff, scene, tiled)
    first, *others = picture.pages
    return dataclasses.replace(picture, pages=(first, *second_page(tiff, tiff.series[0]), *others))


def is_reduced(path: Path, width: int) -> bool:
    """Whether the largest level, `width` px wide, says that it was made from a larger one that is not in the file."""
    with pages.open_tiff(path) as tiff:
        levels = (page.aspage() for page in tiff.pages)
        largest = next((page for page in levels if page.imagewidth == width), tiff.pages.first)
        return is_scaled(largest.description)


def second_page(tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> tuple[tifffile.TiffPage, ...]:
    """The second level of a file without a thumbnail, as working copies are: tifffile takes it for one."""
    if series.kind != "svs" or len(tiff.pages) < 2:
        return ()
    page = tiff.pages[1].aspage()
    return (page,) if page.is_tiled and page.shape != series.keyframe.shape else ()
