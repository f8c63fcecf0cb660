"""The one level of a DICOM instance, where its frames are JPEGs that can be sent."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import JPEGBaseline8Bit

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.base import StoredLevel
from slides.wsi.formats.dicom.coded import START_BYTES, Coded, find_frames
from slides.wsi.formats.dicom.colours import frame_colours

BROKEN = (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError, OSError, EOFError, RecursionError)


def dicom_levels(number: int, file: Path) -> list[StoredLevel]:
    """The one level of a DICOM instance whose frames are baseline JPEG of colours, one fragment each, in rows."""
    try:
        data = pydicom.dcmread(file, stop_before_pixels=True)
        coded = Coded.of(data)
        width, height = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
        plain = coded.syntax == JPEGBaseline8Bit and data.get("DimensionOrganizationType", "") == "TILED_FULL"
        planes = int(data.get("TotalPixelMatrixFocalPlanes", 1)) * int(data.get("NumberOfOpticalPaths", 1))
        if not plain or planes != 1 or coded.rows != coded.columns or coded.samples != 3 or "ConcatenationUID" in data:
            return []
        frames = find_frames(file, data, coded)
        colours = _colours(file, [pieces[0] for pieces in frames], coded.photometric)
    except (*BROKEN, SlideRefused):
        return []
    columns = -(-width // coded.columns)
    if any(len(pieces) != 1 for pieces in frames) or len(frames) < columns * -(-height // coded.columns):
        return []
    # One marker goes before all tiles of a level: those that mean other colours are decoded.
    offsets = [offset for ((offset, _),) in frames]
    lengths = [length if meant == colours[0] else 0 for ((_, length),), meant in zip(frames, colours, strict=True)]
    return [StoredLevel(number, width, height, coded.columns, columns, None, colours[0], offsets, lengths)]


def _colours(file: Path, frames: list[tuple[int, int]], photometric: str) -> list[int]:
    """How the samples of each frame are meant."""
    found = []
    with file.open("rb") as handle:
        for offset, length in frames:
            handle.seek(offset)
            found.append(frame_colours(handle.read(min(length, START_BYTES)), JPEGBaseline8Bit, photometric))
    return found
