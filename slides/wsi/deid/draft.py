"""What a format hands over when it has written a working copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A working copy that nobody has compared with its slide yet.

    originals, copies: files that hold the same picture, the main one of each first. method, removed, unknown: as in
    `Deidentified`. is_clean: nothing that was removed is left in the copies. unknown_if_differs: names that are unknown
    too where the copy proves not to be the same slide.
    """

    originals: tuple[Path, ...]
    copies: tuple[Path, ...]
    method: str
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    is_clean: bool
    unknown_if_differs: tuple[str, ...] = ()
