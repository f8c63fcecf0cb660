"""Follow a TIFF's chain of directories before any library does: one that runs in a circle would hold them for ever."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off

MAX_DIRECTORIES = 5000
MAX_ENTRIES = 1000
NDPI_TAG = 65420  # Hamamatsu's classic TIFFs have offsets of 8 bytes between directories


def refuse_tangled(path: Path) -> None:
    """Refuse a file whose chain of directories leads out of it, in a circle, or never ends."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        order, big = ("<" if head[:2] == b"II" else ">"), b"+" in head[2:]
        file.seek(8 if big else 4)
        (offset,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
        is_ndpi = False
        seen: set[int] = set()
        while offset:
            if offset in seen or len(seen) >= MAX_DIRECTORIES:
                raise SlideRefused("The TIFF file is damaged: its directories run in a circle.", "broken")
            seen.add(offset)
            if offset >= size:
                raise cut_off(size)
            file.seek(offset)
            count = _number(file, order + ("Q" if big else "H"), size)
            if count > MAX_ENTRIES:
                raise SlideRefused("The TIFF file is damaged: a directory is too long.", "broken")
            entries = _exactly(file, count * (20 if big else 12), size)
            if len(seen) == 1 and not big:
                is_ndpi = any(tag == NDPI_TAG for (tag,) in struct.iter_unpack(order + "H10x", entries))
            offset = _number(file, order + ("Q" if big or is_ndpi else "I"), size)


def _number(file: BinaryIO, layout: str, size: int) -> int:
    return struct.unpack(layout, _exactly(file, struct.calcsize(layout), size))[0]


def _exactly(file: BinaryIO, count: int, size: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise cut_off(size)
    return data
