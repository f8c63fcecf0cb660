"""Which pages of a TIFF are shown: those of one picture of several, of the middle of a focus stack."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.source import no_such_scene
from slides.wsi.formats.tiff.samples import SPOILT, page_density, scanner_of
from slides.wsi.lengths import micrometres_of
from slides.wsi.safe_xml import UnsafeXml, XmlRefused, parse_xml

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


Pick = Callable[[tifffile.TiffFile, int, bool], Picture]  # (file, scene, whether in tiles) → what is shown


def open_tiff(path: Path) -> tifffile.TiffFile:
    """The file without those that it names, which may be anybody's."""
    return tifffile.TiffFile(path, _multifile=False)


def is_tiled(path: Path) -> bool:
    """Whether the first page is stored in tiles."""
    try:
        with open_tiff(path) as tiff:
            return tiff.pages.first.is_tiled
    except SPOILT:
        raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None


def is_ome(path: Path) -> bool:
    """Whether the first page describes the file in OME-XML; False for a file that does not open."""
    try:
        with open_tiff(path) as tiff:
            return tiff.is_ome
    except SPOILT:
        return False


def refuse_unsafe_xml(path: Path) -> None:
    """Refuse a file whose description is XML that could harm the libraries: they parse it to know the maker."""
    try:
        with open_tiff(path) as tiff:
            description = tiff.pages.first.description
    except SPOILT:
        return  # which the libraries find, too
    if not description.lstrip("\ufeff \t\r\n").startswith("<"):
        return
    try:
        parse_xml(description)
    except UnsafeXml:
        raise SlideRefused("The file's description holds what no slide's does; it is not read.", "broken") from None
    except XmlRefused:
        return  # a description need not be XML


def refuse_missing_parts(path: Path) -> None:
    """Refuse a TIFF of which a tile or strip lies behind the end of the file."""
    size = path.stat().st_size
    try:
        with open_tiff(path) as tiff:
            for page in tiff.pages:
                for each in (page, *(page.pages or ())):
                    parts = zip(each.dataoffsets, each.databytecounts, strict=False)
                    if any(offset + length > size for offset, length in parts if length):
                        raise cut_off(size)
    except SlideRefused:
        raise
    except SPOILT:
        raise SlideRefused("The TIFF file is damaged and does not open.", "broken") from None


def pick_picture(tiff: tifffile.TiffFile, scene: int, tiled: bool) -> Picture:
    """The one picture of a file that names no scenes. scene: 0. tiled: whether it lies in tiles or in strips."""
    return picture_of(tiff, [tiff.series[0]], scene, tiled)


def picture_of(tiff: tifffile.TiffFile, scenes: Sequence[tifffile.TiffPageSeries], scene: int, tiled: bool) -> Picture:
    """One of several pictures, by what the tags of its pages say."""
    if not 0 <= scene < len(scenes):
        raise no_such_scene(scene, len(scenes))
    series = scenes[scene]
    number, hints = middle_plane(series, tiled)
    pages = tuple(_own_page(tiff, level.pages[number]) for level in (series.levels if tiled else [series]))
    sizes = tuple((each.keyframe.imagewidth, each.keyframe.imagelength) for each in scenes)
    mpp_x, mpp_y = imagej_pixel_size(tiff) or page_density(pages[0])
    return Picture(
        pages, "Tiled TIFF" if tiled else "TIFF", mpp_x, mpp_y, None, scanner_of(pages[0]),
        sizes if len(sizes) > 1 else (), hints, significant_bits(pages[0]),
    )  # fmt: skip


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
    tags = [tiff.pages.first.tags.get(name) for name in ("XResolution", "YResolution")]
    density = [tag for tag in tags if tag is not None]
    unit_um = micrometres_of(unit)
    if unit_um is None or len(density) < 2:
        return None
    mpp_x, mpp_y = (unit_um * tag.value[1] / tag.value[0] if tag.value[0] else math.inf for tag in density)
    return mpp_x, mpp_y


def _own_page(tiff: tifffile.TiffFile, page: tifffile.TiffPage | tifffile.TiffFrame | None) -> tifffile.TiffPage:
    if page is None or page.parent is not tiff:
        raise SlideRefused("The picture lies in several TIFF files; save it as one file.", "parts")
    return page.aspage()


def significant_bits(page: tifffile.TiffPage, otherwise: int = 0) -> int | None:
    """Of 16 stored bits those that the page declares, else `otherwise`; None where neither says less than all.

    Writers that do not know say that all bits are significant, so that is taken for not saying.
    """
    brightest = page.tags.get("MaxSampleValue")
    told = brightest.value if brightest is not None else 0
    declared = max(told) if isinstance(told, tuple) else told
    bits = int(declared).bit_length() or otherwise
    return bits if 8 <= bits < STORED_BITS else None
