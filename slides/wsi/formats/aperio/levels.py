"""The scan of an Aperio file with its levels, in whatever order its pages lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tifffile

from slides.wsi.formats.aperio.description import is_scaled, picture_kind, told_number
from slides.wsi.formats.tiff import pages
from slides.wsi.formats.tiff.pages import Picture


def pick_picture(tiff: tifffile.TiffFile, scene: int) -> Picture:
    """One scan. Its pixel size is what its own description says: a file's other descriptions may be of other scans."""
    picture = pages.pick_picture(tiff, scene, is_beside=lambda text: picture_kind(text) != "")
    about = picture.pages[0].description
    mpp = told_number(about, "mpp")
    return dataclasses.replace(
        picture, format="Aperio SVS", mpp_x=mpp, mpp_y=mpp, objective=told_number(about, "appmag")
    )


def is_reduced(path: Path, width: int) -> bool:
    """Whether the largest level, `width` px wide, says that it was made from a larger one that is not in the file."""
    with pages.open_tiff(path) as tiff:
        levels = (page.aspage() for page in tiff.pages)
        largest = next((page for page in levels if page.imagewidth == width), tiff.pages.first)
        return is_scaled(largest.description)
