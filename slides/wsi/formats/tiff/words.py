"""Words in a TIFF: a description made anew, and what names of pictures beside the scan say."""

from __future__ import annotations

import dataclasses

NOT_SCENES = ("label", "macro", "thumbnail", "overview")  # parts of names that converters give to such pictures


def is_named_beside(text: str) -> bool:
    """Whether a description or name calls its picture a label, macro, thumbnail or overview."""
    return any(word in text.lower() for word in NOT_SCENES)


@dataclasses.dataclass
class Words:
    """A description made anew. removed: values left out. fields: how many. unknown: names of keys in no list."""

    text: str = ""
    removed: list[str] = dataclasses.field(default_factory=list)
    fields: int = 0
    unknown: set[str] = dataclasses.field(default_factory=set)

    def drop(self, value: str, unknown: str = "") -> None:
        """Note a value that is left out, and its key where no rule knows it."""
        self.fields += 1
        self.removed.append(value.strip())
        if unknown:
            self.unknown.add(unknown)
