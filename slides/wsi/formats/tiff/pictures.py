"""Which picture of a TIFF is shown: one scene of several, the middle of a focus stack; and what OME-XML says of it."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.source import no_such_scene
from slides.wsi.formats.tiff.samples import page_density, scanner_of
from slides.wsi.metadata import known_scanner

PIXELS_ELEMENT = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>")
MICROSCOPE_ELEMENT = re.compile(r"<(?:\w+:)?Microscope\b([^>]*)>")
OBJECTIVE_ELEMENT = re.compile(r"<(?:\w+:)?Objective\b([^>]*)>")
ATTRIBUTE = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
NOT_SCENES = ("label", "macro", "thumbnail", "overview")  # parts of names that converters give to such pictures
MICROMETRES = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}  # both signs for micro
STORED_BITS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What is shown of a TIFF. pages: level 0 first. The rest as in `SlideInfo`.

    significant_bits: of 16 stored ones, as the file declares them; None where it does not, or says that all are.
    """

    pages: tuple[tifffile.TiffPage, ...]
    format: str
    mpp_x: float | None
    mpp_y: float | None
    objective: float | None
    scanner: str
    scenes: tuple[tuple[int, int], ...]
    hints: tuple[str, ...]
    significant_bits: int | None


def open_tiff(path: Path) -> tifffile.TiffFile:
    """The file without those that it names, which may be anybody's."""
    return tifffile.TiffFile(path, _multifile=False)


def pick_picture(tiff: tifffile.TiffFile, scene: int, tiled: bool) -> Picture:
    """One picture of the file. scene: which, of an OME-TIFF. tiled: whether scenes are those in tiles or in strips."""
    pictures = ome_scenes(tiff, tiled) if tiff.is_ome else [tiff.series[0]]
    if not 0 <= scene < len(pictures):
        raise no_such_scene(scene, len(pictures))
    series = pictures[scene]
    number, hints = middle_plane(series, tiled)
    first, *others = (_own_page(tiff, level.pages[number]) for level in (series.levels if tiled else [series]))
    pages = (first, *second_page(tiff, series), *others)
    sizes = tuple((each.keyframe.imagewidth, each.keyframe.imagelength) for each in pictures)
    xml = (tiff.ome_metadata or "") if tiff.is_ome else ""
    image = tiff.series.index(series)
    mpp_x, mpp_y = ome_pixel_size(xml, image) if xml else imagej_pixel_size(tiff) or page_density(pages[0])
    return Picture(
        pages, "OME-TIFF" if tiff.is_ome else "Tiled TIFF" if tiled else "TIFF", mpp_x, mpp_y, ome_objective(xml),
        ome_scanner(xml) or scanner_of(pages[0]), sizes if len(sizes) > 1 else (), hints,
        _significant_bits(pages[0], xml, image),
    )  # fmt: skip


def second_page(tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> tuple[tifffile.TiffPage, ...]:
    """The second level of an Aperio file without a thumbnail, as working copies are: tifffile takes it for one."""
    if series.kind != "svs" or len(tiff.pages) < 2 or not tiff.pages[1].is_tiled:
        return ()
    page = tiff.pages[1].aspage()
    return () if page.shape == series.keyframe.shape else (page,)


def ome_scenes(tiff: tifffile.TiffFile, tiled: bool) -> list[tifffile.TiffPageSeries]:
    """The scenes of an OME-TIFF: its series in tiles or strips, less what is called a label, macro or thumbnail."""
    named = [(series, series.name.lower()) for series in tiff.series if series.keyframe.is_tiled == tiled]
    scenes = [series for series, name in named if not any(word in name for word in NOT_SCENES)]
    return scenes or [tiff.series[0]]


def middle_plane(series: tifffile.TiffPageSeries, tiled: bool) -> tuple[int, tuple[str, ...]]:
    """(number of the page that is shown, hints). Refuses tiled channels on pages of their own."""
    count = len(series.pages)
    planes = series.shape[series.axes.index("Z")] if "Z" in series.axes else 1
    if count == planes:
        return count // 2, (f"Of {planes} focus planes the middle one is shown.",) if planes > 1 else ()
    if count == 1:  # the other planes follow without pages of their own
        return 0, (f"Of {planes} focus planes the first one is shown.",)
    if tiled:
        raise SlideRefused("The TIFF keeps its channels on separate pages; one RGB image is read.", "depth")
    return 0, (f"Of {count} pictures in the file the first one is shown.",)


def imagej_pixel_size(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """µm per pixel of a file of ImageJ, which keeps the unit of its densities in a text of its own; None of others."""
    unit = str((tiff.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ")
    density = [tiff.pages.first.tags.get(name) for name in ("XResolution", "YResolution")]
    if unit not in MICROMETRES or None in density:
        return None
    mpp_x, mpp_y = (MICROMETRES[unit] * tag.value[1] / tag.value[0] if tag.value[0] else math.inf for tag in density)
    return mpp_x, mpp_y


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


def _own_page(tiff: tifffile.TiffFile, page: tifffile.TiffPage | tifffile.TiffFrame | None) -> tifffile.TiffPage:
    if page is None or page.parent is not tiff:
        raise SlideRefused("The picture lies in several TIFF files; save it as one file.", "parts")
    return page.aspage()


def _significant_bits(page: tifffile.TiffPage, xml: str, number: int) -> int | None:
    """Writers that do not know say that all bits are significant, so that is taken for not saying."""
    brightest = page.tags.get("MaxSampleValue")
    told = brightest.value if brightest is not None else 0
    declared = max(told) if isinstance(told, tuple) else told
    bits = int(declared).bit_length() or int(_pixels(xml, number).get("SignificantBits", "0"))
    return bits if 8 <= bits < STORED_BITS else None


def _pixels(xml: str, number: int) -> dict[str, str]:
    found = PIXELS_ELEMENT.findall(xml)
    return dict(ATTRIBUTE.findall(found[number])) if number < len(found) else {}


def _micrometres(attributes: dict[str, str], name: str) -> float | None:
    factor = MICROMETRES.get(attributes.get(name + "Unit", "µm"))
    try:
        return float(attributes[name]) * factor if factor and name in attributes else None
    except ValueError:
        return None
