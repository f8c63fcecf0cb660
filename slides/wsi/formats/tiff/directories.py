"""The bones of a TIFF: its directories read without any library, and written anew.

Classic and BigTIFF in both byte orders, and Hamamatsu's classic files whose offsets have 8 bytes.
"""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import BinaryIO

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import cut_off
from slides.wsi.formats.tiff.chain import MAX_DIRECTORIES, MAX_ENTRIES, NDPI_TAG
from slides.wsi.formats.tiff.tag_rules import SUB_IFDS

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL, LONG8 = 1, 2, 3, 4, 5, 7, 10, 16
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
FLOATS = {11: "f", 12: "d"}
MAX_VALUE_BYTES = 256 * 2**20
LOW = 2**32


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """How a file writes its numbers. order: "<" or ">"."""

    order: str
    big: bool
    ndpi: bool

    @property
    def entry_bytes(self) -> int:
        """Of one entry of a directory."""
        return 20 if self.big else 12

    @property
    def inline_bytes(self) -> int:
        """Up to how many bytes a value has its place in the entry itself."""
        return 8 if self.big else 4

    @property
    def link(self) -> str:
        """Of the offset of the next directory."""
        return self.order + ("Q" if self.big or self.ndpi else "I")

    def header(self, first: int) -> bytes:
        """The start of a file whose first directory is at `first`."""
        start = b"II" if self.order == "<" else b"MM"
        if self.big:
            return start + struct.pack(self.order + "HHHQ", 43, 8, 0, first)
        return start + struct.pack(self.order + "H", 42) + struct.pack(self.link, first)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One tag of a directory. data: its value's bytes in the file's order."""

    tag: int
    kind: int
    count: int
    data: bytes

    def numbers(self, order: str) -> tuple[int, ...]:
        """The value as whole numbers; SlideRefused where it is none."""
        letter = LETTERS.get(self.kind)
        if letter is None or letter in "fd":
            raise broken()
        return struct.unpack(f"{order}{self.count}{letter}", self.data)

    def fraction(self, order: str) -> float:
        """The first number of a value of FLOATS."""
        return struct.unpack_from(order + FLOATS[self.kind], self.data)[0]

    def text(self) -> str:
        """The value as text, whatever its bytes are: as most write it, else as older programs do (a µ of one byte)."""
        data = self.data.rstrip(b"\0")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")


@dataclasses.dataclass(slots=True)
class Directory:
    """One picture of the file. entries by tag."""

    offset: int
    entries: dict[int, Entry]
    next: int

    def number(self, tag: int, order: str, otherwise: int = 0) -> int:
        """The first number of a tag."""
        numbers = self.entries[tag].numbers(order) if tag in self.entries else ()
        return numbers[0] if numbers else otherwise

    def text(self, tag: int) -> str:
        """A tag's text, "" where it is not there."""
        return self.entries[tag].text() if tag in self.entries else ""


def broken() -> SlideRefused:
    """The refusal of a file whose parts do not fit together."""
    return SlideRefused("The TIFF file is damaged: its parts do not fit together.", "broken")


class Tiff:
    """An open TIFF. layout: how it writes numbers. size: its bytes."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._file: BinaryIO = path.open("rb")
        head = self.read(0, min(16, self.size))
        order, big = ("<" if head[:2] == b"II" else ">"), b"+" in head[2:4]
        self.layout = Layout(order, big, ndpi=False)
        if len(head) < (16 if big else 8):
            raise cut_off(self.size)
        self._first = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
        if not big and NDPI_TAG in self.directory(self._first, lazy=True).entries:
            self.layout = Layout(order, big, ndpi=True)
            self._first = struct.unpack(order + "Q", self.read(4, 8))[0]

    def directories(self) -> list[Directory]:
        """The chain of main directories."""
        found: list[Directory] = []
        seen: set[int] = set()
        offset = self._first
        while offset:
            if offset in seen or len(found) >= MAX_DIRECTORIES:
                raise SlideRefused("The TIFF file is damaged: its directories run in a circle.", "broken")
            seen.add(offset)
            found.append(self.directory(offset))
            offset = found[-1].next
        if not found:
            raise broken()
        return found

    def below(self, directory: Directory) -> list[Directory]:
        """The directories that hang below a main one."""
        entry = directory.entries.get(SUB_IFDS)
        return [] if entry is None else [self.directory(offset) for offset in entry.numbers(self.layout.order)]

    def directory(self, offset: int, lazy: bool = False) -> Directory:
        """The directory at `offset`. lazy: only the tags' numbers, no values."""
        layout = self.layout
        count_at = layout.order + ("Q" if layout.big else "H")
        (count,) = struct.unpack(count_at, self.read(offset, struct.calcsize(count_at)))
        if not 0 < count <= MAX_ENTRIES:
            raise broken()
        start = offset + struct.calcsize(count_at)
        table = self.read(start, count * layout.entry_bytes)
        behind = start + len(table)
        (following,) = struct.unpack(layout.link, self.read(behind, struct.calcsize(layout.link)))
        high = (0,) * count
        high_at, high_bytes = behind + 8, 4 * count
        # The upper halves of values lie behind Hamamatsu's directories; zeros where the file ends there.
        if layout.ndpi and self.size >= max(LOW, high_at + high_bytes):
            high = struct.unpack(f"{layout.order}{count}I", self.read(high_at, high_bytes))
        entries = {}
        for number in range(count):
            row = table[number * layout.entry_bytes : (number + 1) * layout.entry_bytes]
            if lazy:
                tag, kind = struct.unpack_from(layout.order + "HH", row)
                entry = Entry(tag, kind, 0, b"")
            else:
                entry = self._entry(row, high[number], offset)
            entries[entry.tag] = entry
        return Directory(offset, entries, following)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes; SlideRefused where the file ends before."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise cut_off(self.size)
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise cut_off(self.size)
        return data

    def close(self) -> None:
        """Free the file."""
        self._file.close()

    def _entry(self, row: bytes, high: int, directory_at: int) -> Entry:
        layout = self.layout
        tag, kind, count = struct.unpack_from(layout.order + ("HHQ" if layout.big else "HHI"), row)
        if kind not in TYPE_BYTES:
            return Entry(tag, kind, 0, b"")
        length = TYPE_BYTES[kind] * count
        if length > MAX_VALUE_BYTES:
            raise broken()
        place = row[-layout.inline_bytes :]
        if length <= layout.inline_bytes:
            if layout.ndpi and high and kind == LONG and count == 1:
                return Entry(tag, LONG8, 1, place + struct.pack(layout.order + "I", high))
            return Entry(tag, kind, count, place[:length])
        (offset,) = struct.unpack(layout.order + ("Q" if layout.big else "I"), place)
        return Entry(tag, kind, count, self.read(offset + high * LOW, length))
