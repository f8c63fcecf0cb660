"""Levels of a DICOM slide that leave out frames which level 0 has.

Only a sparse one can (TILED_SPARSE, PS3.3 C.7.6.17.3): each of its frames says its place. They are looked at where
there are fewer than the level has places, since to read them all takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from slides.wsi.formats.holes import Gaps, Tiles, find_gaps

SPARSE, VOLUME = "TILED_SPARSE", "VOLUME"
TAGS = [
    "ImageType", "DimensionOrganizationType", "NumberOfFrames", "Rows", "Columns", "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
]  # fmt: skip


def find_dicom_gaps(paths: Sequence[Path]) -> Gaps:
    """What of the smaller levels is to be left aside. paths: of files that make up one slide and were opened before."""
    heads = [(path, pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)) for path in paths]
    volumes = sorted(
        ((path, head) for path, head in heads if VOLUME in head.ImageType),
        key=lambda pair: -pair[1].TotalPixelMatrixColumns,
    )
    sizes = [(head.TotalPixelMatrixColumns, head.TotalPixelMatrixRows) for _, head in volumes]
    if len(set(sizes)) < len(sizes) or not any(_has_fewer(head) for _, head in volumes[1:]):
        return Gaps()  # parts of one level in several files are told of elsewhere
    return find_gaps([_tiles(path, head) for path, head in volumes])


def _grid(head: Dataset) -> tuple[int, int]:
    """Rows and columns of frames that a level has places for."""
    return -(-head.TotalPixelMatrixRows // head.Rows), -(-head.TotalPixelMatrixColumns // head.Columns)


def _has_fewer(head: Dataset) -> bool:
    rows, columns = _grid(head)
    return head.get("DimensionOrganizationType", "") == SPARSE and int(head.get("NumberOfFrames") or 1) < rows * columns


def _tiles(path: Path, head: Dataset) -> Tiles:
    rows, columns = _grid(head)
    stored = np.full((rows, columns), not _has_fewer(head))
    if _has_fewer(head):
        for row, column in _places(path, head):
            if 0 <= row < rows and 0 <= column < columns:
                stored[row, column] = True
    size = head.TotalPixelMatrixColumns, head.TotalPixelMatrixRows, head.Columns, head.Rows
    return Tiles(stored, *map(int, size))


def _places(path: Path, head: Dataset) -> Iterator[tuple[int, int]]:
    """Row and column of each frame."""
    told = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PerFrameFunctionalGroupsSequence"])
    for frame in told.get("PerFrameFunctionalGroupsSequence") or ():
        for place in frame.get("PlanePositionSlideSequence") or ():
            yield (
                (int(place.RowPositionInTotalImagePixelMatrix) - 1) // head.Rows,
                (int(place.ColumnPositionInTotalImagePixelMatrix) - 1) // head.Columns,
            )
