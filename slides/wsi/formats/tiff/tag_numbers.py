"""Which numbers a tag of a TIFF may hold: as many and as large as its use has, so that none of them spell a name.

Meanings and ranges: TIFF 6.0, sections 8 and 21; of Hamamatsu's tags, what OpenSlide reads of them.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np

from slides.wsi.formats.tiff import tag_rules as rules
from slides.wsi.formats.tiff.directories import FLOATS, LETTERS, LONG, RATIONAL, Directory, Entry

BITS = frozenset({*range(1, 17), 24, 32, 64})
MOST_BLACK_WHITE = 65_535
SUM_SLACK = 0.01  # the three parts of brightness make up all of it
NAME_CHARS = rb"[A-Za-z0-9 ,.'^-]"
TEXT = re.compile(NAME_CHARS + rb"{6,}")
MOST_LENS = 1000


def is_needed(entry: Entry, directory: Directory, order: str) -> bool:
    """Whether a reader of this picture has a use for the tag."""
    return entry.tag not in rules.OF_YCBCR or directory.number(rules.PHOTOMETRIC, order) == rules.YCBCR


def is_plausible(entry: Entry, directory: Directory, order: str) -> bool:
    """Whether the tag's numbers are such as it has in pictures."""
    if entry.tag in rules.MOST:
        if not _are_whole(entry, order, rules.MOST[entry.tag], rules.COUNTS.get(entry.tag, 1)):
            return False
        if entry.tag == rules.BITS:
            return set(entry.numbers(order)) <= BITS
        # The ends of a range are the same for all samples.
        return entry.tag not in rules.SAME_FOR_ALL or len(set(entry.numbers(order))) == 1
    if entry.tag in rules.NDPI_DISTANCES:
        return _are_whole(entry, order, rules.MOST_NM, 1)
    if entry.tag in (rules.NDPI_MCU_STARTS, rules.NDPI_MCU_STARTS_HIGH):
        return _are_starts(directory, order)
    return CHECKS[entry.tag](entry, directory, order)


def _are_whole(entry: Entry, order: str, most: int, count: int) -> bool:
    if LETTERS.get(entry.kind, "f") in "fd" or not 0 < entry.count <= count:
        return False
    return all(abs(number) <= most for number in entry.numbers(order))


def _is_fraction(entry: Entry, directory: Directory, order: str) -> bool:
    """One number that is not below zero; of a fraction's two parts chance makes letters once in thousands of files."""
    if entry.count != 1 or TEXT.search(entry.data):
        return False
    if entry.kind in FLOATS:
        return math.isfinite(entry.fraction(order)) and entry.fraction(order) >= 0
    return entry.kind == RATIONAL or _are_whole(entry, order, rules.MOST_PIXELS, 1)


def _is_lens(entry: Entry, directory: Directory, order: str) -> bool:
    if entry.count != 1 or entry.kind not in FLOATS or re.fullmatch(NAME_CHARS + b"+", entry.data):
        return False
    return abs(entry.fraction(order)) <= MOST_LENS


def _is_brightness(entry: Entry, directory: Directory, order: str) -> bool:
    parts = _fractions(entry, order, 3)
    return all(0 < part < 1 for part in parts) and abs(sum(parts) - 1) < SUM_SLACK


def _is_black_and_white(entry: Entry, directory: Directory, order: str) -> bool:
    """Three pairs, black before white, in whole numbers."""
    ends = _fractions(entry, order, 6)
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    return bool(ends) and all(0 <= black < white <= MOST_BLACK_WHITE for black, white in pairs) and all(
        end == int(end) for end in ends
    )  # fmt: skip


def _fractions(entry: Entry, order: str, count: int) -> list[float]:
    """The values of fractions; none where they are not `count` of them, or one divides by zero."""
    if entry.kind != RATIONAL or entry.count != count:
        return []
    parts = struct.unpack(f"{order}{2 * count}I", entry.data)
    return [above / below for above, below in zip(parts[::2], parts[1::2], strict=True) if below][:count]


def _are_starts(directory: Directory, order: str) -> bool:
    """Where parts of a strip begin: numbers of two halves that go up and end within the strip."""
    low, high = (directory.entries.get(tag) for tag in (rules.NDPI_MCU_STARTS, rules.NDPI_MCU_STARTS_HIGH))
    if low is None or any(each and (each.kind, each.count) != (LONG, low.count) for each in (low, high)):
        return False
    starts = np.frombuffer(low.data, order + "u4").astype(np.uint64)
    if high is not None:
        starts |= np.frombuffer(high.data, order + "u4").astype(np.uint64) << np.uint64(32)
    return bool((starts[1:] > starts[:-1]).all()) and starts[-1] < directory.number(rules.STRIP_BYTES, order)


CHECKS = {
    rules.X_RESOLUTION: _is_fraction, rules.Y_RESOLUTION: _is_fraction, rules.X_POSITION: _is_fraction,
    rules.Y_POSITION: _is_fraction, rules.YCBCR_PARTS: _is_brightness, rules.BLACK_WHITE: _is_black_and_white,
    rules.NDPI_LENS: _is_lens,
}  # fmt: skip
