"""What a working copy of an NDPI keeps: the levels of all planes, and the scanner's model."""

from __future__ import annotations

from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import FLOATS, Entry, Tiff, broken
from slides.wsi.formats.tiff.kept_pages import MACRO, MAP, Chosen
from slides.wsi.formats.tiff.tag_rules import NDPI_LENS, NDPI_PROPERTIES
from slides.wsi.formats.tiff.words import Words
from slides.wsi.metadata import known_scanner


class HamamatsuRules(CopyRules):
    """See `CopyRules`."""

    method = "hamamatsu"

    def choose(self, tiff: Tiff) -> Chosen:
        """Levels have a lens; the macro's is -1 and the map's -2."""
        chosen, order = Chosen(tiff, []), tiff.layout.order
        for directory in tiff.directories():
            entry = directory.entries.get(NDPI_LENS)
            lens = entry.fraction(order) if entry and entry.count == 1 and entry.kind in FLOATS else 0.0
            if lens > 0:
                chosen.kept.append(directory)
            else:
                chosen.drop(directory, MACRO if lens == -1 else MAP)
        if not chosen.kept:
            raise broken()
        return chosen

    def kept_text(self, entry: Entry) -> Words | None:
        """Of the lines of properties the scanner's model."""
        if entry.tag != NDPI_PROPERTIES:
            return None
        words = Words()
        for line in entry.text().splitlines():
            key, _, value = line.partition("=")
            model = known_scanner("Hamamatsu", value).removeprefix("Hamamatsu").strip()
            if key == "Product" and model == value and not words.text:
                words.text = f"Product={model}\r\n"
            elif line.strip():
                words.drop(value)
        return words

    def dropped_text(self, entry: Entry) -> Words | None:
        """The properties but for the model, which other directories keep."""
        return self.kept_text(entry)
