"""Aperio SVS: tiles in pages, the first of which says "Aperio"; the label and the macro are pages in strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slides.wsi.formats import generic_tiff
from slides.wsi.formats.base import SlideFiles
from slides.wsi.formats.tiff.maker import TiffFormat

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source
    from slides.wsi.formats.tiff.copy_rules import CopyRules


class AperioSvs(TiffFormat):
    """By tifffile where that gives the same pixels, else by OpenSlide."""

    name = "Aperio SVS"
    suffixes = (".svs", ".tif", ".tiff")
    vendor, model_field = "aperio", "aperio.ScannerType"

    def claims(self, files: SlideFiles) -> bool:
        """See `Format`. OpenSlide knows the maker only where the first page is in tiles; a thumbnail may come first."""
        if super().claims(files):
            return True
        from slides.wsi.formats.aperio.description import is_aperio

        return generic_tiff.FORMAT.claims(files) and is_aperio(files.description)

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.aperio.levels import is_reduced, pick_picture
        from slides.wsi.formats.tiff.opening import open_quickest

        source = open_quickest(
            files.first, pick_picture, scene, lambda: self.open_by_openslide(files), needs_openslide=True
        )
        source.power_is_apparent = True  # AppMag
        source.is_reduced = is_reduced(files.first, source.levels[0].width)
        return source

    def copy_rules(self) -> CopyRules:
        """See `TiffFormat`."""
        from slides.wsi.formats.aperio.copy_rules import AperioRules

        return AperioRules()


FORMAT = AperioSvs()
