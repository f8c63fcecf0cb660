"""What OME-XML says of the pictures of a TIFF: which of them are scenes, their pixel size, lens and scanner."""

from __future__ import annotations

import dataclasses
import re

import tifffile

from slides.wsi.formats.tiff.pages import (
    MICROMETRES,
    Picture,
    choose_scene,
    describe_picture,
    planes_of,
    significant_bits,
)
from slides.wsi.formats.tiff.words import is_named_beside
from slides.wsi.metadata import known_scanner

PIXELS_ELEMENT = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>")
MICROSCOPE_ELEMENT = re.compile(r"<(?:\w+:)?Microscope\b([^>]*)>")
OBJECTIVE_ELEMENT = re.compile(r"<(?:\w+:)?Objective\b([^>]*)>")
ATTRIBUTE = re.compile(r'(\w+)\s*=\s*"([^"]*)"')


def pick_scene(tiff: tifffile.TiffFile, scene: int) -> Picture:
    """One scene of the file."""
    scenes = ome_scenes(tiff)
    chosen = choose_scene(scenes, scene)
    pages, hints = planes_of(tiff, chosen)
    picture = describe_picture(tiff, pages, [each.keyframe for each in scenes], scene, hints)
    xml, number = tiff.ome_metadata or "", tiff.series.index(chosen)
    mpp_x, mpp_y = ome_pixel_size(xml, number) if xml else (picture.mpp_x, picture.mpp_y)
    return dataclasses.replace(
        picture, format="OME-TIFF", mpp_x=mpp_x, mpp_y=mpp_y, objective=ome_objective(xml),
        scanner=ome_scanner(xml) or picture.scanner,
        significant_bits=significant_bits(picture.pages[0], int(_pixels(xml, number).get("SignificantBits", "0"))),
    )  # fmt: skip


def ome_scenes(tiff: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The scenes of an OME-TIFF, largest first: its series in tiles, or in strips where none has tiles, less what is
    called a label, macro or thumbnail.
    """
    named = [series for series in tiff.series if not is_named_beside(series.name)]
    named = named or [tiff.series[0]]
    tiled = [series for series in named if series.keyframe.is_tiled] or named
    return sorted(tiled, key=lambda series: -series.keyframe.imagewidth * series.keyframe.imagelength)


def ome_pixel_size(xml: str, number: int = 0) -> tuple[float | None, float | None]:
    """µm per pixel in x and y from a Pixels element of OME-XML (default unit µm)."""
    attributes = _pixels(xml, number)
    return _micrometres(attributes, "PhysicalSizeX"), _micrometres(attributes, "PhysicalSizeY")


def ome_objective(xml: str) -> float | None:
    """Nominal power where the XML names one objective, or several of one power."""
    powers = {dict(ATTRIBUTE.findall(found)).get("NominalMagnification") for found in OBJECTIVE_ELEMENT.findall(xml)}
    try:
        return float(powers.pop() or "") if len(powers) == 1 else None
    except ValueError:
        return None


def ome_scanner(xml: str) -> str:
    """Maker and model of the first microscope."""
    found = MICROSCOPE_ELEMENT.search(xml)
    about = dict(ATTRIBUTE.findall(found[1])) if found else {}
    return known_scanner(about.get("Manufacturer", ""), about.get("Model", ""))


def _pixels(xml: str, number: int) -> dict[str, str]:
    found = PIXELS_ELEMENT.findall(xml)
    return dict(ATTRIBUTE.findall(found[number])) if number < len(found) else {}


def _micrometres(attributes: dict[str, str], name: str) -> float | None:
    factor = MICROMETRES.get(attributes.get(name + "Unit", "µm"))
    try:
        return float(attributes[name]) * factor if factor and name in attributes else None
    except ValueError:
        return None
