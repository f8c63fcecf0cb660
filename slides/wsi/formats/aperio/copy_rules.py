"""What a working copy of an SVS keeps: the levels in tiles, and of descriptions sizes, coding and optics."""

from __future__ import annotations

from slides.wsi.formats.aperio import description
from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import Directory, Entry
from slides.wsi.formats.tiff.kept_pages import (
    LABEL,
    MACRO,
    OTHERS,
    REDUCED,
    REDUCED_MACRO,
    THUMBNAIL,
    Chosen,
    is_level_of,
)  # fmt: skip
from slides.wsi.formats.tiff.tag_rules import DESCRIPTION, SUBFILE_TYPE
from slides.wsi.formats.tiff.words import Words


class AperioRules(CopyRules):
    """See `CopyRules`."""

    method = "aperio"
    own_words = description.OWN_WORDS

    def choose(self, directories: list[Directory], order: str) -> Chosen:
        """The scan's levels are in tiles; the thumbnail, label and macro in strips."""
        chosen = Chosen(order, [directories[0]])
        for directory in directories[1:]:
            kind = description.picture_kind(directory.text(DESCRIPTION))
            subfile = directory.number(SUBFILE_TYPE, order)
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

    def description(self, text: str, is_first: bool) -> Words | None:
        """See `CopyRules`."""
        return description.rewritten(text) if description.is_aperio(text) else None

    def dropped_text(self, entry: Entry) -> Words | None:
        """Its fields: the first lines say "label" or "macro", which is no identifier; "Aperio" stays in the copy."""
        if entry.tag != DESCRIPTION or not description.is_aperio(entry.text()):
            return None
        return description.rewritten("|" + entry.text().partition("|")[2])
