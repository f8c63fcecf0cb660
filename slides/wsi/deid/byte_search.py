"""Are removed values still in the bytes of a working copy?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

BLOCK_BYTES = 16 * 2**20
MIN_CHARS = 4
BY_CHANCE = 1e-3  # coded pixels look random: a value this likely to turn up in them says nothing


def find_in_bytes(paths: Sequence[Path], values: Iterable[str]) -> tuple[str, ...]:
    """Those values of MIN_CHARS and more that are in the bytes of these files, in UTF-8, Latin-1 or UTF-16.

    Of a value too short for files of this size only the codings that are long enough are looked for.
    """
    total_bytes = sum(path.stat().st_size for path in paths)
    search = Search({code: value for value in set(values) for code in _codings(value, total_bytes)})
    for path in paths:
        tail = b""
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                seen = tail + block
                search.look(seen)
                tail = seen[-search.longest :]
    return tuple(search.found)


class Search:
    """Looks for thousands of byte strings at once. found: the values met so far.

    Every second pair of bytes is looked up in a table: a string has its first or its second byte at an even place.
    """

    def __init__(self, values: dict[bytes, str]) -> None:
        """values: what each string of four bytes and more stands for."""
        self.found: dict[str, None] = {}
        self.longest = max(map(len, values), default=1)
        self._values = values
        self._by_start: dict[int, list[bytes]] = {}
        self._even, self._odd = np.zeros(1 << 16, bool), np.zeros(1 << 16, bool)
        for code in values:
            self._by_start.setdefault(int.from_bytes(code[:4], "little"), []).append(code)
            self._even[int.from_bytes(code[:2], "little")] = True
            self._odd[int.from_bytes(code[1:3], "little")] = True
        self._both = self._even | self._odd
        self._starts = np.array(sorted(self._by_start), np.uint32)

    def look(self, seen: bytes) -> None:
        """Note the values that are in these bytes."""
        if len(seen) < MIN_CHARS or not self._values:
            return
        pairs = np.frombuffer(seen, "<u2", len(seen) // 2)
        at = np.flatnonzero(np.take(self._both, pairs))
        self._compare(seen, 2 * at[self._even[pairs[at]]])
        self._compare(seen, 2 * at[self._odd[pairs[at]]] - 1)

    def _compare(self, seen: bytes, places: np.ndarray) -> None:
        """Note the values that begin at one of these places."""
        data = np.frombuffer(seen, np.uint8)
        places = places[(places >= 0) & (places <= len(seen) - MIN_CHARS)]
        starts = sum(data[places + n].astype(np.uint32) << np.uint32(8 * n) for n in range(MIN_CHARS))
        is_one = np.isin(starts, self._starts)
        for place, start in zip(places[is_one].tolist(), starts[is_one].tolist(), strict=True):
            for code in self._by_start[start]:
                if seen.startswith(code, place):
                    self.found[self._values[code]] = None


def _codings(value: str, total_bytes: int) -> tuple[bytes, ...]:
    if len(value) < MIN_CHARS:
        return ()
    codes = {value.encode(errors="replace"), value.encode("latin-1", "replace")}
    codes |= {value.encode("utf-16-le", "replace"), value.encode("utf-16-be", "replace")}
    return tuple(code for code in codes if total_bytes * 256.0 ** -len(code) < BY_CHANCE)
