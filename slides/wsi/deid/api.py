"""Make a working copy of a slide in a limited child: nothing here opens what may be hostile."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from slides.wsi import limits
from slides.wsi.errors import SlideRefused

START_S = 60  # loading the libraries from a cold disk
MAX_NAMES, MAX_NAME_CHARS = 50, 60
FULL = (errno.ENOSPC, errno.EDQUOT)
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Deidentified:
    """A working copy of one slide.

    files: relative to its folder, the main one first. method: a word for the way it was made, "none" where there is
    none for the format. removed: in words, such as "label picture" or "12 metadata fields", never values. unknown:
    names of keys that no rule knows; they are not in the copy either. verified: the copy opens, its pixels are the same
    and the removed values are not in its bytes.
    """

    files: tuple[str, ...]
    method: str
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    verified: bool


def deidentify(paths: Sequence[Path], folder: Path, timeout_s: float, memory_mb: int) -> Deidentified:
    """Write a working copy of the slide into the empty `folder`; `paths` are never written to.

    timeout_s, memory_mb: the child's bounds. Raises SlideRefused, with `folder` empty again, where a file is damaged or
    the child dies; OSError where the disk is full, which says nothing about the slide.
    """
    files, folder = [Path(path).absolute() for path in paths], Path(folder).absolute()
    if any(folder.iterdir()):
        raise ValueError("The folder of a working copy must be empty")
    try:
        return _made(files, folder, timeout_s, memory_mb)
    except (SlideRefused, OSError):
        _empty(folder)
        raise


def _made(files: list[Path], folder: Path, timeout_s: float, memory_mb: int) -> Deidentified:
    said = _ask(files, folder, timeout_s, memory_mb)
    if "refused" in said:
        raise SlideRefused(*said["refused"])
    if "full" in said:
        raise OSError(errno.ENOSPC, "No room on the disk for the working copy of a slide")
    made = said["made"]
    result = Deidentified(
        files=tuple(made["files"]),
        method=made["method"],
        removed=tuple(made["removed"]),
        unknown=tuple(name[:MAX_NAME_CHARS] for name in made["unknown"][:MAX_NAMES]),
        verified=made["verified"] is True,
    )
    # A child that was taken over by a file could say anything: what it made must be plain files in its folder.
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    if written != set(result.files) or any((folder / name).is_symlink() for name in written):
        raise SlideRefused("No working copy of the file could be made safely.", "limits")
    return result


def _ask(files: list[Path], folder: Path, timeout_s: float, memory_mb: int) -> dict:
    """What the child says; SlideRefused where it dies or says nothing in time."""
    arguments = [str(limits.parent_pid()), str(memory_mb), str(math.ceil(timeout_s)), str(folder), *map(str, files)]
    command = limits.confined([sys.executable, "-s", "-m", "slides.wsi.deid.child", *arguments], files, folder)
    with subprocess.Popen(
        command, cwd=limits.PROJECT_ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries print file names and text from inside files
        start_new_session=True,
    ) as child:  # fmt: skip
        try:
            answer, _ = child.communicate(timeout=START_S + timeout_s)
        except subprocess.TimeoutExpired:
            raise _died(f"no answer in {timeout_s:g} s") from None
        finally:
            child.kill()
    if child.returncode:
        raise _died(limits.ended_by(child.returncode))
    try:
        return json.loads(answer)
    except ValueError:
        raise _died("it broke off its answer") from None


def _died(cause: str) -> SlideRefused:
    return SlideRefused(f"No working copy of the file could be made safely ({cause}).", "limits")


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
