"""Which of a TIFF's directories are the scan, and which are labels, macros, thumbnails and other pictures."""

from __future__ import annotations

import dataclasses

from slides.wsi.formats.aperio import description as aperio_text
from slides.wsi.formats.ome import description as ome_text
from slides.wsi.formats.ome.description import Ome
from slides.wsi.formats.tiff import tag_rules
from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.directories import FLOATS, Directory, Tiff, broken

REDUCED, MASK, REDUCED_MACRO = 1, 4, 9
SHAPE_SLACK = 0.02  # a level's sides are to each other as the scan's, but for rounding
SLACK_PX = 2
LABEL, MACRO, LABEL_OR_MACRO, THUMBNAIL, MAP, OTHERS = (
    "label picture", "macro picture", "label or macro picture", "thumbnail picture", "map picture", "further pictures",
)  # fmt: skip


@dataclasses.dataclass
class Chosen:
    """kept: the scan's main directories in order. dropped: the others; left_out: the same in words."""

    method: str
    order: str
    kept: list[Directory]
    dropped: list[Directory] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)
    ome: Ome | None = None

    def drop(self, directory: Directory, what: str) -> None:
        """Leave a directory out."""
        self.dropped.append(directory)
        self.left_out.append(what)

    def levels_below(self, directory: Directory, below: list[Directory]) -> list[Directory]:
        """Of the directories that hang below one those that are its smaller levels."""
        return [each for each in below if is_tiled(each) and is_level_of(each, directory, self.order)]


def choose(tiff: Tiff) -> Chosen:
    """Sort the main directories by the way of the file's maker."""
    directories = tiff.directories()
    description = directories[0].text(tag_rules.DESCRIPTION)
    if tiff.layout.ndpi:
        return _of_hamamatsu(directories, tiff.layout.order)
    if ome_text.is_ome(description):
        return _of_ome(directories, description, tiff.layout.order)
    if aperio_text.is_aperio(description) and is_tiled(directories[0]):
        return _of_aperio(directories, tiff.layout.order)
    return _of_plain(directories, tiff.layout.order)


def is_level_of(small: Directory, first: Directory, order: str) -> bool:
    """Whether a picture has the sides of another one made smaller."""
    w, h = (small.number(tag, order) for tag in (tag_rules.WIDTH, tag_rules.HEIGHT))
    full_w, full_h = (first.number(tag, order) for tag in (tag_rules.WIDTH, tag_rules.HEIGHT))
    if not (0 < w <= full_w and 0 < h <= full_h):
        return False
    expected = w * full_h / full_w
    return abs(h - expected) <= max(SLACK_PX, SHAPE_SLACK * expected)


def _of_hamamatsu(directories: list[Directory], order: str) -> Chosen:
    """Levels have a lens; the macro's is -1 and the map's -2."""
    chosen = Chosen("hamamatsu", order, [])
    for directory in directories:
        lens = _lens(directory, order)
        if lens > 0:
            chosen.kept.append(directory)
        else:
            chosen.drop(directory, MACRO if lens == -1 else MAP)
    if not chosen.kept:
        raise broken()
    return chosen


def _lens(directory: Directory, order: str) -> float:
    entry = directory.entries.get(tag_rules.NDPI_LENS)
    if entry is None or entry.count != 1 or entry.kind not in FLOATS:
        return 0.0
    return entry.fraction(order)


def _of_ome(directories: list[Directory], description: str, order: str) -> Chosen:
    """What the XML's pictures name, less the label, macro and overview."""
    ome = Ome(description)
    chosen = Chosen("ome", order, [], ome=ome)
    for number, directory in enumerate(directories):
        if number in ome.kept:
            chosen.kept.append(directory)
        else:
            chosen.drop(directory, LABEL_OR_MACRO if ome.has_dropped else OTHERS)
    if not chosen.kept:
        raise broken()
    return chosen


def _of_aperio(directories: list[Directory], order: str) -> Chosen:
    """The scan's levels are in tiles; the thumbnail, label and macro in strips."""
    chosen = Chosen("aperio", order, [directories[0]])
    for directory in directories[1:]:
        kind = aperio_text.picture_kind(directory.text(tag_rules.DESCRIPTION))
        subfile = directory.number(tag_rules.SUBFILE_TYPE, order)
        if kind == "macro" or subfile == REDUCED_MACRO:
            chosen.drop(directory, MACRO)
        elif kind == "label" or (subfile == REDUCED and not is_tiled(directory)):
            chosen.drop(directory, LABEL)
        elif not is_tiled(directory):
            chosen.drop(directory, THUMBNAIL)
        elif is_level_of(directory, directories[0], order):
            chosen.kept.append(directory)
        else:
            chosen.drop(directory, OTHERS)
    return chosen


def _of_plain(directories: list[Directory], order: str) -> Chosen:
    """The first picture and, where it has tiles, its smaller levels in tiles."""
    first = directories[0]
    chosen = Chosen("tiff", order, [first])
    for directory in directories[1:]:
        words = directory.text(tag_rules.DESCRIPTION).lower()
        subfile = directory.number(tag_rules.SUBFILE_TYPE, order)
        if subfile in (MASK, REDUCED_MACRO) or any(word in words for word in ome_text.NOT_SCENES):
            chosen.drop(directory, MACRO if subfile == REDUCED_MACRO or "macro" in words else LABEL)
        elif is_tiled(first) and is_tiled(directory) and is_level_of(directory, first, order):
            chosen.kept.append(directory)
        else:
            chosen.drop(directory, OTHERS)
    return chosen
