"""Which pages of a TIFF are scans, and which are smaller levels of one, wherever in the file they lie.

The largest page in tiles is the scan. Files without any tiles are held to the same by their pages in strips; a page in
strips beside tiles is a thumbnail, a macro or a label, unless the tiles are but a smaller level of it. What is no
level of the largest is a scan of its own where it looks like one. Reader and working copy both ask here.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

REDUCED, MASK, REDUCED_MACRO = 1, 4, 9  # kinds of subfiles, bits of a number
SHAPE_SLACK = 0.02  # a level's sides are to each other as the scan's, but for rounding
SLACK_PX = 2
EXTENT_SLACK = 0.02
MOST_SCAN_MPP = 5.0  # µm; a label or a photograph of the glass has larger pixels
MOST_SCANS = 40  # further pages of one size are a stack, of which the first is shown
PYRAMID_SIZES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What tags say of a page. number: its place among all, SubIFDs behind their page. parent: number of the page that
    a SubIFD hangs below. mpp: µm per pixel across, None where unknown. kind: the number of the kind of subfile.
    is_picture: whether it holds colours or greys that are read. is_beside: whether it is called a label, macro or such.
    """

    number: int
    width: int
    height: int
    is_tiled: bool
    is_colour: bool
    is_picture: bool = True
    is_beside: bool = False
    kind: int = 0
    mpp: float | None = None
    parent: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def extent_um(self) -> float | None:
        """How wide what it shows is."""
        return self.mpp * self.width if self.mpp and math.isfinite(self.mpp) else None


def find_scans(pages: Sequence[Page]) -> list[list[Page]]:
    """The scans of a file, largest first, each with its levels from the finest on; at least one where there is a page.

    Pages that are in none of them are pictures beside the scan, or stay unread.
    """
    scans = _group(pages)
    return [scan for scan in scans if scan is scans[0] or _is_scan(scan, scans[0][0])]


def find_unread(pages: Sequence[Page]) -> list[Page]:
    """What is stored as a scan is and tells no pixel size, so that it may be one or a label. The largest first."""
    scans = _group(pages)
    first = scans[0][0]
    return [scan[0] for scan in scans[1:] if scan[0].mpp is None and not _is_scan(scan, first)]


def _group(pages: Sequence[Page]) -> list[list[Page]]:
    """Each page that may be a scan with its levels, the largest first."""
    pool = _scan_like(pages)
    is_sloppy = _is_unmarked_pyramid(pool)
    scans: list[list[Page]] = []
    by_size = sorted(pool, key=lambda page: (-page.width * page.height, page.size, page.number))
    for _, same in itertools.groupby(by_size, key=lambda page: page.size):
        _share_out(list(same), scans, is_sloppy)
    return scans


def has_shape_of(width: int, height: int, full_width: int, full_height: int) -> bool:
    """Whether a picture has the sides of another one made smaller."""
    if not (0 < width <= full_width and 0 < height <= full_height):
        return False
    expected = width * full_height / full_width
    return abs(height - expected) <= max(SLACK_PX, SHAPE_SLACK * expected)


def _scan_like(pages: Sequence[Page]) -> list[Page]:
    """The pages in tiles, or all where there are none, less those that are called otherwise."""
    pictures = [page for page in pages if page.is_picture and not page.kind & MASK and page.kind != REDUCED_MACRO]
    pictures = pictures or list(pages)
    tiled = [page for page in pictures if page.is_tiled]
    if not tiled:
        return [page for page in pictures if not page.is_beside] or pictures
    largest = max(tiled, key=lambda page: page.width * page.height)
    above = [page for page in pictures if not page.is_tiled and not page.is_beside and _is_larger(page, largest)]
    if above:
        return above
    # A scan's own words may be about a label; a label that is larger than the scan has none of the others for a level.
    others = [page for page in tiled if not page.is_beside]
    if others and not any(has_shape_of(*page.size, *largest.size) for page in others):
        return others
    return [page for page in tiled if page is largest or not page.is_beside]


def _share_out(pages: Sequence[Page], scans: list[list[Page]], is_sloppy: bool) -> None:
    """Add pages of one size to the scans that they are levels of; those that fit none are new ones.

    Where each scan gets one they go in the order of the scans: some writers put all scans before all their levels.
    """
    fitting = [scan for scan in scans if any(_is_level(page, scan, is_sloppy) for page in pages)]
    pairs = list(zip(pages, sorted(fitting, key=lambda scan: scan[0].number), strict=False))
    if len(pages) == len(fitting) and all(_is_level(page, scan, is_sloppy) for page, scan in pairs):
        for page, scan in pairs:
            scan.append(page)
        return
    for page in pages:
        fitting = [scan for scan in scans if _is_level(page, scan, is_sloppy)]
        if fitting:
            min(fitting, key=lambda scan: _distance(page, scan)).append(page)
        else:
            scans.append([page])


def _is_larger(page: Page, other: Page) -> bool:
    return page.width > other.width and page.is_colour == other.is_colour and has_shape_of(*other.size, *page.size)


def _is_unmarked_pyramid(pool: Sequence[Page]) -> bool:
    """Whether the pages are one picture in several sizes by a writer who marks no levels and copies the density."""
    return (
        len({page.mpp for page in pool}) == 1
        and not any(page.kind & REDUCED for page in pool)
        and len({page.size for page in pool}) == len(pool) >= PYRAMID_SIZES
        and all(any(page is larger or has_shape_of(*page.size, *larger.size) for larger in pool) for page in pool)
    )


def _is_level(page: Page, scan: Sequence[Page], is_sloppy: bool) -> bool:
    main = scan[0]
    if page.is_colour != main.is_colour or page.size in [level.size for level in scan]:
        return False
    if page.width >= main.width or not has_shape_of(*page.size, *main.size):
        return False
    return is_sloppy or bool(page.kind & REDUCED) or _are_related(page, main) or _same_extent(page, main) is not False


def _are_related(page: Page, main: Page) -> bool:
    """Whether one hangs below the other, or both below the same page."""
    return page.parent == main.number or (main.parent is not None and main.parent in (page.number, page.parent))


def _same_extent(page: Page, main: Page) -> bool | None:
    """By their densities; None where one is unknown."""
    if page.extent_um is None or main.extent_um is None:
        return None
    return abs(page.extent_um / main.extent_um - 1) <= EXTENT_SLACK + SLACK_PX / page.width


def _distance(page: Page, scan: Sequence[Page]) -> tuple[bool, bool, bool, int]:
    """How far a level lies from a scan that it fits, to be compared: writers put levels behind their picture."""
    main = scan[0]
    return (
        not _are_related(page, main), _same_extent(page, main) is False, main.number > page.number,
        abs(main.number - page.number),
    )  # fmt: skip


def _is_grey_of(page: Page, first: Page) -> bool:
    """Whether a page is a scan made smaller and grey, or the other way."""
    return page.is_colour != first.is_colour and has_shape_of(*page.size, *first.size) and bool(
        _same_extent(page, first)
    )  # fmt: skip


def _is_scan(scan: Sequence[Page], first: Page) -> bool:
    """Whether a further picture is one more scan and not a label, a macro or a thumbnail without a name."""
    page = scan[0]
    if _is_grey_of(page, first):
        return False
    is_fine = page.mpp is not None and page.mpp <= MOST_SCAN_MPP
    return is_fine or page.size == first.size or (page.is_tiled and len(scan) > 1)
