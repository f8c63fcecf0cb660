"""What can go wrong with a slide file."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path


class SlideError(Exception):
    """Anything this library raises on purpose."""


class SlideRefused(SlideError):
    """A file that is not taken as a slide, or a part of it that cannot be decoded.

    reason: a sentence for people. It never holds a path, a file name or text from inside the file.
    kind: a short code for programs, one of KINDS.
    """

    KINDS = (
        "missing",
        "empty",
        "format",
        "extension",
        "vendor",
        "truncated",
        "broken",
        "size",
        "depth",
        "parts",
        "limits",
    )

    def __init__(self, reason: str, kind: str) -> None:
        if kind not in self.KINDS:
            raise ValueError(f"Unknown kind of refusal: {kind}")
        super().__init__(reason)
        self.reason = reason
        self.kind = kind

    def __reduce__(self) -> tuple[type[SlideRefused], tuple[str, str]]:
        return SlideRefused, (self.reason, self.kind)


class DecoderDied(SlideError):
    """The child that decoded this slide crashed on it, or used up its time or memory.

    paths: the files it was reading. cause: a phrase for operators ("signal 6", "no answer in 10 s").
    """

    def __init__(self, paths: Sequence[Path], cause: str) -> None:
        super().__init__(f"The decoder died: {cause}")
        self.paths = tuple(paths)
        self.cause = cause


class CutShort(SlideError):
    """The machine ended a child, or let it have no time; this says nothing about the slide, so try again later.

    cause: a phrase for operators ("signal 9", "no answer in 10 s").
    """

    def __init__(self, cause: str) -> None:
        super().__init__(f"The machine cut a child short: {cause}")
        self.cause = cause


class DecodersBusy(SlideError):
    """No decoder became free in time; the same call may work a moment later."""


def told(error: Exception) -> str:
    """What operators need to find an unexpected error: its kind and place, without text from inside the file."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
