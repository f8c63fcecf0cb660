"""The frames of a DICOM instance: where they lie in the file, and their pixels."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

import imagecodecs
import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from slides.wsi import jpeg_parts
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.dicom.colours import (
    JPEG_2000,
    LOSSLESS_JPEG,
    LOSSY_JPEG,
    READ_HEADERS,
    frame_colours,
    rgb_of_grey,
    rgb_of_ycbcr,
)
from slides.wsi.formats.dicom.numbers import MOST_FRAMES
from slides.wsi.jpeg_parts import RGB, YCBCR

ITEM, PIXEL_DATA, EOI = b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00", b"\xff\xd9"
JPEG_XL = {f"1.2.840.10008.1.2.4.{number}" for number in (110, 111, 112)}
EXPLICIT_HEAD_BYTES = 12  # of the pixels' element: tag, kind, length
Pieces = list[tuple[int, int]]
START_BYTES = 64 * 1024  # of a frame: what its codestream says of itself comes first


@dataclasses.dataclass(frozen=True)
class Coded:
    """How the frames of an instance are coded. rows, columns: of a frame, px. is_planar: samples in planes."""

    syntax: str
    photometric: str
    rows: int
    columns: int
    samples: int
    is_planar: bool

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """As the header says it."""
        coded = cls(
            str(data.file_meta.TransferSyntaxUID), str(data.PhotometricInterpretation), int(data.Rows),
            int(data.Columns), int(data.SamplesPerPixel), int(data.get("PlanarConfiguration") or 0) == 1,
        )  # fmt: skip
        if coded.photometric not in READ_HEADERS:
            raise SlideRefused("The DICOM file's colours are stored in a way that is not read here.", "depth")
        return coded

    @property
    def native_bytes(self) -> int:
        """Of a frame that is not coded. With half the colour samples two pixels share theirs (PS3.3, C.7.6.3.1.2)."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples


DECODERS: dict[str, Callable[[bytes], np.ndarray]] = {
    **dict.fromkeys(JPEG_2000, imagecodecs.jpeg2k_decode),
    **dict.fromkeys(LOSSY_JPEG | LOSSLESS_JPEG, imagecodecs.jpeg8_decode),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), imagecodecs.jpegls_decode),
    **dict.fromkeys(JPEG_XL, imagecodecs.jpegxl_decode),
    RLELossless: lambda frame: np.frombuffer(imagecodecs.dicomrle_decode(frame, np.uint8), np.uint8),
}
NATIVE = {ExplicitVRLittleEndian, ImplicitVRLittleEndian}


def decode_frame(frame: bytes, coded: Coded) -> np.ndarray:
    """(rows, columns, 3) uint8 RGB; SlideRefused where it cannot be decoded, or is of another size."""
    try:
        pixels, meant = _samples(frame, coded)
    except (RuntimeError, ValueError, TypeError, MemoryError):
        raise SlideRefused("Part of the DICOM file is damaged and cannot be decoded.", "broken") from None
    if (
        pixels.shape[:2] != (coded.rows, coded.columns)
        or pixels.dtype != np.uint8
        or pixels.shape[2:] not in ((), (3,))
    ):
        raise SlideRefused("A frame of the DICOM file is not of the size that it should have.", "broken")
    if pixels.ndim == 2:
        return rgb_of_grey(pixels, coded.photometric)
    return rgb_of_ycbcr(pixels) if meant == YCBCR else np.ascontiguousarray(pixels)


def _samples(frame: bytes, coded: Coded) -> tuple[np.ndarray, int]:
    """The samples, and how three of them are meant."""
    meant = frame_colours(frame, coded.syntax, coded.photometric)
    if coded.syntax not in DECODERS:
        return _native(frame, coded), meant
    if coded.syntax in LOSSY_JPEG and not jpeg_parts.is_grey(frame):
        colours = "YCBCR" if meant == YCBCR else "RGB"
        return imagecodecs.jpeg8_decode(frame, colorspace=colours, outcolorspace="RGB"), RGB
    if coded.syntax in LOSSLESS_JPEG and meant == YCBCR:  # libjpeg turns no colours there, and spoils these
        return imagecodecs.ljpeg_decode(frame), meant
    pixels = DECODERS[coded.syntax](frame)
    return (_from_planes(pixels, coded) if coded.syntax == RLELossless else pixels), meant


