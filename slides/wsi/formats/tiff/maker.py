"""A format whose files are TIFFs, told by the maker that OpenSlide names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slides.wsi.deid.api import NO_COPY, Deidentified
from slides.wsi.formats.base import Format, SlideFiles, StoredLevel
from slides.wsi.formats.tiff.content import TIFF

if TYPE_CHECKING:
    from slides.wsi.formats.by_openslide import OpenSlideSource
    from slides.wsi.formats.source import Source
    from slides.wsi.formats.tiff.copy_rules import CopyRules


class TiffFormat(Format):
    """What makers' TIFFs have in common: OpenSlide reads them, and tiles that are JPEGs can be sent.

    vendor: OpenSlide's name of the maker. model_field: its property that holds the scanner's model, "" for none.
    """

    content = TIFF
    vendor: str
    model_field: str = ""

    def claims(self, files: SlideFiles) -> bool:
        """See `Format`."""
        return files.vendor == self.vendor

    def open(self, files: SlideFiles, scene: int) -> Source:
        """By OpenSlide alone."""
        return self.open_by_openslide(files)

    def open_by_openslide(self, files: SlideFiles) -> OpenSlideSource:
        """The slide as OpenSlide shows it."""
        from slides.wsi.formats.by_openslide import OpenSlideSource

        return OpenSlideSource(files.first, self.name, self.vendor, self.model_field)

    def copy_rules(self) -> CopyRules | None:
        """What of a maker's own a working copy keeps; None where nobody knows that, so that none is made."""
        return None

    def rewrite(self, files: SlideFiles, folder: Path) -> Deidentified:
        """By `copy_rules`."""
        rules = self.copy_rules()
        if rules is None:
            return NO_COPY
        from slides.wsi.formats.tiff.working_copy import rewrite

        suffix = files.first.suffix.lower()
        return rewrite(files.first, folder / f"slide{suffix if suffix in self.suffixes else self.suffixes[0]}", rules)

    def stored_levels(self, number: int, path: Path) -> list[StoredLevel]:
        """See `Format`."""
        from slides.wsi.formats.tiff.stored import stored_levels

        return stored_levels(number, path)
