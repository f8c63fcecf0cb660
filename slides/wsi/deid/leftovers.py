"""Words in bytes that are left out of a copy, to look for afterwards in what was kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

MIN_CHARS = 6  # shorter runs turn up in compressed pixels by chance
MIN_KINDS = 4  # of characters: "000000" is no word
MAX_WORDS = 2_000
MAX_WORD_CHARS = 64
WORD = re.compile(rb"[\x20-\x7e]{%d,}" % MIN_CHARS)
TABLE = "CDEFGHIJSTUVWXYZcdefghijstuvwxyz"  # of the Huffman tables that most JPEG streams share, thumbnails too
WIDE_WORD = re.compile(rb"(?:[\x20-\x7e]\x00){%d,}" % MIN_CHARS)


def words_of(payloads: Iterable[bytes], numbers: bytes = b"") -> tuple[str, ...]:
    """The runs of letters in these bytes, in one and two bytes a letter, the first MAX_WORDS of them.

    numbers: bytes that are kept on purpose; runs that are in them are no words.
    """
    found: dict[str, None] = {}
    for payload in payloads:
        for pattern, coding in ((WORD, "ascii"), (WIDE_WORD, "utf-16-le")):
            for match in pattern.finditer(payload):
                word = match.group().decode(coding).strip()[:MAX_WORD_CHARS]
                if len(word) < MIN_CHARS:
                    continue
                if len(set(word)) >= MIN_KINDS and TABLE not in word and match.group() not in numbers:
                    found[word] = None
                if len(found) >= MAX_WORDS:
                    return tuple(found)
    return tuple(found)
