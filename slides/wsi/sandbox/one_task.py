"""A child in the sandbox that does one thing with files that may be hostile, says so in JSON, and ends.

    said = answer_of("slides.wsi.archive", [asked], readable=[path], writable=folder, timeout_s=60)   # the parent
    files = taken(said, "No room on the disk for what an archive holds")["files"]

    sys.stdout.write(json.dumps(outcome(lambda: {"files": …})))                                       # the child

The module is run as `python -m MODULE PARENT_PID ARGUMENT...`, bounds itself with `limits.limit_self`, and then tells
by `begin` that it is up: what ends it earlier is the machine's doing.
"""

from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slides.wsi.errors import CutShort, SlideRefused
from slides.wsi.sandbox import exit_causes, limits

START_S = 60  # loading the libraries from a cold disk
ANSWER_BYTES = 2**20
FULL = (errno.ENOSPC, errno.EDQUOT)


class ChildFailed(Exception):
    """It died of what it read, or said no sense. The text is for operators."""


class ChildTooSlow(ChildFailed):
    """It gave no answer in its time, of which it used much."""


@contextmanager
def started(
    module: str, arguments: Sequence[str], readable: Sequence[Path], writable: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The child, which is gone at the end. readable, writable: absolute, all that it sees beside the program; without
    a folder to write into it writes nowhere.

    Raises CutShort where the system makes no process.
    """
    command = [sys.executable, "-s", "-m", module, str(limits.parent_pid()), *arguments]
    try:
        process = subprocess.Popen(
            limits.confined(command, readable, writable), cwd=limits.PROJECT_ROOT, env=limits.ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries print file names and text from inside files
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise CutShort(f"no process could be started: {error.strerror}") from error
    with process as child:
        try:
            yield child
        finally:
            child.kill()


def answer_of(
    module: str, arguments: Sequence[str], readable: Sequence[Path], writable: Path | None, timeout_s: float
) -> dict[str, Any]:
    """What the child says. Raises ChildTooSlow after `timeout_s`, ChildFailed where it dies or says no sense.

    Raises CutShort where that is the machine's doing.
    """
    with started(module, arguments, readable, writable) as child:
        try:
            said, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise was_silent(timeout_s, exit_causes.life_s(child.pid)) from None
    if child.returncode:
        raise ended_with(child.returncode, begun=bool(said))
    if len(said) > ANSWER_BYTES:
        raise ChildFailed("its answer is too long")
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        raise ChildFailed("it broke off its answer") from None


def was_silent(allowed_s: float, used_s: float) -> ChildTooSlow | CutShort:
    """What to raise for a child without an answer. used_s: of the processor."""
    cause = f"no answer in {allowed_s:g} s"
    return ChildTooSlow(cause) if exit_causes.is_files_fault(None, used_s, allowed_s) else CutShort(cause)


def ended_with(status: int, begun: bool) -> ChildFailed | CutShort:
    """What to raise for a child that ended so. What it used does not count: SIGXCPU tells of too much."""
    cause = limits.ended_by(status)
    return ChildFailed(cause) if begun and exit_causes.is_files_fault(status, 0.0, math.inf) else CutShort(cause)


def taken(said: dict[str, Any], no_room: str) -> dict[str, Any]:
    """The answer of a child that did its task; SlideRefused, or OSError with `no_room` for a full disk, of another."""
    if "refused" in said:
        raise SlideRefused(*said["refused"])
    if "full" in said:
        raise OSError(errno.ENOSPC, no_room)
    return said


def begin() -> None:
    """In the child, before it opens a file: a line that is no part of the answer."""
    sys.stdout.write("\n")
    sys.stdout.flush()


def outcome(work: Callable[[], dict[str, Any]], full: Sequence[int] = FULL) -> dict[str, Any]:
    """In the child: what `work` gives, or why it gave nothing. full: the errors that say that the disk is."""
    try:
        return work()
    except SlideRefused as refusal:
        return {"refused": [refusal.reason, refusal.kind]}
    except OSError as error:
        if error.errno not in full:
            raise
        return {"full": True}
