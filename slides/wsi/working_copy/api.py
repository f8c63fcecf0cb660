"""Make a working copy of a slide in a limited child: nothing here opens what may be hostile."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from slides.wsi.errors import SlideError, SlideRefused
from slides.wsi.sandbox.one_task import START_S, ChildFailed, answer_of, taken

MAX_NAMES, MAX_NAME_CHARS = 50, 60
PIXELS, VALUES = "pixels", "values"


@dataclasses.dataclass(frozen=True, slots=True)
class Deidentified:
    """A working copy of one slide.

    files: relative to its folder, the main one first. method: a word for the way it was made, "none" where there is
    none for the format. removed: in words, such as "label picture" or "12 metadata fields", never values. unknown:
    names of keys that no rule knows; they are not in the copy either. verified: the copy opens, its pixels are the same
    and the removed values are not in its bytes. failed: which of these failed, PIXELS or VALUES; "" where it is
    verified or none was made.
    """

    files: tuple[str, ...]
    method: str
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    verified: bool
    failed: str = ""


NO_COPY = Deidentified((), "none", (), (), verified=False)


def deidentify(paths: Sequence[Path], folder: Path, timeout_s: float, memory_mb: int) -> Deidentified:
    """Write a working copy of the slide into the empty `folder`; `paths` are never written to.

    timeout_s, memory_mb: the child's bounds. Raises, with `folder` empty again, SlideRefused where a file is damaged or
    the child dies of it; CutShort where the machine ended the child and OSError where the disk is full, which both say
    nothing about the slide.
    """
    files, folder = [Path(path).absolute() for path in paths], Path(folder).absolute()
    if any(folder.iterdir()):
        raise ValueError("The folder of a working copy must be empty")
    try:
        return _made(files, folder, timeout_s, memory_mb)
    except (SlideError, OSError):
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        raise


def _made(files: list[Path], folder: Path, timeout_s: float, memory_mb: int) -> Deidentified:
    arguments = [str(memory_mb), str(math.ceil(timeout_s)), str(folder), *map(str, files)]
    try:
        said = answer_of("slides.wsi.working_copy.child", arguments, files, folder, START_S + timeout_s)
    except ChildFailed as failure:
        reason = f"No working copy of the file could be made safely ({failure})."
        raise SlideRefused(reason, "limits") from None
    made = taken(said, "No room on the disk for the working copy of a slide")["made"]
    result = Deidentified(
        files=tuple(made["files"]),
        method=made["method"],
        removed=tuple(made["removed"]),
        unknown=tuple(name[:MAX_NAME_CHARS] for name in made["unknown"][:MAX_NAMES]),
        verified=made["verified"] is True,
        failed=made["failed"] if made["failed"] in (PIXELS, VALUES) else "",
    )
    # A child that was taken over by a file could say anything: what it made must be plain files in its folder.
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    if written != set(result.files) or any((folder / name).is_symlink() for name in written):
        raise SlideRefused("No working copy of the file could be made safely.", "limits")
    return result
