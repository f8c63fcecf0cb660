"""The Index.dat of a MIRAX slide: where each image of each zoom level lies, read and written anew.

Layout, all little-endian int32 behind a version and the slide's identifier: two pointers, to the table of levels and to
the table of other records. A level: 0, pointer to its first page. A page: count, pointer to the next or 0, then for
each image its number, offset, length and data file.
"""

from __future__ import annotations

import dataclasses
import struct

from slides.wsi.errors import SlideRefused

VERSION = b"01.02"
RECORD_BYTES, PAGE_HEAD_BYTES = 16, 8


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Bytes of a data file. file: its number."""

    offset: int
    length: int
    file: int


class Index:
    """An Index.dat as read. Raises SlideRefused where a pointer leads nowhere."""

    def __init__(self, data: bytes, slide_id: bytes) -> None:
        self._data = data
        self._root = len(VERSION) + len(slide_id)
        if data[: self._root] != VERSION + slide_id:
            raise broken()

    def images_of(self, level: int) -> list[tuple[int, Place]]:
        """(image number, place) of each image of a zoom level."""
        page = self._page(self._number(self._root) + 4 * level)
        found: list[tuple[int, Place]] = []
        seen: set[int] = set()
        while page:
            if page in seen:
                raise broken()
            seen.add(page)
            count, following = self._number(page), self._number(page + 4)
            first = page + PAGE_HEAD_BYTES
            if first + count * RECORD_BYTES > len(self._data):
                raise broken()
            for number, offset, length, file in struct.iter_unpack(
                "<iiii", self._data[first : first + count * RECORD_BYTES]
            ):
                if min(number, offset, file) < 0 or length <= 0:
                    raise broken()
                found.append((number, Place(offset, length, file)))
            page = following
        return found

    def other(self, record: int) -> Place:
        """Where a record that belongs to no zoom level lies."""
        page = self._page(self._number(self._root + 4) + 4 * record)
        if self._number(page) != 1:
            raise broken()
        return Place(*(self._number(page + at) for at in (16, 20, 24)))

    def _page(self, pointer: int) -> int:
        """The first page of what the pointer at `pointer` leads to."""
        start = self._number(pointer)
        if self._number(start) != 0:
            raise broken()
        return self._number(start + 4)

    def _number(self, at: int) -> int:
        if at + 4 > len(self._data):
            raise broken()
        (value,) = struct.unpack_from("<i", self._data, at)
        if value < 0:
            raise broken()
        return value


def index_bytes(slide_id: bytes, levels: list[list[tuple[int, Place]]], positions: Place | None) -> bytes:
    """An Index.dat with one page a level, and one other record where there are positions."""
    head = VERSION + slide_id
    levels_at = len(head) + 8
    at = levels_at + 4 * len(levels)
    pointers, bodies = [], b""
    for images in levels:
        pointers.append(at + len(bodies))
        page = struct.pack("<ii", len(images), 0)
        page += b"".join(struct.pack("<iiii", number, p.offset, p.length, p.file) for number, p in images)
        bodies += struct.pack("<ii", 0, at + len(bodies) + 8) + page
    others_at = at + len(bodies)
    if positions is not None:
        bodies += struct.pack("<iii", others_at + 4, 0, others_at + 12)
        bodies += struct.pack("<iiiiiii", 1, 0, 0, 0, positions.offset, positions.length, positions.file)
    return head + struct.pack(f"<ii{len(pointers)}i", levels_at, others_at, *pointers) + bodies


def broken() -> SlideRefused:
    """The refusal of an index that is not one."""
    return SlideRefused("The MIRAX slide's index is damaged or belongs to another slide.", "broken")
