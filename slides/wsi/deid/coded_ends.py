"""Where the code of a stored tile ends: what lies behind it is in no picture, and would be copied unseen.

Decoders stop at the last pixel, so a copy with such bytes looks the same and no search knows what to look for. Of
codings that are not here the end is not known; files that use them are for a person to look at.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import imagecodecs

from slides.wsi.deid.png_clean import clean_png
from slides.wsi.errors import SlideRefused

LZW_SPARE_BYTES = 3  # an end code of up to 12 bits and what fills the last byte
ZSTD = b"\x28\xb5\x2f\xfd"
SOT, SOD, EOC, J2K_COMMENT = b"\xff\x90", b"\xff\x93", b"\xff\xd9", b"\xff\x64"
SOT_BYTES = 12
WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")
PIECE_BYTES = 2**20


def code_alone(coding: int, data: bytes, decoded_bytes: int) -> bytes | None:
    """The bytes that decode to the tile; None where its end is not found, or it holds more than the tile.

    coding: TIFF's number of the compression, a key of ENDS. decoded_bytes: of the tile's samples.
    """
    return ENDS[coding](data, decoded_bytes)


def j2k_end(data: bytes | bytearray, at: int) -> int | None:
    """Where a JPEG 2000 codestream ends whose first tile part begins at `at`; None where a part holds a comment."""
    while data[at : at + 2] == SOT:
        length, body = int.from_bytes(data[at + 6 : at + 10]), at + SOT_BYTES
        while data[body : body + 2] != SOD:
            if data[body : body + 1] != b"\xff" or data[body : body + 2] == J2K_COMMENT:
                return None
            body += 2 + int.from_bytes(data[body + 2 : body + 4])
        if length == 0:  # the last one, up to the end mark, which its packets cannot hold
            at = data.find(EOC, body)
        elif length < SOT_BYTES:
            return None
        else:
            at += length
    return at + 2 if at > 0 and data[at : at + 2] == EOC else None


def _plain(data: bytes, decoded_bytes: int) -> bytes:
    return data[:decoded_bytes]


def _deflate(data: bytes, decoded_bytes: int) -> bytes | None:
    decoder, pending, done = zlib.decompressobj(), data, 0
    while not decoder.eof:
        try:
            decoded = decoder.decompress(pending, PIECE_BYTES)
        except zlib.error:
            return None
        pending, done = decoder.unconsumed_tail, done + len(decoded)
        if done > decoded_bytes or not (decoded or pending or decoder.eof):
            return None
    return data[: len(data) - len(decoder.unused_data)]


def _lzw(data: bytes, decoded_bytes: int) -> bytes | None:
    """The shortest start that decodes to the whole tile, found by halving where there is more than that.

    A start that breaks off within a code decodes to a few bytes too many or too few, so it is told by what it decodes
    to, and lengthened until that is the tile.
    """
    try:
        tile = imagecodecs.lzw_decode(data)[:decoded_bytes]

        def is_whole(length: int) -> bool:
            return bool(imagecodecs.lzw_decode(data[:length])[:decoded_bytes] == tile)

        if len(tile) < decoded_bytes or not is_whole(len(data) - LZW_SPARE_BYTES - 1):
            return data
        low, high = 0, len(data)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_whole(middle) else (middle, high)
        end = high + LZW_SPARE_BYTES
        while end < len(data) and not is_whole(end):
            end += 1
    except RuntimeError:  # the codecs' own errors
        return None
    return data[:end]


def _packbits(data: bytes, decoded_bytes: int) -> bytes:
    at = done = 0
    while done < decoded_bytes and at < len(data):
        code = data[at]
        done += code + 1 if code < 128 else 257 - code if code > 128 else 0
        at += code + 2 if code < 128 else 2 if code > 128 else 1
    return data[:at]


def _zstd(data: bytes, _: int) -> bytes | None:
    """One frame; notes of users before or behind it are frames of another kind."""
    if data[:4] != ZSTD or len(data) < 6:
        return None
    about = data[4]
    is_single, has_checksum = about >> 5 & 1, about >> 2 & 1
    at = 5 + (1 - is_single) + (0, 1, 2, 4)[about & 3] + (is_single, 2, 4, 8)[about >> 6]
    is_last = False
    while not is_last:
        head = int.from_bytes(data[at : at + 3], "little")
        is_last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        at += 3 + (1 if kind == 1 else length)
        if kind == 3 or at > len(data):
            return None
    at += 4 * has_checksum
    return None if data[at : at + 4] == ZSTD else data[:at]


def _webp(data: bytes, _: int) -> bytes | None:
    """A still picture whose chunks are its own; EXIF, XMP and colour profiles have chunks of theirs."""
    end, at = 8 + int.from_bytes(data[4:8], "little"), 12
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or end > len(data):
        return None
    while at < end:
        if data[at : at + 4] not in WEBP_CHUNKS:
            return None
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return data[:end]


def _png(data: bytes, _: int) -> bytes | None:
    try:
        return clean_png(data).data
    except SlideRefused:
        return None


ENDS: dict[int, Callable[[bytes, int], bytes | None]] = {
    1: _plain, 5: _lzw, 8: _deflate, 32946: _deflate, 32773: _packbits, 34926: _zstd, 50000: _zstd, 34933: _png,
    50001: _webp,
}  # fmt: skip
