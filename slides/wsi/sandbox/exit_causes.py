"""Whose fault is it that a child gave no answer: the file's, or that of a machine short of memory or time?

The file's, where its child crashed or used the processor for much of the time that it was given. A child that was
killed from outside, or hardly ran while its time went by, says nothing about the file: that is `CutShort`.
"""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

from slides.wsi.sandbox.limits import signal_of

OWN_SHARE = 0.5  # of the time allowed; a child that has run for less was kept waiting
CRASHES = {
    signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS,
    signal.SIGXCPU, signal.SIGXFSZ,
}  # fmt: skip


class Meter:
    """Seconds of the processor that a running child, with what a sandbox puts around it, has used since `start`."""

    def __init__(self, pid: int) -> None:
        self._first = family(pid)  # with what a sandbox puts around the child
        self._below: dict[int, psutil.Process] = {}  # by number, since to look one up costs as much as to read it
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._before_s = self._life_s()

    def used_s(self) -> float:
        """Also of a child that has ended, until somebody has waited for it."""
        return self._life_s() - self._before_s

    def _life_s(self) -> float:
        """The last one alone may start processes, one for each slide."""
        if not self._first:
            return 0.0
        below = {}
        for number in _children(self._first[-1]):
            with contextlib.suppress(psutil.NoSuchProcess):
                below[number] = self._below.get(number) or psutil.Process(number)
        self._below = below
        return _used_s([*self._first, *below.values()])


def life_s(pid: int) -> float:
    """Seconds of the processor that a running child has used in its life."""
    return _used_s(family(pid))


def is_files_fault(status: int | None, used_s: float, allowed_s: float) -> bool:
    """Whether the file ended its child. status: None for one that was silent for `allowed_s` seconds."""
    if used_s >= OWN_SHARE * allowed_s:
        return True
    return status is not None and (signal_of(status) is None or signal_of(status) in CRASHES)


def wait_until_ended(processes: list[psutil.Process], seconds: float) -> None:
    """Until none of them holds a file; one that nobody has waited for yet holds none."""
    end = time.monotonic() + seconds
    while any(map(_runs, processes)) and time.monotonic() < end:
        time.sleep(0.002)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    return False


def family(pid: int) -> list[psutil.Process]:
    """The process and all below it; none where it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    return []


def _children(parent: psutil.Process) -> list[int]:
    """By the kernel's own list where it keeps one: before each tile there is no time to look through all processes."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        try:
            return [int(pid) for pid in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
        except FileNotFoundError:
            return [child.pid for child in parent.children()]
    return []


def _used_s(processes: list[psutil.Process]) -> float:
    total_s = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total_s += times.user + times.system + times.children_user + times.children_system
    return total_s
