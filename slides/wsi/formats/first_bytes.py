"""What a file says it is, and whether we take it: first bytes, extension and declared maker must agree.

Only formats on the list below are opened. To add one: a magic in `sniff`, its extensions and vendor here, a source in
`slides/wsi/sources`, a file in tests/wsi.
"""

from __future__ import annotations

import struct
from pathlib import Path

from slides.wsi.errors import SlideRefused

TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TIFF_SUFFIXES = (".svs", ".tif", ".tiff", ".ndpi", ".scn")
SUFFIXES = {
    "tiff": TIFF_SUFFIXES,
    "jpeg": (".jpg", ".jpeg"),
    "png": (".png",),
    "dicom": (".dcm", ".dicom", ""),
    "mrxs": (".mrxs",),  # a JPEG by its content, with a folder beside it
}
ACCEPTED_SUFFIXES = tuple(sorted({suffix for suffixes in SUFFIXES.values() for suffix in suffixes if suffix}))

# OpenSlide's name of the maker → our name of the format, and the extensions that go with it.
# Not on the list: makers for which no file was ever tried here.
VENDORS = {
    "aperio": ("Aperio SVS", (".svs", ".tif", ".tiff")),
    "hamamatsu": ("Hamamatsu NDPI", (".ndpi",)),
    "leica": ("Leica SCN", (".scn",)),
    "generic-tiff": ("Tiled TIFF", (".tif", ".tiff")),
    "dicom": ("DICOM", SUFFIXES["dicom"]),
    "mirax": ("MIRAX", SUFFIXES["mrxs"]),
}

FOREIGN_MAGICS = (  # what else people hand in, so that the refusal can name it
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"ZISRAWFILE", "a Zeiss CZI file, which is not supported yet"),
)
HEAD_BYTES = 4096
DICOM_HEAD_BYTES = 132  # a preamble that says nothing, and the magic


def suffix_of(path: Path) -> str:
    """The last extension in lower case, with its dot; of "a.ome.tif" it is ".tif"."""
    return path.suffix.lower()


def sniff(path: Path) -> str:
    """ "tiff", "jpeg", "png" or "dicom" by the first bytes; SlideRefused for all else, saying what it is."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise SlideRefused("The file is not there.", "missing") from None
    except IsADirectoryError:
        raise SlideRefused("This is a folder, not a slide file.", "format") from None
    except OSError:
        raise SlideRefused("The file cannot be read from the disk.", "missing") from None
    if not head:
        raise SlideRefused("The file is empty: it has zero bytes.", "empty")
    if head[:4] in TIFF_MAGICS:
        refuse_cut_tiff(head, path.stat().st_size)
        return "tiff"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if is_dicom(head):
        return "dicom"
    raise SlideRefused(f"This is {named(head)}, not a slide.", "format")


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with these DICOM_HEAD_BYTES or more is DICOM."""
    return head[128:DICOM_HEAD_BYTES] == b"DICM"


def named(head: bytes) -> str:
    """What a file that is no slide seems to be, in words."""
    for magic, name in FOREIGN_MAGICS:
        if head.startswith(magic):
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if _is_text(head):
        return "a text file"
    return "a file of an unknown kind"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head[: len(head) - 4].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def refuse_cut_tiff(head: bytes, file_bytes: int) -> None:
    """A TIFF whose first directory lies behind its end was cut off."""
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    needed = 16 if big else 8
    if len(head) < needed:
        raise cut_off(file_bytes)
    (directory,) = struct.unpack_from(order + ("Q" if big else "I"), head, needed - (8 if big else 4))
    if directory >= file_bytes:
        raise cut_off(file_bytes)


def cut_off(file_bytes: int) -> SlideRefused:
    """The refusal of a file that ends early."""
    return SlideRefused(
        f"The file ends early: it has {file_bytes:,} bytes and says it has more. Copy it again.", "truncated"
    )


def refuse_other_suffix(magic: str, suffix: str) -> None:
    """Refuse a name whose extension does not go with the content."""
    suffix = suffix.lower()
    if suffix in SUFFIXES[magic]:
        return
    if not suffix:
        raise SlideRefused("The name has no extension, so the format cannot be checked.", "extension")
    if any(suffix in suffixes for suffixes in SUFFIXES.values()):
        raise SlideRefused(f"The name ends in {suffix}, but the content is {magic.upper()}.", "extension")
    raise SlideRefused(f"The extension is not one of {', '.join(ACCEPTED_SUFFIXES)}.", "extension")


def refuse_other_vendor(vendor: str, suffix: str | None) -> str:
    """Our name of a format on the list, when the extension goes with it (None: not to be checked)."""
    if vendor not in VENDORS:
        raise SlideRefused("This maker's slide format is not supported yet.", "vendor")
    name, suffixes = VENDORS[vendor]
    if suffix is not None and suffix.lower() not in suffixes:
        raise SlideRefused(f"The name ends in {suffix.lower()}, but the content is {name}.", "extension")
    return name
