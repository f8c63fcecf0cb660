"""The working copy of a MIRAX slide: Slidedat.ini, index and data files are written anew from what shows the slide.

Of the data files, only the images of the zoom levels and the camera's positions are copied; label, overview and
whatever no kept record refers to are not. The .mrxs, which shows the label, becomes a white picture.
"""

from __future__ import annotations

import contextlib
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from slides.wsi.deid.byte_search import find_in_bytes
from slides.wsi.deid.draft import Draft
from slides.wsi.deid.jpeg_clean import Cleaned, clean_jpeg
from slides.wsi.deid.leftovers import words_of
from slides.wsi.deid.png_clean import clean_png
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.mirax import ini
from slides.wsi.formats.mirax import keys as ini_keys
from slides.wsi.formats.mirax.index import Index, Place, index_bytes

NAME = "slide"
MAX_INDEX_BYTES = 256 * 2**20
MAX_POSITIONS = 50_000_000
MAX_IMAGE_BYTES = 256 * 2**20
MAX_DATA_FILE_BYTES = 2**31 - 2**20  # offsets are signed 32-bit numbers
POSITION_BYTES = 9  # a flag and two numbers
MIN_CHARS, MIN_CHARS_IN_PIXELS = 4, 8  # shorter words turn up in coded pixels by chance
MAX_UNKNOWN = 50


def rewrite(paths: list[Path], folder: Path) -> Draft:
    """The working copy of one set in `folder`. Raises SlideRefused where a file of it is missing or damaged."""
    mains = [path for path in paths if path.suffix.lower() == ".mrxs"]
    if len(mains) != 1:
        raise SlideRefused("A MIRAX slide has one .mrxs file.", "parts")
    main, beside = mains[0], mains[0].with_suffix("")
    parts = {path.name: path for path in paths if path.parent == beside and path.is_file()}
    sections = ini.parse(_part(parts, "Slidedat.ini").read_bytes()[: ini.MAX_BYTES + 1])
    slidedat = ini.read(sections)
    index_path = _part(parts, slidedat.index_name)
    if index_path.stat().st_size > MAX_INDEX_BYTES:
        raise SlideRefused("The MIRAX slide's index is larger than any slide's.", "size")
    index = Index(index_path.read_bytes(), slidedat.slide_id.encode())
    slide_id = uuid.uuid4().hex.upper()
    place = folder / NAME
    place.mkdir()
    with contextlib.ExitStack() as stack:
        sources = [_part(parts, name) for name in slidedat.data_names]
        writer = stack.enter_context(contextlib.closing(DataWriter(place, slide_id, sources)))
        levels = [
            [(number, writer.copy(old, CLEAN[level["IMAGE_FORMAT"]])) for number, old in index.images_of(n)]
            for n, level in enumerate(slidedat.levels)
        ]
        positions = _copy_positions(slidedat, index, writer)
    text = slidedat.text(slide_id, writer.files, positions is not None)
    (place / "Slidedat.ini").write_text(text, encoding="ascii")
    (place / "Index.dat").write_bytes(index_bytes(slide_id.encode(), levels, positions))
    _, white = cv2.imencode(".jpg", np.full((64, 64, 3), 255, np.uint8))
    (folder / f"{NAME}.mrxs").write_bytes(white.tobytes())
    return _searched_draft(main, parts, folder, sections, slidedat, writer)


