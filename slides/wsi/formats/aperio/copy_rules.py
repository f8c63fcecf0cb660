"""What a working copy of an SVS keeps: the levels in tiles, and of descriptions sizes, coding and optics."""

from __future__ import annotations

from slides.wsi.formats.aperio import description
from slides.wsi.formats.tiff.coded_pixels import is_tiled
from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import Entry, Tiff
from slides.wsi.formats.tiff.kept_pages import LABEL, MACRO, OTHERS, THUMBNAIL, Chosen, choose_scans
from slides.wsi.formats.tiff.scans import REDUCED, REDUCED_MACRO
from slides.wsi.formats.tiff.tag_rules import DESCRIPTION, SUBFILE_TYPE
from slides.wsi.formats.tiff.words import Words


class AperioRules(CopyRules):
    """See `CopyRules`."""

    method = "aperio"
    own_words = description.OWN_WORDS

    def choose(self, tiff: Tiff) -> Chosen:
        """The scan's levels are in tiles; the thumbnail, label and macro in strips.

        The largest comes first, where OpenSlide looks for it, unless it does not say the maker, as the first must.
        """
        chosen, order = choose_scans(tiff, lambda text: description.picture_kind(text) != ""), tiff.layout.order
        scans, directories = {directory.offset for directory in chosen.kept}, tiff.directories()
        if not description.is_aperio(chosen.kept[0].text(DESCRIPTION)):
            places = {directory.offset: place for place, directory in enumerate(directories)}
            chosen.kept.sort(key=lambda directory: places.get(directory.offset, len(places)))
        for directory in directories:
            if directory.offset in scans:
                continue
            kind = description.picture_kind(directory.text(DESCRIPTION))
            subfile = directory.number(SUBFILE_TYPE, order)
            if kind == "macro" or subfile == REDUCED_MACRO:
                chosen.drop(directory, MACRO)
            elif kind == "label" or (subfile == REDUCED and not is_tiled(directory)):
                chosen.drop(directory, LABEL)
            elif not is_tiled(directory):
                chosen.drop(directory, THUMBNAIL)
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
