"""What a working copy of a TIFF without a maker keeps: its scans with their levels."""

from __future__ import annotations

from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import Directory, Tiff
from slides.wsi.formats.tiff.kept_pages import LABEL, MACRO, OTHERS, Chosen, choose_scans
from slides.wsi.formats.tiff.scans import MASK, REDUCED_MACRO
from slides.wsi.formats.tiff.tag_rules import DESCRIPTION, SUBFILE_TYPE
from slides.wsi.formats.tiff.words import is_named_beside


class GenericRules(CopyRules):
    """See `CopyRules`."""

    method = "tiff"

    def choose(self, tiff: Tiff) -> Chosen:
        """The scans, each with its levels behind it, so that other readers find the largest first as well."""
        chosen = choose_scans(tiff, is_named_beside)
        kept = {directory.offset for directory in chosen.kept}
        for directory in tiff.directories():
            if directory.offset not in kept:
                chosen.drop(directory, _left_out(directory, tiff.layout.order))
        return chosen


def _left_out(directory: Directory, order: str) -> str:
    words, kind = directory.text(DESCRIPTION), directory.number(SUBFILE_TYPE, order)
    if kind == REDUCED_MACRO or (is_named_beside(words) and "macro" in words.lower()):
        return MACRO
    return LABEL if kind & MASK or is_named_beside(words) else OTHERS
