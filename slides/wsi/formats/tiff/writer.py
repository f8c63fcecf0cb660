"""Write the directories of a TIFF: pixel data as it comes, then each directory right behind its own data.

Hamamatsu's files are read by guessing that a directory lies behind what it points at, so this order matters.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from slides.wsi.formats.tiff.directories import ASCII, LETTERS, LONG, LONG8, LOW, Entry, Layout, broken

MOST_CLASSIC_BYTES = LOW - 1


def numbers_entry(tag: int, numbers: Sequence[int], layout: Layout) -> Entry:
    """A tag of whole numbers: of 8 bytes in BigTIFF, else of 4."""
    kind = LONG8 if layout.big else LONG
    if not layout.big:
        numbers = [number % LOW for number in numbers] if layout.ndpi else numbers
        if max(numbers, default=0) > MOST_CLASSIC_BYTES:
            raise broken()
    return Entry(tag, kind, len(numbers), struct.pack(f"{layout.order}{len(numbers)}{LETTERS[kind]}", *numbers))


def text_entry(tag: int, text: str) -> Entry:
    """A tag of text."""
    data = text.encode() + b"\0"
    return Entry(tag, ASCII, len(data), data)


class TiffWriter:
    """A TIFF that grows at its end. at: how many bytes it has."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._file: BinaryIO = path.open("xb")
        self._layout = layout
        self._link_at = 8 if layout.big else 4  # where the offset of the next main directory is to be written
        self.at = 0
        self._append(layout.header(0))

    def data(self, pieces: Iterator[bytes] | Sequence[bytes]) -> tuple[int, int]:
        """Append pixel data; (where it lies, its length)."""
        self._append(bytes(self.at % 2))
        start = self.at
        for piece in pieces:
            self._append(piece)
        return start, self.at - start

    def directory(self, entries: list[Entry], is_main: bool, high: dict[int, int] | None = None) -> int:
        """Append a directory with its values; where it lies. high: upper halves of single values, for NDPI alone."""
        layout, high = self._layout, dict(high or {})
        table = b""
        entries = sorted(entries, key=lambda entry: entry.tag)
        for entry in entries:
            place = entry.data.ljust(layout.inline_bytes, b"\0")
            if len(entry.data) > layout.inline_bytes:
                start, _ = self.data([entry.data])
                high[entry.tag] = start // LOW
                place = struct.pack(layout.order + ("Q" if layout.big else "I"), self._fitting(start))
            table += struct.pack(layout.order + ("HHQ" if layout.big else "HHI"), entry.tag, entry.kind, entry.count)
            table += place
        self._append(bytes(self.at % 2))
        start = self.at
        self._append(struct.pack(layout.order + ("Q" if layout.big else "H"), len(entries)) + table)
        link_at = self.at
        self._append(struct.pack(layout.link, 0))
        if layout.ndpi:
            words = [high.get(entry.tag, 0) for entry in entries]
            self._append(struct.pack(f"{layout.order}{len(words)}I", *words))
        if is_main:
            if not (layout.big or layout.ndpi):
                self._fitting(start)
            self._file.seek(self._link_at)
            self._file.write(struct.pack(layout.link, start))
            self._file.seek(self.at)
            self._link_at = link_at
        return start

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _fitting(self, offset: int) -> int:
        """An offset as an entry holds it; SlideRefused where a classic file grows too large for it."""
        if self._layout.big:
            return offset
        if offset > MOST_CLASSIC_BYTES and not self._layout.ndpi:
            raise broken()
        return offset % LOW

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self.at += len(data)
