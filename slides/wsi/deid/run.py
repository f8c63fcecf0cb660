"""Make a working copy in a child of its own: what opens the file can neither see nor change anything else."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slides.wsi import limits
from slides.wsi.deid.api import Deidentified
from slides.wsi.errors import SlideRefused
from slides.wsi.pool import ENVIRONMENT

START_S = 60  # loading the libraries from a cold disk
SLACK_BYTES = 64 * 2**20  # a copy's directories may be larger than the original's
MAX_ANSWER_BYTES = 2**20
DIED = "No working copy without names could be made of the file safely."

log = logging.getLogger(__name__)


def deidentify(paths: Sequence[Path], folder: Path, timeout_s: float, memory_mb: int) -> Deidentified:
    """Write a working copy into the empty `folder` and verify it; `paths` stay as they are.

    paths: of one slide, the main one first. A format without a rewrite gives method "none" and no files. SlideRefused
    where a file is damaged or the child dies, OSError where the disk is full; the folder is empty then.
    """
    files, folder = [Path(path).absolute() for path in paths], Path(folder).absolute()
    if any(folder.iterdir()):
        raise ValueError("A working copy is made in an empty folder")
    try:
        made = _made(_ask(files, folder, timeout_s, memory_mb))
        _refuse_strays(folder, made)
        _fsync(folder, made)
    except BaseException:
        _empty(folder)
        raise
    return made


def _ask(files: list[Path], folder: Path, timeout_s: float, memory_mb: int) -> dict[str, Any]:
    """What the child says; {} where it died, was too slow or said no sense. It is gone when this returns."""
    write_bytes = max(file.stat().st_size for file in files) + SLACK_BYTES
    numbers = (limits.parent_pid(), memory_mb, math.ceil(timeout_s), write_bytes)
    arguments = [*map(str, numbers), str(folder), *map(str, files)]
    command = limits.confined([sys.executable, "-s", "-m", "slides.wsi.deid.child", *arguments], files, folder)
    with subprocess.Popen(
        command, cwd=limits.PROJECT_ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,  # libraries print file names and text from inside files
    ) as child:  # fmt: skip
        end = threading.Timer(START_S + timeout_s, child.kill)
        end.start()
        try:
            answer = child.stdout.read(MAX_ANSWER_BYTES)
            child.wait(START_S)
        finally:
            end.cancel()
            child.kill()
    if child.returncode:
        log.warning("The child that makes working copies died: %s", limits.ended_by(child.returncode))
        return {}
    try:
        return dict(json.loads(answer))
    except ValueError:
        return {}


def _made(said: dict[str, Any]) -> Deidentified:
    if "refused" in said:
        raise SlideRefused(*said["refused"])
    if "full" in said:
        raise OSError(errno.ENOSPC, "No room on the disk for the working copy of a slide")
    if "made" not in said:
        raise SlideRefused(DIED, "limits")
    copy = said["made"]
    several = {name: tuple(copy[name]) for name in ("files", "removed", "unknown")}
    return Deidentified(method=copy["method"], verified=copy["verified"], **several)


def _refuse_strays(folder: Path, made: Deidentified) -> None:
    """Refuse a folder that holds anything but the files told, each a plain one: a link could lead out of it."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    if {str(path.relative_to(folder)) for path in found} != set(made.files):
        raise SlideRefused(DIED, "limits")
    if not all(stat.S_ISREG(path.lstat().st_mode) for path in found):
        raise SlideRefused(DIED, "limits")


def _fsync(folder: Path, made: Deidentified) -> None:
    paths = [folder / name for name in made.files]
    for path in (*paths, *{path.parent for path in paths}, folder):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
