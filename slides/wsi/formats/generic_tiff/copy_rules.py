"""What a working copy of a TIFF without a maker keeps: its first picture with that one's levels."""

from __future__ import annotations

from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import Directory
from slides.wsi.formats.tiff.kept_pages import LABEL, MACRO, MASK, OTHERS, REDUCED_MACRO, Chosen, is_level_of
from slides.wsi.formats.tiff.tag_rules import DESCRIPTION, SUBFILE_TYPE
from slides.wsi.formats.tiff.words import NOT_SCENES


class GenericRules(CopyRules):
    """See `CopyRules`."""

    method = "tiff"

    def choose(self, directories: list[Directory], order: str) -> Chosen:
        """The first picture and, where it has tiles, its smaller levels in tiles."""
        first = directories[0]
        chosen = Chosen(order, [first])
        for directory in directories[1:]:
            words = directory.text(DESCRIPTION).lower()
            subfile = directory.number(SUBFILE_TYPE, order)
            if subfile in (MASK, REDUCED_MACRO) or any(word in words for word in NOT_SCENES):
                chosen.drop(directory, MACRO if subfile == REDUCED_MACRO or "macro" in words else LABEL)
            elif is_tiled(first) and is_tiled(directory) and is_level_of(directory, first, order):
                chosen.kept.append(directory)
            else:
                chosen.drop(directory, OTHERS)
        return chosen
