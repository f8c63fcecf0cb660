"""Which pages of a TIFF are shown: those of one picture of several, of the middle of a focus stack."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.source import no_such_scene
from slides.wsi.formats.tiff.samples import COLOUR, DEPTHS, GREY, SPOILT, page_density, scanner_of
from slides.wsi.formats.tiff.scans import MOST_SCANS, Page, find_scans, find_unread
from slides.wsi.formats.tiff.words import is_named_beside
from slides.wsi.lengths import micrometres_of
from slides.wsi.safe_xml import UnsafeXml, XmlRefused, parse_xml, plain_name

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


Pick = Callable[[tifffile.TiffFile, int], Picture]  # (file, scene) → what is shown
IsBeside = Callable[[str], bool]  # whether a page's description calls it a label, macro or such
Scene = TypeVar("Scene")


def open_tiff(path: Path) -> tifffile.TiffFile:
    """The file without those that it names, which may be anybody's."""
    return tifffile.TiffFile(path, _multifile=False)


@contextlib.contextmanager
def refusing_spoilt(reason: str = "The TIFF file is damaged and does not open.") -> Iterator[None]:
    """SlideRefused for what tifffile and its codecs raise on spoilt bytes. reason: a sentence for people."""
    try:
        yield
    except SlideRefused:
        raise
    except SPOILT:
        raise SlideRefused(reason, "broken") from None


def is_tiled(path: Path, pick: Pick, scene: int) -> bool:
    """Whether the picture that is shown is stored in tiles."""
    with refusing_spoilt(), open_tiff(path) as tiff:
        return pick(tiff, scene).pages[0].is_tiled


def first_description(path: Path) -> str:
    """What the first page says of the file; "" of a file that does not open."""
    try:
        with open_tiff(path) as tiff:
            return str(tiff.pages.first.description)
    except SPOILT:
        return ""


def is_ome(description: str) -> bool:
    """Whether this is OME-XML: by its end, as tifffile tells it, or by its root, where a comment comes last."""
    if description.rstrip().endswith("OME>"):
        return True
    try:
        return "OME" in description and plain_name(parse_xml(description).tag) == "OME"
    except XmlRefused:
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
    with refusing_spoilt(), open_tiff(path) as tiff:
        for page in list_pages(tiff):
            parts = zip(page.dataoffsets, page.databytecounts, strict=False)
            if any(offset + length > size for offset, length in parts if length):
                raise cut_off(size)


