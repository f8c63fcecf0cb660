"""The quality a scanner's JPEG was written with, read from its quantisation table."""

import struct
from pathlib import Path

import numpy as np

# Luminance table of the Independent JPEG Group's quality 50 (ITU-T T.81, table K.1), in zigzag order as in a file.
QUALITY_50 = np.array(
    [16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51]
    + [61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77]
    + [113, 121, 112, 100, 120, 92, 101, 103, 99],
    float,
)
HEAD_BYTES = 1 << 16
SOI, DQT, SOS = b"\xff\xd8", 0xDB, 0xDA


def quality_of(path: Path) -> float | None:
    """Quality 1 to 100 of a JPEG file or of a tiled TIFF's JPEG tables; None where neither says it."""
    import tifffile

    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(SOI):
        return quality_in(head)
    if head[:2] not in {b"II", b"MM"}:
        return None
    try:
        with tifffile.TiffFile(path) as tiff:
            tables = tiff.pages[0].jpegtables
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, AttributeError, struct.error):
        return None
    return quality_in(tables) if tables else None


def quality_in(stream: bytes) -> float | None:
    """Quality by the first quantisation table of a JPEG stream (IJG's scale, the median over its 64 entries)."""
    at = len(SOI)
    while at + 4 <= len(stream) and stream[at] == 0xFF and stream[at + 1] != SOS:
        (length,) = struct.unpack(">H", stream[at + 2 : at + 4])
        if stream[at + 1] == DQT:
            return _quality(stream[at + 4 : at + 2 + length])
        at += 2 + length
    return None


def _quality(segment: bytes) -> float | None:
    """From the body of a DQT segment: one byte of precision and number, then 64 entries of one or two bytes."""
    wide = segment[:1] >= b"\x10"
    table = np.frombuffer(segment[1 : 129 if wide else 65], ">u2" if wide else "u1").astype(float)
    if len(table) != len(QUALITY_50):
        return None
    scale = float(np.median(100 * table / QUALITY_50))
    return round(np.clip((200 - scale) / 2 if scale <= 100 else 5000 / scale, 1, 100), 1)
