"""DICOM whole-slide images: one or several instances of one series in one folder.

OpenSlide reads them where it knows the transfer syntax; where it does not (JPEG-LS, RLE, JPEG 2000 Part 2 …),
large-image's DICOM source does, by wsidicom and imagecodecs.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import struct
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.by_openslide import OpenSlideSource
from slides.wsi.metadata import known_scanner, levels_from_sizes

WHOLE_SLIDE_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MAX_INSTANCES = 40  # a decoder child may open 64 files
TAGS = [
    "SOPClassUID", "SeriesInstanceUID", "ImageType", "BitsAllocated", "SamplesPerPixel",
    "TotalPixelMatrixColumns", "TotalPixelMatrixRows", "TotalPixelMatrixFocalPlanes", "Manufacturer",
    "ManufacturerModelName", "OpticalPathSequence",
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
    """One DICOM file of a slide. flavour: VOLUME, THUMBNAIL, LABEL, OVERVIEW. planes: of focus.

    is_resampled: whether the file says that its pixels were made from a larger level (PS3.3, C.8.12.4.1.1, value 4).
    """

    path: Path
    series: str
    flavour: str
    pixels: int
    planes: int
    objective: float | None
    scanner: str
    icc: str
    is_resampled: bool


def open_dicom(paths: list[Path]) -> OpenSlideSource | LargeImageDicom:
    """Open the series that these files make up, by whichever library can."""
    if len(paths) > MAX_INSTANCES:
        raise SlideRefused(f"{len(paths)} files are too many for one slide; up to {MAX_INSTANCES} are read.", "parts")
    if len({path.parent for path in paths}) > 1:
        raise SlideRefused("The files of one DICOM slide must lie in one folder.", "parts")
    instances = [read_instance(path) for path in paths]
    volume = largest_volume(instances)
    source: OpenSlideSource | LargeImageDicom
    try:
        source = OpenSlideSource(
            volume.path, "DICOM", "dicom", "dicom.ManufacturerModelName", maker_field="dicom.Manufacturer"
        )
    except SlideRefused as refusal:
        log.info("OpenSlide refuses this DICOM (%s); trying large-image", refusal.kind)
        source = LargeImageDicom([instance.path for instance in instances if instance.flavour == "VOLUME"], volume)
    source.is_reduced, source.levels_are_files = volume.is_resampled, True
    return source


def read_instance(path: Path) -> Instance:
    """The few tags of one file that decide whether it is taken."""
    try:
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        flavour = str(data.ImageType[2]) if len(data.ImageType) > 2 else ""
        columns, rows = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
        is_slide = data.SOPClassUID == WHOLE_SLIDE_IMAGE
        is_colour = data.BitsAllocated == 8 and data.SamplesPerPixel == 3
        light = next(iter(data.get("OpticalPathSequence") or ()), Dataset())
        planes = int(data.get("TotalPixelMatrixFocalPlanes") or 1)
        instance = Instance(
            path, str(data.SeriesInstanceUID), flavour, columns * rows, planes,
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
    if not is_colour:
        raise SlideRefused(
            "The DICOM file does not hold 8-bit colour; fluorescence and 16-bit slides are not read.", "depth"
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


def unreadable() -> tuple[type[Exception], ...]:
    """What large-image and wsidicom raise on files they cannot read."""
    import wsidicom.errors
    from large_image.exceptions import TileSourceError

    own = [each for each in vars(wsidicom.errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    return (TileSourceError, *own, AttributeError, IndexError, RuntimeError, ImportError, *SPOILT)


class LargeImageDicom:
    """A DICOM series read by large-image, for transfer syntaxes that OpenSlide does not decode."""

    format = "DICOM"
    power_is_apparent = False
    is_reduced = False
    levels_are_files = False
    held_bytes = 64 * 2**20  # large-image keeps decoded tiles in a cache of its own
    scenes: tuple[tuple[int, int], ...] = ()

    def __init__(self, paths: list[Path], first: Instance) -> None:
        """paths: all volumes. first: level 0."""
        import large_image_source_dicom  # slow to import and seldom needed

        self.objective, self.scanner, self.icc = first.objective, first.scanner, first.icc
        planes = first.planes
        self.hints: tuple[str, ...] = (f"Of {planes} focus planes the middle one is shown.",) if planes > 1 else ()
        try:
            # A list, or it takes in the neighbours; no cache, which would hold the file after it is closed.
            self._slide = large_image_source_dicom.DICOMFileTileSource([str(path) for path in paths], noCache=True)
            if planes > 1:
                # large-image asks for no plane, and wsidicom's own choice is the middle only of heights counted from 0.
                slide = self._slide._dicom
                heights = sorted(slide.pyramids[0].base_level.focal_planes)
                slide.read_region = functools.partial(slide.read_region, z=heights[len(heights) // 2])
            data = self._slide.getMetadata()
            native = self._slide.getNativeMagnification()
        except unreadable():
            log.info("large-image cannot open the DICOM file", exc_info=True)
            raise SlideRefused(
                "The DICOM file is damaged, or coded in a way that is not read here.", "broken"
            ) from None
        self.levels = levels_from_sizes([(data["sizeX"], data["sizeY"])])
        self.tile_size: int | None = data["tileWidth"]
        self.mpp_x, self.mpp_y = (1e3 * native[axis] if native.get(axis) else None for axis in ("mm_x", "mm_y"))

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        box = {"left": x, "top": y, "width": width, "height": height, "units": "base_pixels"}
        try:
            pixels, _ = self._slide.getRegion(region=box, format="numpy")
        except unreadable():
            log.info("large-image cannot decode a part of the DICOM file", exc_info=True)
            raise SlideRefused("Part of the DICOM file is damaged and cannot be decoded.", "broken") from None
        return np.ascontiguousarray(pixels[..., :3])

    def close(self) -> None:
        """See `Source.close`."""
        self._slide = None
