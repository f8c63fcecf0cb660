"""DICOM whole-slide images: one or several instances of one series in one folder.

OpenSlide reads them where it knows the transfer syntax and shows the right colours; all else is read frame by frame
(`dicom.frames`).
"""

from __future__ import annotations

import dataclasses
import logging
import struct
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.by_openslide import OpenSlideSource
from slides.wsi.formats.dicom.coded import start_of_frames
from slides.wsi.formats.dicom.colours import READ_HEADERS, openslide_shows
from slides.wsi.formats.dicom.frames import FrameLevel, FramesSource, unreadable
from slides.wsi.formats.source import Source
from slides.wsi.metadata import known_scanner

WHOLE_SLIDE_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MAX_INSTANCES = 40  # a decoder child may open 64 files
TAGS = [
    "SOPClassUID", "SeriesInstanceUID", "ImageType", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "SamplesPerPixel",
    "TotalPixelMatrixColumns", "TotalPixelMatrixRows", "TotalPixelMatrixFocalPlanes", "Manufacturer",
    "ManufacturerModelName", "OpticalPathSequence", "PhotometricInterpretation", "ConcatenationUID", "SOPInstanceUID",
]  # fmt: skip
SPOILT = (
    InvalidDicomError,
    BytesLengthException,
    ValueError,
    TypeError,
    KeyError,
    OSError,
    EOFError,
    RecursionError,
    NotImplementedError,
    MemoryError,
    struct.error,
)
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file of a slide. flavour: VOLUME, THUMBNAIL, LABEL, OVERVIEW.

    whole: an identifier that the parts of a concatenation share. for_openslide: whether OpenSlide, where it reads the
    file, shows it as it is. is_resampled: whether the file says that its pixels were made from a larger level (PS3.3,
    C.8.12.4.1.1, value 4).
    """

    path: Path
    series: str
    flavour: str
    pixels: int
    whole: str
    for_openslide: bool
    objective: float | None
    scanner: str
    icc: str
    is_resampled: bool


def open_dicom(paths: list[Path]) -> Source:
    """Open the series that these files make up, by whichever library can."""
    if len(paths) > MAX_INSTANCES:
        raise SlideRefused(f"{len(paths)} files are too many for one slide; up to {MAX_INSTANCES} are read.", "parts")
    if len({path.parent for path in paths}) > 1:
        raise SlideRefused("The files of one DICOM slide must lie in one folder.", "parts")
    instances = [read_instance(path) for path in paths]
    volume = largest_volume(instances)
    source = _open_quickest([instance for instance in instances if instance.flavour == "VOLUME"], volume)
    source.is_reduced, source.levels_are_files = volume.is_resampled, True
    return source


def _open_quickest(volumes: list[Instance], first: Instance) -> Source:
    """first: the largest of the volumes."""
    if all(instance.for_openslide for instance in volumes):
        try:
            return OpenSlideSource(
                first.path, "DICOM", "dicom", "dicom.ManufacturerModelName", maker_field="dicom.Manufacturer"
            )
        except SlideRefused as refusal:
            log.info("OpenSlide refuses this DICOM (%s); read frame by frame", refusal.kind)
    return FramesSource(read_levels(volumes)).described(first.objective, first.scanner, first.icc)


def read_levels(volumes: list[Instance]) -> list[FrameLevel]:
    """The levels that these instances are, the largest first; of two of one size the first. SlideRefused."""
    wholes: dict[str, list[Path]] = {}
    for instance in sorted(volumes, key=lambda each: -each.pixels):
        wholes.setdefault(instance.whole, []).append(instance.path)
    try:
        levels = [FrameLevel(paths) for paths in wholes.values()]
    except (*SPOILT, AttributeError, IndexError):
        log.info("The DICOM file cannot be read frame by frame", exc_info=True)
        raise unreadable() from None
    sizes = [(level.width, level.height) for level in levels]
    return [level for at, level in enumerate(levels) if sizes.index(sizes[at]) == at]


def read_instance(path: Path) -> Instance:
    """The few tags of one file that decide whether it is taken."""
    try:
        with path.open("rb") as file:
            data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS)
            syntax = data.file_meta.TransferSyntaxUID
            start = start_of_frames(file, syntax)
        flavour = str(data.ImageType[2]) if len(data.ImageType) > 2 else ""
        columns, rows = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
        is_slide = data.SOPClassUID == WHOLE_SLIDE_IMAGE
        photometric = str(data.PhotometricInterpretation)
        is_plain = data.get("BitsStored", 8) == 8 and data.get("PixelRepresentation", 0) == 0
        is_read = data.BitsAllocated == 8 and is_plain and data.SamplesPerPixel in {1, 3}
        is_read = is_read and photometric in READ_HEADERS
        light = next(iter(data.get("OpticalPathSequence") or ()), Dataset())
        instance = Instance(
            path, str(data.SeriesInstanceUID), flavour, columns * rows,
            str(data.get("ConcatenationUID") or data.SOPInstanceUID),
            "ConcatenationUID" not in data and openslide_shows(start, syntax, photometric),
            float(light.ObjectiveLensPower) if light.get("ObjectiveLensPower") else None,
            known_scanner(str(data.get("Manufacturer", "")), str(data.get("ManufacturerModelName", ""))),
            "noted" if light.get("ICCProfile") else "",
            "RESAMPLED" in (str(word).strip().upper() for word in data.ImageType[3:]),
        )  # fmt: skip
    except AttributeError:
        raise SlideRefused("This DICOM file is not a whole-slide image.", "format") from None
    except SPOILT:
        raise SlideRefused("The DICOM file is damaged and does not open.", "broken") from None
    if not is_slide:
        raise SlideRefused("This DICOM file is not a whole-slide image.", "format")
    if not is_read:
        raise SlideRefused(
            "The DICOM file holds neither 8-bit colour nor 8-bit grey; 16-bit, signed and fluorescence slides are not "
            "read.",
            "depth",
        )
    return instance


def largest_volume(instances: list[Instance]) -> Instance:
    """The level-0 instance; SlideRefused when the files do not make up one slide."""
    if len({instance.series for instance in instances}) > 1:
        raise SlideRefused("These DICOM files belong to different slides.", "parts")
    volumes = [instance for instance in instances if instance.flavour == "VOLUME"]
    if not volumes:
        raise SlideRefused(
            "Only a label, thumbnail or overview: the DICOM file with the slide itself is missing.", "parts"
        )
    return max(volumes, key=lambda instance: instance.pixels)
