"""The tables of JPEG streams: which of them a scan uses. One that none uses decodes nothing, and has room for words.

Quantisation and Huffman tables have numbers, and a scan takes the last one of its number that came before it. Frames,
scans and tables: ITU-T T.81, B.2.2 to B.2.4.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Iterable

from slides.wsi.errors import SlideRefused

DHT, DAC, SOS, DQT, DNL, DRI, COM = 0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE
TABLES = frozenset({DHT, DAC, DQT})
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SEQUENTIAL, PROGRESSIVE, LOSSLESS = {0xC0, 0xC1, 0xC5}, {0xC2, 0xC6}, {0xC3, 0xC7}  # with Huffman codes
ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
NO_QUANTISATION = LOSSLESS | {0xCB, 0xCF}
MAX_COMPONENTS, MAX_DAC_BYTES = 4, 16
NO_NUMBER = 0xEC  # bits that the byte before a table never has: its number is 0 to 3, its class or precision 0 or 1
WIDE = 0x10  # the bit of 16-bit quantisers, and of the Huffman tables of what alternates
QUANTISERS, LENGTHS, MAX_SYMBOLS = 64, 16, 256
MAX_QUANTISER = 8191  # the coarsest there are have about 6000; two letters as one number have 8224 and more
MAX_SIZE, MORE_BITS = 10, 8  # bits of a coefficient of 8-bit samples; each bit more in the samples is one more in it
NUMBERS_BYTES = {DNL: 2, DRI: 2}  # segments of one number
UNUSED = "tables that no scan uses"
ODD = "a JPEG table with values that no picture has"

Name = tuple[int, int]  # a table's marker and number, of Huffman tables also the class


@dataclasses.dataclass
class Table:
    """One table. data: with the byte that holds its number. used: by a scan of the stream."""

    name: Name
    data: bytes
    used: bool = False


@dataclasses.dataclass(frozen=True)
class Segment:
    """A segment of tables. data: with its marker and length."""

    data: bytes
    tables: list[Table]

    def kept(self) -> bytes:
        """The segment with the tables that are used; nothing where none is."""
        if all(table.used for table in self.tables):
            return self.data if self.tables else b""
        body = b"".join(table.data for table in self.tables if table.used)
        return struct.pack(">BBH", 0xFF, self.data[1], len(body) + 2) + body if body else b""

    def kept_in_place(self) -> bytes:
        """The same at the segment's own length: an empty comment takes the place of what goes."""
        kept = self.kept()
        spare = len(self.data) - len(kept)
        return kept + (struct.pack(">BBH", 0xFF, COM, spare - 2) + bytes(spare - 4) if spare else b"")


class Tables:
    """Follows a stream, segment by segment. needed: names of the tables that its scans use and it lacks itself."""

    def __init__(self) -> None:
        self.needed: set[Name] = set()
        self._segments: list[Segment] = []
        self._last: dict[Name, Table] = {}
        self._frame = self._bits = 0
        self._quantiser_of: dict[int, int] = {}
        self._scanned: set[int] = set()

    def take(self, data: bytes) -> Segment | None:
        """Note a segment, `data` with its marker and length. What stays of one of tables is known after the last scan.

        SlideRefused where it is not as long as it must be.
        """
        marker, body = data[1], data[4:]
        if marker in TABLES:
            segment = Segment(data, [Table(*table) for table in _tables(marker, body)])
            self._segments.append(segment)
            self._last |= {table.name: table for table in segment.tables}
            return segment
        if marker in FRAMES:
            count = body[5] if len(body) > 5 else 0
            if self._frame or not 0 < count <= MAX_COMPONENTS or len(body) != 6 + 3 * count:
                raise broken()
            self._frame, self._bits = marker, body[0]
            self._quantiser_of = {body[at]: body[at + 2] for at in range(6, len(body), 3)}
        elif marker == SOS:
            self._take_scan(body)
        elif len(body) != NUMBERS_BYTES.get(marker, len(body)):
            raise broken()
        return None

    def use(self, names: Iterable[Name]) -> None:
        """Note that these tables are used, as the stream has them by now."""
        for name in names:
            if name in self._last:
                self._last[name].used = True
            else:
                self.needed.add(name)

    def unused(self) -> list[Table]:
        """The tables that no scan uses."""
        return [table for table in self._all() if not table.used]

    def unused_bytes(self) -> bytes:
        """What these hold, less those that are in the stream once more and used there."""
        kept = b"".join(segment.kept() for segment in self._segments)
        return b"".join(table.data[1:] for table in self.unused() if table.data[1:] not in kept)

    def has_odd(self) -> bool:
        """Whether a table that is used has values that no coder writes: it could be text."""
        return any(table.used and _is_odd(table.name[0], table.data, self._frame, self._bits) for table in self._all())

    def _all(self) -> Iterable[Table]:
        return (table for segment in self._segments for table in segment.tables)

    def _take_scan(self, body: bytes) -> None:
        count = body[0] if body else 0
        if not self._frame or not 0 < count <= MAX_COMPONENTS or len(body) != 4 + 2 * count:
            raise broken()
        for at in range(1, 2 * count, 2):
            component, numbers = body[at], body[at + 1]
            if component not in self._quantiser_of:
                raise broken()
            self.use((DHT, number) for number in self._huffman(numbers, body[-3], body[-1] >> 4))
            if component not in self._scanned and self._frame not in NO_QUANTISATION:
                # Decoders keep the one of a component's first scan, since it may not change later.
                self.use([(DQT, self._quantiser_of[component])])
            self._scanned.add(component)
        if self._frame in ARITHMETIC:
            self.use([name for name in self._last if name[0] == DAC])

    def _huffman(self, numbers: int, first: int, refines: int) -> list[int]:
        """The Huffman tables that a scan takes for a component. first: coefficient; refines: what came before."""
        direct, alternating = numbers >> 4, WIDE | numbers & 15
        if self._frame in SEQUENTIAL:
            return [direct, alternating]
        if self._frame in PROGRESSIVE and first:
            return [alternating]
        return [direct] if self._frame in LOSSLESS or (self._frame in PROGRESSIVE and not refines) else []