def list_pages(tiff: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """All pages of a file, those in SubIFDs behind the page that they hang below."""
    for page in tiff.pages:
        page = page.aspage()
        yield page
        yield from (below.aspage() for below in page.pages or ())


def pick_picture(tiff: tifffile.TiffFile, scene: int, is_beside: IsBeside = is_named_beside) -> Picture:
    """One scan of a file that names no scenes: the largest, or one that lies beside it."""
    stack = focus_stack(tiff)
    if stack is not None:
        pages, hints = planes_of(tiff, choose_scene([stack], scene))
        return describe_picture(tiff, pages, [pages[0]], scene, hints)
    pages = list(list_pages(tiff))
    facts = page_facts(pages, is_beside)
    scans = find_scans(facts)
    refuse_channels(scans)
    shown = [pages[scan[0].number] for scan in scans]
    hints = unread_hints(find_unread(facts))
    if len(shown) > MOST_SCANS:
        hints, shown = (*hints, f"Of {len(shown)} pictures in the file the first one is shown."), shown[:1]
    chosen = choose_scene(scans[: len(shown)], scene)
    return describe_picture(tiff, [pages[level.number] for level in chosen], shown, scene, hints)


def unread_hints(unread: Sequence[Page]) -> tuple[str, ...]:
    """What is said of pictures that nobody will see: that they are there."""
    if not unread:
        return ()
    what = "A further picture" if len(unread) == 1 else f"{len(unread)} further pictures"
    page = unread[0]
    sides = f"{'of' if len(unread) == 1 else 'of up to'} {page.width:,} by {page.height:,} px"
    are = "is" if len(unread) == 1 else "are"
    return (f"{what} {sides} in the file {are} not shown: without a pixel size that may be a label.",)


def page_facts(pages: Sequence[tifffile.TiffPage], is_beside: IsBeside) -> list[Page]:
    """What `find_scans` asks of each page."""
    numbers = {page.treeindex: number for number, page in enumerate(pages)}
    return [
        Page(
            number, page.imagewidth, page.imagelength, page.is_tiled, page.photometric in COLOUR,
            page.bitspersample in DEPTHS and page.photometric in (*COLOUR, *GREY), is_beside(page.description),
            int(page.subfiletype), page_density(page)[0], numbers.get(page.treeindex[:-1]),
        )
        for number, page in enumerate(pages)
    ]  # fmt: skip


def focus_stack(tiff: tifffile.TiffFile) -> tifffile.TiffPageSeries | None:
    """The picture of a file whose writer says that its pages are planes of one: ImageJ's, or one with focus planes."""
    if tiff.is_imagej or (tiff.is_shaped and any("Z" in series.axes for series in tiff.series)):
        return tiff.series[0]
    return None


def refuse_channels(scans: Sequence[Sequence[Page]]) -> None:
    """Refuse several grey pages in tiles of one size, which are channels of fluorescence."""
    first = scans[0][0]
    if first.is_tiled and not first.is_colour and any(scan[0].size == first.size for scan in scans[1:]):
        raise channels_apart()


def choose_scene(scenes: Sequence[Scene], scene: int) -> Scene:
    """One of them, or the refusal of a number that there is not."""
    if not 0 <= scene < len(scenes):
        raise no_such_scene(scene, len(scenes))
    return scenes[scene]


def describe_picture(
    tiff: tifffile.TiffFile,
    pages: Sequence[tifffile.TiffPage],
    scenes: Sequence[tifffile.TiffPage],
    scene: int,
    hints: tuple[str, ...],
) -> Picture:
    """One of several pictures, by what the tags of its pages say.

    pages: level 0 and, in any order, its smaller levels, of which those in tiles are read. scenes: level 0 of each
    picture of the file.
    """
    first, *smaller = pages
    by_width = {page.imagewidth: page for page in smaller if page.is_tiled and page.imagewidth < first.imagewidth}
    mpp_x, mpp_y = imagej_pixel_size(tiff) or page_density(first)
    if len(scenes) > 1:
        which = "the first one" if scene == 0 else f"number {scene + 1}"
        hints += (f"Of {len(scenes)} pictures in the file {which} is shown.",)
    return Picture(
        (first, *(by_width[width] for width in sorted(by_width, reverse=True) if first.is_tiled)),
        "Tiled TIFF" if first.is_tiled else "TIFF", mpp_x, mpp_y, None, scanner_of(first),
        tuple((page.imagewidth, page.imagelength) for page in scenes) if len(scenes) > 1 else (),
        hints, significant_bits(first),
    )  # fmt: skip


def planes_of(
    tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> tuple[list[tifffile.TiffPage], tuple[str, ...]]:
    """(pages of the plane that is shown, level 0 first; hints)."""
    number, hints = middle_plane(series)
    return [_own_page(tiff, level.pages[number]) for level in series.levels], hints


def middle_plane(series: tifffile.TiffPageSeries) -> tuple[int, tuple[str, ...]]:
    """(number of the page that is shown, hints). Refuses tiled channels on pages of their own."""
    count = len(series.pages)
    planes = series.shape[series.axes.index("Z")] if "Z" in series.axes else 1
    if count == planes:
        return count // 2, (f"Of {planes} focus planes the middle one is shown.",) if planes > 1 else ()
    if count == 1:  # the other planes follow without pages of their own
        return 0, (f"Of {planes} focus planes the first one is shown.",)
    if series.keyframe.is_tiled:
        raise channels_apart()
    return 0, (f"Of {count} pictures in the file the first one is shown.",)


def channels_apart() -> SlideRefused:
    """The refusal of one picture on several pages."""
    return SlideRefused("The TIFF keeps its channels on separate pages; one RGB image is read.", "depth")


def imagej_pixel_size(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """µm per pixel of a file of ImageJ, which keeps the unit of its densities in a text of its own; None of others."""
    unit = str((tiff.imagej_metadata or {}).get("unit", ""))
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
