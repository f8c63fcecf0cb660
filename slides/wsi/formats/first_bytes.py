"""The first bytes of a file, and what it seems to be where it is no slide."""

from __future__ import annotations

from pathlib import Path

from slides.wsi.errors import SlideRefused

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


def suffix_of(path: Path) -> str:
    """The last extension in lower case, with its dot; of "a.ome.tif" it is ".tif"."""
    return path.suffix.lower()


def read_head(path: Path) -> bytes:
    """The first HEAD_BYTES of a file, or fewer; SlideRefused where there are none."""
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
    return head


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


def cut_off(file_bytes: int) -> SlideRefused:
    """The refusal of a file that ends early."""
    return SlideRefused(
        f"The file ends early: it has {file_bytes:,} bytes and says it has more. Copy it again.", "truncated"
    )
