"""A Hamamatsu slide with identifiers planted in every place that its format has for them."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np

from slides.wsi.formats.tiff.directories import Entry, Layout
from slides.wsi.formats.tiff.writer import TiffWriter, text_entry
from tests.wsi.deid.makers_parts import PLANTED
from tests.wsi.makers import MPP, halves, picture

LAYOUT = Layout("<", big=False, ndpi=True)
MAKERS_TAGS = (65427, 65428, 65442, 65447, 65468, 65500)
TEXT_TAGS = (269, 305, 306, 315, 316, 33432)
UNKNOWN_TAGS = tuple(range(65460, 65468)) + (65480, 65481)
SHORT, LONG, RATIONAL, UNDEFINED, SIGNED, FLOAT = 3, 4, 5, 7, 9, 11
EXIF, USER_COMMENT, XMP, IPTC, AUTHOR, PROPERTIES = 34665, 37510, 700, 33723, 40093, 65449


def ndpi(folder: Path, unknown: bool = False) -> Path:
    """Three levels and a macro picture with all 30 identifiers: in the name, tags, strips, hidden directories and gaps.

    unknown: with ten tags that are in no list as well.
    """
    path = folder / f"{PLANTED[29]}.ndpi"
    writer = TiffWriter(path, LAYOUT)
    writer.data([PLANTED[0].encode()])
    exif = writer.directory([_bytes(USER_COMMENT, b"ASCII\0\0\0" + PLANTED[1].encode())], is_main=False)
    writer.directory([text_entry(270, PLANTED[2]), text_entry(315, PLANTED[3])], is_main=False)  # nothing leads here
    words = [text_entry(tag, value) for tag, value in zip(MAKERS_TAGS + TEXT_TAGS, PLANTED[4:16], strict=True)]
    words += [
        _bytes(XMP, f"<x:xmpmeta><dc:creator>{PLANTED[16]}</dc:creator></x:xmpmeta>".encode()),
        _bytes(IPTC, b"\x1c\x02\x50\x00\x11" + PLANTED[17].encode()),
        _bytes(AUTHOR, PLANTED[18].encode("utf-16-le")),
        text_entry(PROPERTIES, f"Product=C9600\r\nSlide={PLANTED[19]}\r\nMacro.S/N={PLANTED[20]}\r\n"),
        Entry(EXIF, LONG, 1, struct.pack("<I", exif)),
    ]
    words += [text_entry(tag, PLANTED[20]) for tag in UNKNOWN_TAGS] if unknown else []
    for number, level in enumerate(halves(picture())):
        _add_picture(writer, level, 40.0 / 2**number, _with_words(_coded(level)), words)
    macro = picture(200, 80)
    _add_picture(writer, macro, -1.0, _with_segment(_coded(macro), 0xFE, PLANTED[27]), [text_entry(270, PLANTED[21])])
    writer.close()
    path.write_bytes(path.read_bytes() + PLANTED[28].encode("utf-16-le"))
    return path


def _coded(pixels: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, level=90)


def _with_words(code: bytes) -> bytes:
    """A strip with words in a comment, notes, a table that no scan uses, and between its scan and its end."""
    code = _with_segment(code, 0xFE, PLANTED[21])
    code = _with_segment(code, 0xE1, "Exif\0\0" + PLANTED[22])
    code = _with_segment(code, 0xE0, "JFXX\0\x10" + PLANTED[23])
    code = _with_segment(code, 0xDB, "\x03" + PLANTED[24].ljust(64))
    comment = struct.pack(">BBH", 0xFF, 0xFE, len(PLANTED[25]) + 2) + PLANTED[25].encode()
    return code[:-2] + comment + code[-2:]


def _with_segment(code: bytes, marker: int, text: str) -> bytes:
    return code[:2] + struct.pack(">BBH", 0xFF, marker, len(text) + 2) + text.encode() + code[2:]


def _bytes(tag: int, value: bytes) -> Entry:
    return Entry(tag, UNDEFINED, len(value), value)


def _add_picture(writer: TiffWriter, pixels: np.ndarray, lens: float, code: bytes, words: list[Entry]) -> None:
    offset, length = writer.data([code])
    writer.data([PLANTED[26].encode()])  # a gap that nothing points at
    height, width = pixels.shape[:2]
    density = struct.pack("<II", round(1e4 / (MPP * 40 / lens)) if lens > 0 else 1, 1)
    short = [(258, 8), (259, 7), (262, 6), (277, 3), (296, 3)]
    long_ = [(254, 0), (256, width), (257, height), (273, offset), (278, height), (279, length), (65420, 1)]
    entries = [Entry(tag, SHORT, 1, struct.pack("<H", value)) for tag, value in short]
    entries += [Entry(tag, LONG, 1, struct.pack("<I", value)) for tag, value in long_]
    entries += [Entry(282, RATIONAL, 1, density), Entry(283, RATIONAL, 1, density), text_entry(271, "Hamamatsu")]
    entries += [Entry(65421, FLOAT, 1, struct.pack("<f", lens)), Entry(65424, SIGNED, 1, bytes(4))]
    writer.directory(entries + words, is_main=True)
