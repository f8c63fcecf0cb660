"""DICOM slides of any coding and photometric interpretation, of one picture in two plain colours."""

import copy
import struct
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import JPEGBaseline8Bit, MediaStorageDirectoryStorage, generate_uid

from tests.wsi import makers

GLASS, TISSUE = (240, 235, 237), (230, 120, 200)
SIDE, FRAME = 128, 64
JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def two_colours() -> np.ndarray:
    """Glass above, tissue below; (SIDE, SIDE, 3) RGB."""
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[: SIDE // 2], picture[SIDE // 2 :] = GLASS, TISSUE
    return picture


def coded(
    path: Path,
    encode: Callable[[np.ndarray], bytes],
    syntax: str = JPEGBaseline8Bit,
    photometric: str = "RGB",
    **header,
) -> Path:
    """One instance of the two colours; encode: what makes a frame of its pixels."""
    picture = two_colours()
    tiles = [
        encode(np.ascontiguousarray(picture[y : y + FRAME, x : x + FRAME]))
        for y in range(0, SIDE, FRAME)
        for x in range(0, SIDE, FRAME)
    ]
    data = makers._dicom_level(picture, makers.MPP, generate_uid(), generate_uid(), JPEGBaseline8Bit)
    data.file_meta.TransferSyntaxUID = syntax
    data.Rows = data.Columns = FRAME
    data.NumberOfFrames = len(tiles)
    data.PhotometricInterpretation = photometric
    data.SamplesPerPixel = 1 if photometric.startswith("MONO") else 3
    for name, value in header.items():
        setattr(data, name, value)
    data.PixelData = (
        b"".join(tiles) if data.file_meta.TransferSyntaxUID.is_encapsulated is False else encapsulate(tiles)
    )
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)
    return path


def ycbcr_of(rgb: np.ndarray) -> np.ndarray:
    """Full range, as JFIF has it."""
    weights = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.clip(np.rint(rgb @ weights.T + (0, 128, 128)), 0, 255).astype(np.uint8)


def adobe(transform: int) -> bytes:
    return struct.pack(">BBH5sHHHB", 0xFF, 0xEE, 14, b"Adobe", 100, 0, 0, transform)


def jpeg(rgb: np.ndarray, stored: str, notes: bytes = b"", names: bytes = b"\1\2\3", sampling: str = "444") -> bytes:
    """A baseline JPEG. stored: RGB or YCBCR. notes: the segments that say so. names: of the components."""
    stream = imagecodecs.jpeg8_encode(rgb, level=95, colorspace="RGB", outcolorspace=stored, subsampling=sampling)
    out, at = b"\xff\xd8" + notes, 2
    while stream[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(stream[at + 2 : at + 4])
        segment = bytearray(stream[at:end])
        if segment[1] == 0xC0:
            segment[10::3] = names
        if segment[1] not in (0xE0, 0xEE):
            out += segment
        at = end
    scan = bytearray(stream[at:])
    scan[5:11:2] = names
    return out + bytes(scan)


def planes(samples: np.ndarray) -> bytes:
    return np.ascontiguousarray(samples.transpose(2, 0, 1)).tobytes()


def pairs(rgb: np.ndarray) -> bytes:
    """Two of luma and one of each colour, as uncoded YBR_FULL_422 has them."""
    luma, *colour = ycbcr_of(rgb).transpose(2, 0, 1)
    return np.stack([luma[:, ::2], luma[:, 1::2], *(each[:, ::2] for each in colour)], axis=2).tobytes()


def run_lengths(samples: np.ndarray) -> bytes:
    """A frame of DICOM's RLE (PS3.5, G)."""
    layers = [samples] if samples.ndim == 2 else list(samples.transpose(2, 0, 1))
    parts = [b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in layer) for layer in layers]
    parts = [part + bytes(len(part) % 2) for part in parts]
    starts = [64 + sum(map(len, parts[:number])) for number in range(len(parts))]
    return struct.pack("<16I", len(parts), *starts, *[0] * (15 - len(parts))) + b"".join(parts)


def concatenation(folder: Path, parts: int = 3, tells_total: bool = True) -> list[Path]:
    """The two colours as the parts of one instance, its frames shared out in their order."""
    whole = dcmread(coded(folder / "whole.dcm", lambda rgb: jpeg(rgb, "YCBCR", JFIF), photometric="YBR_FULL_422"))
    (folder / "whole.dcm").unlink()
    frames, uid, paths = list(generate_frames(whole.PixelData, number_of_frames=4)), generate_uid(), []
    for number, chosen in enumerate(np.array_split(np.arange(4), parts), 1):
        part = copy.deepcopy(whole)
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        part.ConcatenationUID, part.InConcatenationNumber = uid, number
        if tells_total:
            part.InConcatenationTotalNumber = parts
        part.ConcatenationFrameOffsetNumber, part.NumberOfFrames = int(chosen[0]), len(chosen)
        part.PixelData = encapsulate([frames[at] for at in chosen])
        part.save_as(folder / f"part{number}.dcm", enforce_file_format=True)
        paths.append(folder / f"part{number}.dcm")
    return paths


def series_among_others(folder: Path) -> None:
    """Two series as somebody's folder of exports has them: loose, and beside what other programs leave there."""
    for name, levels in (("a", 2), ("b", 1)):
        (folder / name).mkdir()
        for number, path in enumerate(sorted(makers.dicom(folder / name, levels).iterdir())):
            path.rename(folder / f"{name}{number}.dcm")
        (folder / name).rmdir()
    directory = FileMetaDataset()
    directory.MediaStorageSOPClassUID, directory.TransferSyntaxUID = MediaStorageDirectoryStorage, JPEGBaseline8Bit
    directory.MediaStorageSOPInstanceUID = generate_uid()
    directory.ImplementationClassUID = generate_uid()
    for name in ("DICOMDIR", "list.dcm"):  # by whatever name
        with (folder / name).open("wb") as file:
            file.write(bytes(128) + b"DICM")
            write_file_meta_info(file, directory)
    (folder / "preview.jpg").write_bytes(imagecodecs.jpeg8_encode(two_colours()))
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (folder / name).write_bytes(b"left by the system")
