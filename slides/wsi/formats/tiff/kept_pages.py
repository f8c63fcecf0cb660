"""Which of a TIFF's directories are the scan, and which are labels, macros, thumbnails and other pictures."""

from __future__ import annotations

import dataclasses

from slides.wsi.formats.tiff import tag_rules
from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.directories import Directory

REDUCED, MASK, REDUCED_MACRO = 1, 4, 9
SHAPE_SLACK = 0.02  # a level's sides are to each other as the scan's, but for rounding
SLACK_PX = 2
LABEL, MACRO, LABEL_OR_MACRO, THUMBNAIL, MAP, OTHERS = (
    "label picture", "macro picture", "label or macro picture", "thumbnail picture", "map picture", "further pictures",
)  # fmt: skip


@dataclasses.dataclass
class Chosen:
    """order: of bytes. kept: the scan's main directories in order. dropped: the others; left_out: the same in words."""

    order: str
    kept: list[Directory]
    dropped: list[Directory] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)

    def drop(self, directory: Directory, what: str) -> None:
        """Leave a directory out."""
        self.dropped.append(directory)
        self.left_out.append(what)

    def levels_below(self, directory: Directory, below: list[Directory]) -> list[Directory]:
        """Of the directories that hang below one those that are its smaller levels."""
        return [each for each in below if is_tiled(each) and is_level_of(each, directory, self.order)]


def is_level_of(small: Directory, first: Directory, order: str) -> bool:
    """Whether a picture has the sides of another one made smaller."""
    w, h = (small.number(tag, order) for tag in (tag_rules.WIDTH, tag_rules.HEIGHT))
    full_w, full_h = (first.number(tag, order) for tag in (tag_rules.WIDTH, tag_rules.HEIGHT))
    if not (0 < w <= full_w and 0 < h <= full_h):
        return False
    expected = w * full_h / full_w
    return abs(h - expected) <= max(SLACK_PX, SHAPE_SLACK * expected)
