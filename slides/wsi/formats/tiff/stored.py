"""The levels of a TIFF that are stored in JPEG tiles, whoever its maker is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tifffile

from slides.wsi import jpeg_parts
from slides.wsi.formats.base import StoredLevel
from slides.wsi.formats.tiff.chain import refuse_tangled
from slides.wsi.formats.tiff.pages import open_tiff
from slides.wsi.formats.tiff.samples import SPOILT

MOST_PAGES = 600


def stored_levels(number: int, path: Path) -> list[StoredLevel]:
    """See `Format.stored_levels`; none of a file that does not open."""
    refuse_tangled(path)
    try:
        with open_tiff(path) as tiff:
            return [level for page in tiff_pages(tiff) if (level := tiff_level(number, page))]
    except SPOILT:
        return []


def tiff_pages(tiff: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """All pages and those in their SubIFDs."""
    for count, page in enumerate(tiff.pages):
        if count >= MOST_PAGES:
            return
        if isinstance(page, tifffile.TiffPage):
            yield page
            yield from (sub for sub in page.pages or () if isinstance(sub, tifffile.TiffPage))


def tiff_level(number: int, page: tifffile.TiffPage) -> StoredLevel | None:
    """A page stored in square JPEG tiles, colours beside each other in each; else None."""
    if (
        not page.is_tiled
        or page.compression != tifffile.COMPRESSION.JPEG
        or page.planarconfig != tifffile.PLANARCONFIG.CONTIG
        or page.tilewidth != page.tilelength
        or page.jpegheader is not None
    ):
        return None
    transform = jpeg_parts.YCBCR if page.photometric == tifffile.PHOTOMETRIC.YCBCR else jpeg_parts.RGB
    columns = -(-page.imagewidth // page.tilewidth)
    if len(page.dataoffsets) < columns * -(-page.imagelength // page.tilelength):
        return None
    return StoredLevel(
        number, page.imagewidth, page.imagelength, page.tilewidth, columns, page.jpegtables, transform,
        page.dataoffsets, page.databytecounts,
    )  # fmt: skip