def broken() -> SlideRefused:
    """The refusal of a stream that is not one."""
    return SlideRefused("The JPEG image is damaged: its parts break off or do not fit together.", "broken")


@functools.lru_cache(256)  # streams of one coder have the same tables
def _is_odd(kind: int, data: bytes, frame: int, bits: int) -> bool:
    """Whether a table, `data` with its number, has values that no coder writes for such a frame; 0: not known."""
    number = data[0]
    if kind == DQT and number & WIDE:
        return max(struct.unpack(f">{QUANTISERS}H", data[1:])) > MAX_QUANTISER
    if kind != DHT:
        return False
    symbols = data[1 + LENGTHS :]
    return len(set(symbols)) < len(symbols) or bool(number & WIDE and not _odd_symbols(frame, bits).isdisjoint(symbols))


@functools.cache
def _odd_symbols(frame: int, bits: int) -> frozenset[int]:
    """Runs of zeros with the size of what is behind them that no picture has."""
    largest = MAX_SIZE + max(0, bits - MORE_BITS)
    sizes = {symbol for symbol in range(256) if frame and symbol & 15 > largest}
    return frozenset(sizes | ({run << 4 for run in range(1, 15)} if frame in SEQUENTIAL else set()))


@functools.lru_cache(256)
def _tables(marker: int, body: bytes) -> tuple[tuple[Name, bytes], ...]:
    """Names and bytes of a segment's tables, one after the other; SlideRefused where they do not fill it."""
    if marker == DAC:
        return _conditioning(body)
    found, at = [], 0
    while at < len(body):
        number = body[at]
        end = at + 1 + (_huffman_bytes(body, at + 1) if marker == DHT else QUANTISERS * (2 if number & WIDE else 1))
        if end > len(body) or number & NO_NUMBER:
            raise broken()
        found.append(((marker, number if marker == DHT else number & ~WIDE), body[at:end]))
        at = end
    return tuple(found)


def _huffman_bytes(body: bytes, at: int) -> int:
    """How many bytes the counts and symbols have; SlideRefused where there are more codes than there can be."""
    counts = body[at : at + LENGTHS]
    codes = sum(count << (LENGTHS - length) for length, count in enumerate(counts, 1))
    if codes > 1 << LENGTHS or sum(counts) > MAX_SYMBOLS:
        raise broken()
    return LENGTHS + sum(counts)


def _conditioning(body: bytes) -> tuple[tuple[Name, bytes], ...]:
    """What arithmetic coders start from: pairs of a table's number and its value, taken as one table."""
    numbers = body[::2]
    if len(body) % 2 or len(body) > MAX_DAC_BYTES or len(set(numbers)) < len(numbers):
        raise broken()
    if any(number & NO_NUMBER for number in numbers):
        raise broken()
    return (((DAC, int.from_bytes(numbers)), body),) if body else ()
