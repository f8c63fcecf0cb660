"""How the samples of a stored frame are meant: RGB, YCbCr or grey.

What the codestream says of itself goes before the header's photometric interpretation: converters copy frames and write
the header by hand, and of the two only the codestream was written by what coded the pixels. Where it says nothing, the
header does. Codestreams: ISO 10918-1 and -6, 15444-1; headers: DICOM PS3.3, C.7.6.3.1.2, and PS3.5, 8.2.
"""

from __future__ import annotations

import cv2
import numpy as np
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
)

from slides.wsi import jpeg_parts
from slides.wsi.jpeg_parts import RGB, YCBCR

LOSSY_JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}
LOSSLESS_JPEG = {JPEGLossless, JPEGLosslessSV1}
JPEG_2000 = {JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL}
# What each way of coding may be called in the header. Grey samples are as they are, or turned round.
GREY, GREY_INVERTED = "MONOCHROME2", "MONOCHROME1"
YCBCR_HEADERS = {"YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422"}
TRANSFORMED_HEADERS = {"YBR_ICT", "YBR_RCT"}  # by JPEG 2000, whose decoder turns it back
READ_HEADERS = {"RGB", GREY, GREY_INVERTED, *YCBCR_HEADERS, *TRANSFORMED_HEADERS}
CODESTREAM_2000, SOT, COD = b"\xff\x4f\xff\x51", 0x90, 0x52
TRANSFORM_AT = 4  # byte of the segment COD, behind its length


def frame_colours(frame: bytes, syntax: str, photometric: str) -> int:
    """RGB or YCBCR: how three samples that the decoder gives out of a frame are meant, before anybody turns them.

    The decoder of JPEG 2000 turns back what the codestream, or a box around it, says was turned. photometric: as the
    header says it.
    """
    if syntax in LOSSY_JPEG | LOSSLESS_JPEG:
        said = jpeg_parts.said_colours(frame)
        by_header = RGB if photometric == "RGB" else YCBCR
        return by_header if said is None else said
    if syntax in JPEG_2000 and (is_boxed(frame) or is_transformed(frame) or photometric in TRANSFORMED_HEADERS):
        return RGB
    return RGB if photometric == "RGB" else YCBCR


def openslide_shows(frame: bytes, syntax: str, photometric: str) -> bool:
    """Whether OpenSlide, which goes by the header alone, shows the right colours."""
    meant = frame_colours(frame, syntax, photometric)
    if syntax in JPEG_2000 and is_boxed(frame):
        return False
    return meant == (YCBCR if syntax in LOSSY_JPEG and photometric != "RGB" else RGB)


def is_boxed(frame: bytes) -> bool:
    """Whether a JPEG 2000 codestream lies in the boxes of a JP2 file, which say its colours (ISO 15444-1, I.5.3)."""
    return not frame.startswith(CODESTREAM_2000)


def is_transformed(frame: bytes) -> bool:
    """Whether a JPEG 2000 codestream says that its three components were turned together (COD, ISO 15444-1, A.6.1)."""
    at = 2
    while frame[at : at + 1] == b"\xff" and at + 4 <= len(frame) and frame[at + 1] != SOT:
        if frame[at + 1] == COD:
            return frame[at + 4 + TRANSFORM_AT : at + 5 + TRANSFORM_AT] == b"\1"
        at += 2 + max(2, int.from_bytes(frame[at + 2 : at + 4]))
    return False


def rgb_of_ycbcr(ycbcr: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 YCbCr of full range → RGB, by the constants of JFIF and DICOM's YBR_FULL."""
    return cv2.cvtColor(np.ascontiguousarray(ycbcr[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)


def rgb_of_grey(grey: np.ndarray, photometric: str) -> np.ndarray:
    """(h, w) uint8 → (h, w, 3), black where the header says that large numbers are."""
    shown = 255 - grey if photometric == GREY_INVERTED else grey
    return np.repeat(shown[..., None], 3, axis=2)