def _from_planes(flat: np.ndarray, coded: Coded) -> np.ndarray:
    if coded.samples == 1:
        return flat.reshape(coded.rows, coded.columns)
    return flat.reshape(coded.samples, coded.rows, coded.columns).transpose(1, 2, 0)


def _native(frame: bytes, coded: Coded) -> np.ndarray:
    flat = np.frombuffer(frame[: coded.native_bytes], np.uint8)
    if coded.samples == 1 or coded.is_planar:
        return _from_planes(flat, coded)
    if coded.photometric != "YBR_FULL_422":
        return flat.reshape(coded.rows, coded.columns, coded.samples)
    pairs = flat.reshape(coded.rows, coded.columns // 2, 4)  # two of luma, blue, red
    luma = pairs[..., :2].reshape(coded.rows, coded.columns)
    return np.dstack([luma, np.repeat(pairs[..., 2], 2, axis=1), np.repeat(pairs[..., 3], 2, axis=1)])


def find_frames(path: Path, data: Dataset, coded: Coded) -> list[Pieces]:
    """(offset, length) of the pieces of each frame of the file; ValueError where they are not told apart."""
    count = int(data.get("NumberOfFrames") or 1)
    if count > MOST_FRAMES:
        raise ValueError("more frames than a slide has")
    with path.open("rb") as handle:
        place = _pixels_at(handle, data)
        if coded.syntax not in DECODERS:
            return [[(place + at * coded.native_bytes, coded.native_bytes)] for at in range(count)]
        table, *pieces = fragments(handle, place)
        if len(pieces) == count:
            return [[piece] for piece in pieces]
        if count == 1:
            return [pieces]
        starts = _starts(handle, table, data)
        if len(starts) == count:
            return _joined_by_starts(pieces, starts)
        return _joined_by_ends(handle, pieces, count)


def start_of_frames(handle: BinaryIO, syntax: str) -> bytes:
    """The first bytes of the first coded frame, of a file whose header was read; none where frames are not coded."""
    if syntax in NATIVE:
        return b""
    pieces = fragments(handle, handle.tell() + EXPLICIT_HEAD_BYTES)
    next(pieces, None)  # the table
    offset, length = next(pieces, (0, 0))
    handle.seek(offset)
    return handle.read(min(length, START_BYTES))


def fragments(handle: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of each item of the coded pixels whose first item begins at `place`: the table, then pieces."""
    at = place
    handle.seek(at)
    while (head := handle.read(8))[:4] == ITEM:
        (length,) = struct.unpack("<I", head[4:])
        yield at + 8, length
        at += 8 + length
        handle.seek(at)


def _pixels_at(handle: BinaryIO, data: Dataset) -> int:
    """Where the value of the pixels begins; the header was read up to them."""
    pydicom.dcmread(handle, stop_before_pixels=True, specific_tags=["Rows"])
    place = handle.tell()
    head = handle.read(EXPLICIT_HEAD_BYTES)
    if head[:4] != PIXEL_DATA:
        raise ValueError("no pixel data")
    return place + (8 if data.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian else EXPLICIT_HEAD_BYTES)


def _starts(handle: BinaryIO, table: tuple[int, int], data: Dataset) -> list[int]:
    """Of each frame the offset behind the table, none where no table tells."""
    if "ExtendedOffsetTable" in data:
        return np.frombuffer(data.ExtendedOffsetTable, "<u8").tolist()
    offset, length = table
    handle.seek(offset)
    return np.frombuffer(handle.read(length - length % 4), "<u4").tolist()


def _joined_by_starts(pieces: Pieces, starts: list[int]) -> list[Pieces]:
    first = pieces[0][0]
    frames: list[Pieces] = [[] for _ in starts]
    owner = np.searchsorted(starts, [offset - first for offset, _ in pieces], side="right") - 1
    for piece, frame in zip(pieces, owner, strict=True):
        frames[frame].append(piece)
    return frames


def _joined_by_ends(handle: BinaryIO, pieces: Pieces, count: int) -> list[Pieces]:
    """A frame ends with the piece that has the end mark of JPEG among its last bytes."""
    frames: list[Pieces] = [[]]
    for offset, length in pieces:
        frames[-1].append((offset, length))
        handle.seek(offset + max(0, length - 10))
        if EOI in handle.read(min(10, length)):
            frames.append([])
    if len(frames) != count + 1:
        raise ValueError("the frames are not told apart")
    return frames[:-1]
