"""OME-TIFF: its first page describes in XML which pages are which picture, plane and channel; levels are SubIFDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slides.wsi.formats import generic_tiff
from slides.wsi.formats.base import SlideFiles
from slides.wsi.formats.tiff.maker import TiffFormat

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source
    from slides.wsi.formats.tiff.copy_rules import CopyRules


class OmeTiff(TiffFormat):
    """By tifffile, which knows scenes and planes; by OpenSlide what tifffile does not open."""

    name = "OME-TIFF"
    suffixes = generic_tiff.FORMAT.suffixes
    vendor = generic_tiff.FORMAT.vendor

    def claims(self, files: SlideFiles) -> bool:
        """See `Format`."""
        from slides.wsi.formats.tiff.pages import is_ome

        return generic_tiff.FORMAT.claims(files) and is_ome(files.description)

    def suffix_name(self) -> str:
        """See `Format`."""
        return generic_tiff.FORMAT.name

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.ome.scenes import pick_scene
        from slides.wsi.formats.tiff.opening import open_by_either, open_by_tifffile

        if files.vendor is None:
            return open_by_tifffile(files.first, pick_scene, scene)
        plain = generic_tiff.FORMAT
        return open_by_either(files.first, pick_scene, scene, lambda: plain.open_by_openslide(files))

    def copy_rules(self) -> CopyRules:
        """See `TiffFormat`."""
        from slides.wsi.formats.ome.copy_rules import OmeRules

        return OmeRules()


FORMAT = OmeTiff()
