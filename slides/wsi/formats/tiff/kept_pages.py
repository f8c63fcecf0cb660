"""Which of a TIFF's directories are the scan, and which are labels, macros, thumbnails and other pictures."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable

from slides.wsi.formats.tiff import tag_rules
from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.directories import FLOATS, LONG, RATIONAL, SHORT, Directory, Tiff
from slides.wsi.formats.tiff.samples import INCH, UNITS
from slides.wsi.formats.tiff.scans import MOST_SCANS, Page, find_scans, has_shape_of
from slides.wsi.metadata import mpp_from_density

LABEL, MACRO, LABEL_OR_MACRO, THUMBNAIL, MAP, OTHERS = (
    "label picture", "macro picture", "label or macro picture", "thumbnail picture", "map picture", "further pictures",
)  # fmt: skip
BITS_READ, GREYS_READ, COLOURS_READ, WHOLE_NUMBERS = (8, 16), (0, 1), (2, 6), 1


@dataclasses.dataclass
class Chosen:
    """tiff: the file. kept: the scan's directories that become main ones, in their order in the copy. dropped: the
    others; left_out: the same in words. below: where those that stay below a kept one lie, None for its smaller levels.
    """

    tiff: Tiff
    kept: list[Directory]
    dropped: list[Directory] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)
    below: set[int] | None = None

    def drop(self, directory: Directory, what: str) -> None:
        """Leave a directory out."""
        self.dropped.append(directory)
        self.left_out.append(what)

    def levels_below(self, directory: Directory, below: list[Directory]) -> list[Directory]:
        """Of the directories that hang below one those that stay there."""
        if self.below is not None:
            return [each for each in below if each.offset in self.below]
        return [each for each in below if is_tiled(each) and self._is_level_of(each, directory)]

    def _is_level_of(self, small: Directory, first: Directory) -> bool:
        sides = [each.number(tag, self.tiff.layout.order) for each in (small, first) for tag in SIDES]
        return has_shape_of(*sides)


SIDES = tag_rules.WIDTH, tag_rules.HEIGHT


def choose_scans(tiff: Tiff, is_beside: Callable[[str], bool]) -> Chosen:
    """The directories of all scans of a file, each behind its largest level; nothing is told yet of the others.

    is_beside: whether a directory's description calls it a label, macro or such. A scan that hangs below another
    picture becomes a main directory, with its levels.
    """
    listed: list[tuple[Directory, int | None]] = []
    for main in tiff.directories():
        above = len(listed)
        listed += [(main, None), *((each, above) for each in tiff.below(main))]
    scans = find_scans([_page(number, *each, tiff.layout.order, is_beside) for number, each in enumerate(listed)])
    kept: list[Directory] = []
    below: set[int] = set()
    for scan in scans if len(scans) <= MOST_SCANS else scans[:1]:
        first = scan[0]
        for page in scan if first.is_tiled else [first]:
            directory, _ = listed[page.number]
            if page.parent == first.number:
                below.add(directory.offset)
            else:
                kept.append(directory)
    return Chosen(tiff, kept, below=below)


def _page(number: int, directory: Directory, above: int | None, order: str, is_beside: Callable[[str], bool]) -> Page:
    """What `find_scans` asks of a directory."""
    width, height = (directory.number(tag, order) for tag in SIDES)
    interpretation = directory.number(tag_rules.PHOTOMETRIC, order)
    bits = directory.entries[tag_rules.BITS].numbers(order) if tag_rules.BITS in directory.entries else (1,)
    is_read = len(set(bits)) == 1 and bits[0] in BITS_READ and interpretation in (*GREYS_READ, *COLOURS_READ)
    return Page(
        number, width, height, is_tiled(directory), interpretation in COLOURS_READ,
        is_read, is_beside(directory.text(tag_rules.DESCRIPTION)), directory.number(tag_rules.SUBFILE_TYPE, order),
        _mpp(directory, order), above,
    )  # fmt: skip


def _mpp(directory: Directory, order: str) -> float | None:
    """µm per pixel across, by the density."""
    density = directory.entries.get(tag_rules.X_RESOLUTION)
    unit = UNITS.get(directory.number(tag_rules.RESOLUTION_UNIT, order, INCH))
    if density is None or density.count != 1:
        return None
    if density.kind in FLOATS:
        return mpp_from_density(density.fraction(order), unit)
    if density.kind in (SHORT, LONG):
        return mpp_from_density(density.numbers(order)[0], unit)
    if density.kind != RATIONAL:
        return None
    above, under = struct.unpack(f"{order}2I", density.data)
    return mpp_from_density(above / under if under else None, unit)
