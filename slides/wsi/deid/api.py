"""What a rewrite says about the working copy it made."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Deidentified:
    """A working copy of one slide.

    files: relative to its folder, the main one first. method: a word for the way it was made. removed: in words, such
    as "label picture" or "12 metadata fields", never values. unknown: names of keys that no rule knows; they are not
    in the copy either. verified: the copy opens, its pixels are the same and the removed values are not in its bytes.
    """

    files: tuple[str, ...]
    method: str
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    verified: bool
