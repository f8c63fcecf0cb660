"""Which numbers an attribute of a DICOM slide may hold: as many as the standard says, of a size that slides have.

How many: PS3.6. Sizes: PS3.3, C.7.6.16 and C.8.12; letters written as numbers are larger, or more, than these.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement

MOST_PX, MOST_FRAMES, MOST_MM, MOST_UM = 1 << 28, 10_000_000, 1000, 1_000_000
MOST_SHORT = 0xFFFF
ANY = 8  # values where the standard has no end
# Attribute → how many values at most, the smallest and the largest.
RANGES = {
    "SamplesPerPixel": (1, 1, 4), "PlanarConfiguration": (1, 0, 1), "NumberOfFrames": (1, 0, MOST_FRAMES),
    "Rows": (1, 0, MOST_SHORT), "Columns": (1, 0, MOST_SHORT), "BitsAllocated": (1, 1, 64), "BitsStored": (1, 1, 64),
    "HighBit": (1, 0, 63), "PixelRepresentation": (1, 0, 1), "PixelPaddingValue": (1, -32_768, MOST_SHORT),
    "SmallestImagePixelValue": (1, -32_768, MOST_SHORT), "LargestImagePixelValue": (1, -32_768, MOST_SHORT),
    "RepresentativeFrameNumber": (1, 0, MOST_SHORT), "LossyImageCompressionRatio": (ANY, 0, 100_000),
    "PixelSpacing": (2, 0, 10), "SliceThickness": (1, 0, MOST_MM), "SpacingBetweenSlices": (1, -MOST_MM, MOST_MM),
    "InstanceNumber": (1, 0, 100_000), "SeriesNumber": (1, 0, 100_000), "InConcatenationNumber": (1, 0, MOST_SHORT),
    "InConcatenationTotalNumber": (1, 0, MOST_SHORT), "ConcatenationFrameOffsetNumber": (1, 0, MOST_FRAMES),
    "TotalPixelMatrixColumns": (1, 0, MOST_PX), "TotalPixelMatrixRows": (1, 0, MOST_PX),
    "TotalPixelMatrixFocalPlanes": (1, 0, 10_000), "NumberOfOpticalPaths": (1, 0, 1000),
    "ImagedVolumeWidth": (1, 0, MOST_UM), "ImagedVolumeHeight": (1, 0, MOST_UM), "ImagedVolumeDepth": (1, 0, MOST_UM),
    "ImageOrientationSlide": (6, -1.001, 1.001), "NumberOfFocalPlanes": (1, 0, 10_000),
    "DistanceBetweenFocalPlanes": (1, 0, MOST_UM), "RecommendedAbsentPixelCIELabValue": (3, 0, MOST_SHORT),
    "DimensionIndexValues": (ANY, 0, MOST_FRAMES), "XOffsetInSlideCoordinateSystem": (1, -MOST_MM, MOST_MM),
    "YOffsetInSlideCoordinateSystem": (1, -MOST_MM, MOST_MM), "ZOffsetInSlideCoordinateSystem": (1, -MOST_UM, MOST_UM),
    "ColumnPositionInTotalImagePixelMatrix": (1, -MOST_PX, MOST_PX),
    "RowPositionInTotalImagePixelMatrix": (1, -MOST_PX, MOST_PX), "IlluminationWaveLength": (1, 0, 3000),
    "ObjectiveLensPower": (1, 0, 1000), "ObjectiveLensNumericalAperture": (1, 0, 3),
    "CondenserLensPower": (1, 0, 1000), "FrameAcquisitionNumber": (1, 0, 8191),
}  # fmt: skip
POINTERS = {"DimensionIndexPointer", "FunctionalGroupPointer"}  # to attributes of the standard
TABLES = {"ExtendedOffsetTable", "ExtendedOffsetTableLengths"}  # before the pixels: where each frame lies
NUMBERS = {*RANGES, *POINTERS, *TABLES}
LETTERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
TEXTS = {"DS", "IS"}
AS_TEXT = re.compile(r"[+-]?(\d{1,14}(\.\d{0,14})?|\.\d{1,14})([eE][+-]?\d{1,2})?")
MAX_TEXT_CHARS = 16
SPELLED = re.compile(rb"[A-Za-z0-9 ,.'^-]{6,}")
ITEM_BYTES, MOST_FRAME_BYTES = 8, 256 * 2**20
# Sequences with more than one item; that of frames has one for each.
ITEMS = {
    "DimensionOrganizationSequence": 8, "DimensionIndexSequence": 8, "OpticalPathSequence": 64,
    "OpticalPathIdentificationSequence": 64,
}  # fmt: skip
PER_FRAME = "PerFrameFunctionalGroupsSequence"


def is_plausible(element: DataElement, within: Dataset) -> bool:
    """Whether the values of an attribute of NUMBERS are such as it has in slides. within: the dataset it is in."""
    keyword = element.keyword
    if keyword in TABLES:
        return _are_tables(within)
    if keyword in POINTERS:
        return element.VR == "AT" and element.VM == 1 and dictionary_has_tag(element.value)
    count, low, high = RANGES[keyword]
    values = element.value if element.VM > 1 else [element.value]
    if len(values) > count or not _are_numbers(element.VR, values):
        return False
    return all(low <= float(value) <= high for value in values)


def has_items(keyword: str, count: int, within: Dataset) -> bool:
    """Whether a sequence may have that many items."""
    most = int(within.get("NumberOfFrames") or 1) if keyword == PER_FRAME else ITEMS.get(keyword, 1)
    return count <= most


def _are_numbers(kind: str, values: list[object]) -> bool:
    """Whether values of this kind are finite numbers, and their bytes no word."""
    if kind in TEXTS:
        texts = [str(value).strip() for value in values]
        return all(len(text) <= MAX_TEXT_CHARS and AS_TEXT.fullmatch(text) for text in texts)
    if kind not in LETTERS or not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        return False
    return not SPELLED.search(struct.pack(f"<{len(values)}{LETTERS[kind]}", *values))


def _are_tables(within: Dataset) -> bool:
    """Whether offsets and lengths are there, and each frame begins where the one before it ends (PS3.5, A.4)."""
    offsets, lengths = (_table(within, keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"))
    frames = int(within.get("NumberOfFrames") or 1)
    if not len(offsets) == len(lengths) == frames or lengths.max() > MOST_FRAME_BYTES or offsets[0] != 0:
        return False
    return bool((np.diff(offsets.astype(np.int64)) == (ITEM_BYTES + lengths + lengths % 2)[:-1].astype(np.int64)).all())


def _table(within: Dataset, keyword: str) -> np.ndarray:
    value = within[keyword].value if keyword in within and within[keyword].VR == "OV" else b""
    return np.frombuffer(value if isinstance(value, bytes) and len(value) % 8 == 0 else b"", "<u8")