class DataWriter:
    """Writes images into data files of its own. sources: the files they come from, by number; one is open at a time."""

    def __init__(self, folder: Path, slide_id: str, sources: list[Path]) -> None:
        self._folder, self._sources = folder, sources
        self._head = b"01.02" + slide_id.encode()
        self._file: BinaryIO | None = None
        self._at = 0
        self._written: dict[Place, Place] = {}
        self._source: tuple[int, BinaryIO] | None = None
        sizes = [source.stat().st_size for source in sources]
        self._left_bytes = sum(sizes)
        # No file larger than the largest that came in: the child may not write larger ones.
        self._most_bytes = min(MAX_DATA_FILE_BYTES, max(sizes, default=0) + len(self._head))
        self.files = 0
        self.removed: set[str] = set()
        self.unknown: set[str] = set()
        self.words: set[str] = set()

    def copy(self, old: Place, clean: Callable[[bytes], Cleaned]) -> Place:
        """The image's place in the copy; the same where it was copied before."""
        if old not in self._written:
            cleaned = clean(self.read(old))
            if cleaned.payloads:
                self.removed.add("words inside images")
                self.words.update(words_of(cleaned.payloads, cleaned.numbers))
            self.unknown |= cleaned.unknown
            self._written[old] = self.add(cleaned.data)
        return self._written[old]

    def read(self, old: Place) -> bytes:
        """The bytes of a record. Records that overlap so that the copy would outgrow the slide are refused."""
        self._left_bytes -= old.length
        if old.file >= len(self._sources) or self._left_bytes < 0 or old.length > MAX_IMAGE_BYTES:
            raise SlideRefused("The MIRAX slide's index does not fit its data files.", "broken")
        if self._source is None or self._source[0] != old.file:
            if self._source is not None:
                self._source[1].close()
            self._source = (old.file, self._sources[old.file].open("rb"))
        source = self._source[1]
        source.seek(old.offset)
        data = source.read(old.length)
        if len(data) != old.length:
            raise SlideRefused("A data file of the MIRAX slide ends early. Copy it again.", "truncated")
        return data

    def add(self, data: bytes) -> Place:
        """Where these bytes were written."""
        file = self._file
        if file is None or self._at + len(data) > self._most_bytes:
            file = self._next_file()
        file.write(data)
        self._at += len(data)
        return Place(self._at - len(data), len(data), self.files - 1)

    def close(self) -> None:
        """Finish the file; there is always one."""
        (self._file or self._next_file()).close()
        if self._source is not None:
            self._source[1].close()

    def _next_file(self) -> BinaryIO:
        if self._file is not None:
            self._file.close()
        self._file = (self._folder / ini.data_name(self.files)).open("xb")
        self._file.write(self._head)
        self._at = len(self._head)
        self.files += 1
        return self._file


def clean_bmp(data: bytes) -> Cleaned:
    """A bitmap of 24 bits without palette; of its header nothing but numbers, and no bytes behind its pixels."""
    start, width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (10, 18, 22))
    end = start + (3 * width + 3) // 4 * 4 * abs(height)
    if data[:2] != b"BM" or start != 54 or data[28:30] != b"\x18\0" or min(width, abs(height)) < 1 or end > len(data):
        raise SlideRefused("An image of the MIRAX slide is damaged.", "broken")
    return Cleaned(data[:6] + bytes(4) + data[10:end], payloads=[data[end:]] if any(data[end:]) else [])


CLEAN: dict[str, Callable[[bytes], Cleaned]] = {"JPEG": clean_jpeg, "PNG": clean_png, "BMP24": clean_bmp}


def _part(parts: dict[str, Path], name: str) -> Path:
    if name not in parts:
        raise SlideRefused("A file of the MIRAX slide's folder is missing; send the whole folder.", "parts")
    return parts[name]


def _copy_positions(slidedat: ini.Slidedat, index: Index, writer: DataWriter) -> Place | None:
    """Where the camera stood, uncompressed; SlideRefused where it is not one flag and two numbers a position."""
    if slidedat.positions is None:
        return None
    record, compressed = slidedat.positions
    expected = slidedat.camera_positions * POSITION_BYTES
    if slidedat.camera_positions > MAX_POSITIONS:
        raise ini.broken()
    data = writer.read(index.other(record))
    if compressed:
        try:
            data = zlib.decompressobj().decompress(data, expected + 1)
        except zlib.error:
            raise ini.broken() from None
    if len(data) != expected or any(flag > 1 for flag in data[::POSITION_BYTES]):
        raise ini.broken()
    return writer.add(data)


def _searched_draft(
    main: Path,
    parts: dict[str, Path],
    folder: Path,
    sections: dict[str, dict[str, str]],
    slidedat: ini.Slidedat,
    writer: DataWriter,
) -> Draft:
    """What was made, searched for what was removed."""
    copy = folder / f"{NAME}.mrxs"
    names = ["Slidedat.ini", "Index.dat", *(ini.data_name(n) for n in range(writer.files))]
    copies = [copy, *(folder / NAME / name for name in names)]
    kept = copies[1].read_text(encoding="ascii")
    values = {value for keys in sections.values() for value in (*keys, *keys.values())} | writer.words
    removed = {value for value in values | {main.stem} if len(value) >= MIN_CHARS and value not in kept}
    left = find_in_bytes(copies[:3], removed) + find_in_bytes(
        copies[3:], [value for value in removed if len(value) >= MIN_CHARS_IN_PIXELS]
    )
    gone = sum(f"{key} = " not in kept for keys in sections.values() for key in keys)
    return Draft(
        originals=(main, *parts.values()),
        copies=tuple(copies),
        method="mrxs",
        removed=(*sorted({*slidedat.pictures, *writer.removed, "main picture"}), f"{gone} metadata fields"),
        unknown=tuple([*ini_keys.unknown_keys(sections), *sorted(writer.unknown)][:MAX_UNKNOWN]),
        is_clean=not left,
    )
