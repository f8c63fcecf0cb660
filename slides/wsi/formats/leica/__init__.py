"""Leica SCN: a BigTIFF whose XML says where on the glass its pictures lie. No working copy is made of it."""

from __future__ import annotations

from slides.wsi.formats.tiff.maker import TiffFormat


class LeicaScn(TiffFormat):
    """By OpenSlide."""

    name = "Leica SCN"
    suffixes = (".scn",)
    vendor, model_field = "leica", "leica.device-model"


FORMAT = LeicaScn()
