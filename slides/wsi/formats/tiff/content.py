"""What a TIFF is by its first bytes."""

from __future__ import annotations

import struct
from pathlib import Path

from slides.wsi.formats.base import Content
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.tiff import chain

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class TiffContent(Content):
    """Classic and BigTIFF in both byte orders."""

    word = "TIFF"

    def starts(self, head: bytes) -> bool:
        """See `Content`."""
        return head[:4] in MAGICS

    def refuse_cut(self, head: bytes, file_bytes: int) -> None:
        """Refuse a file whose first directory lies behind its end."""
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        needed = 16 if big else 8
        if len(head) < needed:
            raise cut_off(file_bytes)
        (directory,) = struct.unpack_from(order + ("Q" if big else "I"), head, needed - (8 if big else 4))
        if directory >= file_bytes:
            raise cut_off(file_bytes)

    def refuse_tangled(self, path: Path) -> None:
        """Refuse a file whose directories run in a circle, or whose description is XML that never ends."""
        chain.refuse_tangled(path)
        from slides.wsi.formats.tiff.pages import refuse_unsafe_xml

        refuse_unsafe_xml(path)

    def refuse_missing_parts(self, path: Path) -> None:
        """Refuse a file of which a tile or strip lies behind its end."""
        from slides.wsi.formats.tiff.pages import refuse_missing_parts

        refuse_missing_parts(path)


TIFF = TiffContent()
