"""The one level of a DICOM instance, where its frames are JPEGs that can be sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.errors import InvalidDicomError

from slides.wsi import jpeg_parts
from slides.wsi.formats.base import StoredLevel

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
ITEM, PIXEL_DATA = b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00"


def dicom_levels(number: int, file: Path) -> list[StoredLevel]:
    """The one level of a DICOM instance whose frames are baseline JPEG, one fragment each, in rows; else none."""
    try:
        with file.open("rb") as handle:
            data = pydicom.dcmread(handle, stop_before_pixels=True)
            place = handle.tell()
            width, height = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
            tile_px, kind = int(data.Columns), data.get("DimensionOrganizationType", "")
            plain = data.file_meta.TransferSyntaxUID == JPEG_BASELINE and kind == "TILED_FULL"
            planes = int(data.get("TotalPixelMatrixFocalPlanes", 1)) * int(data.get("NumberOfOpticalPaths", 1))
            if not plain or planes != 1 or int(data.Rows) != tile_px or "ConcatenationUID" in data:
                return []
            items = list(fragments(handle, place))
            count = int(data.NumberOfFrames)
    except (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError, OSError, EOFError, RecursionError):
        return []
    columns = -(-width // tile_px)
    if len(items) != count or count < columns * -(-height // tile_px):
        return []
    transform = jpeg_parts.RGB if data.PhotometricInterpretation == "RGB" else jpeg_parts.YCBCR
    offsets, lengths = zip(*items, strict=True)
    return [StoredLevel(number, width, height, tile_px, columns, None, transform, offsets, lengths)]


def fragments(handle: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of each item of the encapsulated pixel data at `place`, behind its offset table."""
    handle.seek(place)
    if handle.read(12)[:4] != PIXEL_DATA:
        raise ValueError("no pixel data")
    at, first = place + 12, True
    while (head := handle.read(8))[:4] == ITEM:
        (length,) = struct.unpack("<I", head[4:])
        if not first:
            yield at + 8, length
        at, first = at + 8 + length, False
        handle.seek(at)
