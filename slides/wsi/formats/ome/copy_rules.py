"""What a working copy of an OME-TIFF keeps: the pictures that its XML names, and of the XML how they are laid out."""

from __future__ import annotations

from slides.wsi.formats.ome import description
from slides.wsi.formats.ome.description import Ome
from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import Tiff, broken
from slides.wsi.formats.tiff.kept_pages import LABEL_OR_MACRO, OTHERS, Chosen
from slides.wsi.formats.tiff.tag_rules import DESCRIPTION
from slides.wsi.formats.tiff.words import Words


class OmeRules(CopyRules):
    """See `CopyRules`."""

    method = "ome"
    own_words = description.OWN_WORDS
    _ome: Ome

    def choose(self, tiff: Tiff) -> Chosen:
        """What the XML's pictures name, less the label, macro and overview."""
        directories = tiff.directories()
        ome = self._ome = Ome(directories[0].text(DESCRIPTION))
        chosen = Chosen(tiff, [])
        for number, directory in enumerate(directories):
            if number in ome.kept:
                chosen.kept.append(directory)
            else:
                chosen.drop(directory, LABEL_OR_MACRO if ome.has_dropped else OTHERS)
        if not chosen.kept:
            raise broken()
        return chosen

    def description(self, text: str, is_first: bool) -> Words | None:
        """The XML of the whole file, at its first directory."""
        return self._ome.rewritten() if is_first else None
