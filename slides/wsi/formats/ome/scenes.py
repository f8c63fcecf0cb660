"""What OME-XML says of the pictures of a TIFF: which of them are scenes, their pixel size, lens and scanner."""

from __future__ import annotations

import dataclasses

import tifffile

from slides.wsi.formats.ome.document import OmeDocument
from slides.wsi.formats.tiff.pages import Picture, picture_of, significant_bits
from slides.wsi.formats.tiff.words import NOT_SCENES


def pick_scene(tiff: tifffile.TiffFile, scene: int, tiled: bool) -> Picture:
    """One scene of the file. tiled: whether scenes are the pictures in tiles or those in strips."""
    # Before tifffile parses it, which knows no limits.
    told = OmeDocument(tiff.ome_metadata or "")
    scenes = ome_scenes(tiff, tiled)
    picture = picture_of(tiff, scenes, scene, tiled)
    number = tiff.series.index(scenes[scene])
    mpp_x, mpp_y = told.pixel_size(number)
    return dataclasses.replace(
        picture, format="OME-TIFF", mpp_x=mpp_x, mpp_y=mpp_y, objective=told.objective(number),
        scanner=told.scanner() or picture.scanner,
        significant_bits=significant_bits(picture.pages[0], told.significant_bits(number)),
    )  # fmt: skip


def ome_scenes(tiff: tifffile.TiffFile, tiled: bool) -> list[tifffile.TiffPageSeries]:
    """The scenes of an OME-TIFF: its series in tiles or strips, less what is called a label, macro or thumbnail."""
    named = [(series, series.name.lower()) for series in tiff.series if series.keyframe.is_tiled == tiled]
    scenes = [series for series, name in named if not any(word in name for word in NOT_SCENES)]
    return scenes or [tiff.series[0]]
