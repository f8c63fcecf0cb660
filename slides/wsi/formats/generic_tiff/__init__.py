"""TIFFs that name no maker: pyramids in tiles, and images in strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slides.wsi.formats.base import SlideFiles
from slides.wsi.formats.tiff.maker import TiffFormat

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source
    from slides.wsi.formats.tiff.copy_rules import CopyRules


class GenericTiff(TiffFormat):
    """By tifffile where OpenSlide does not know the file or gives the same pixels, else by OpenSlide."""

    name = "Tiled TIFF"
    suffixes = (".tif", ".tiff")
    vendor = "generic-tiff"  # of those in tiles of a coding that it reads; it knows no others

    def claims(self, files: SlideFiles) -> bool:
        """See `Format`."""
        return files.vendor in (None, self.vendor)

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.tiff.opening import open_by_tifffile, open_quickest
        from slides.wsi.formats.tiff.pages import pick_picture

        if files.vendor is None:
            return open_by_tifffile(files.first, pick_picture, scene)
        return open_quickest(
            files.first, pick_picture, scene, lambda: self.open_by_openslide(files), needs_openslide=False
        )

    def copy_rules(self) -> CopyRules:
        """See `TiffFormat`."""
        from slides.wsi.formats.generic_tiff.copy_rules import GenericRules

        return GenericRules()


FORMAT = GenericTiff()
