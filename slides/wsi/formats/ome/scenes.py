"""What OME-XML says of the pictures of a TIFF: which of them are scenes, their pixel size, lens and scanner."""

from __future__ import annotations

import dataclasses

import tifffile

from slides.wsi.formats.ome.document import OmeDocument
from slides.wsi.formats.tiff.pages import Picture, choose_scene, describe_picture, planes_of, significant_bits
from slides.wsi.formats.tiff.words import is_named_beside


def pick_scene(tiff: tifffile.TiffFile, scene: int) -> Picture:
    """One scene of the file."""
    told = OmeDocument(tiff.pages.first.description)  # before tifffile parses it, which knows no limits
    tiff.is_ome = True  # as `pages.is_ome` found it, also where tifffile does not
    scenes = ome_scenes(tiff)
    chosen = choose_scene(scenes, scene)
    pages, hints = planes_of(tiff, chosen)
    picture = describe_picture(tiff, pages, [each.keyframe for each in scenes], scene, hints)
    number = tiff.series.index(chosen)
    mpp_x, mpp_y = told.pixel_size(number)
    if mpp_x is None and mpp_y is None:
        mpp_x, mpp_y = picture.mpp_x, picture.mpp_y
    return dataclasses.replace(
        picture, format="OME-TIFF", mpp_x=mpp_x, mpp_y=mpp_y, objective=told.objective(number),
        scanner=told.scanner() or picture.scanner,
        significant_bits=significant_bits(picture.pages[0], told.significant_bits(number)),
    )  # fmt: skip


def ome_scenes(tiff: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The scenes of an OME-TIFF, largest first: its series in tiles, or in strips where none has tiles, less what is
    called a label, macro or thumbnail.
    """
    named = [series for series in tiff.series if not is_named_beside(series.name)]
    named = named or [tiff.series[0]]
    tiled = [series for series in named if series.keyframe.is_tiled] or named
    return sorted(tiled, key=lambda series: -series.keyframe.imagewidth * series.keyframe.imagelength)
