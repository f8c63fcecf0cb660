"""Hamamatsu NDPI: a classic TIFF with offsets of 8 bytes, one JPEG for each level and focus plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slides.wsi.formats.base import SlideFiles
from slides.wsi.formats.tiff.maker import TiffFormat

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source
    from slides.wsi.formats.tiff.copy_rules import CopyRules


class HamamatsuNdpi(TiffFormat):
    """By OpenSlide, which shows the plane at the scanner's focus."""

    name = "Hamamatsu NDPI"
    suffixes = (".ndpi",)
    vendor, model_field = "hamamatsu", "hamamatsu.Product"

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.hamamatsu.planes import plane_hints

        source = self.open_by_openslide(files)
        source.hints += plane_hints(files.first)
        return source

    def copy_rules(self) -> CopyRules:
        """See `TiffFormat`."""
        from slides.wsi.formats.hamamatsu.copy_rules import HamamatsuRules

        return HamamatsuRules()


FORMAT = HamamatsuNdpi()
