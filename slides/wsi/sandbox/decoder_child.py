"""A decoder process, from the side of who asks it: started in the sandbox, sent requests, blamed or not for its end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slides.wsi.errors import CutShort, DecoderDied, SlideRefused
from slides.wsi.sandbox import exit_causes, limits, wire
from slides.wsi.sandbox.limits import ENVIRONMENT, PROJECT_ROOT

DECODER = "slides.wsi.decoder"  # a module that answers requests, see `slides.wsi.sandbox.wire`
START_S = 60  # loading the libraries from a cold disk
START_ATTEMPTS = 3
END_S = 5  # from the end of a child's answers to its own
RECENT_SLIDES = 4


class Child:
    """One decoder process and the pipes to it."""

    def __init__(self, memory_mb: int, cpu_s: int | None = None, readable: Sequence[Path] | None = None) -> None:
        parent = os.getpid() if readable is None else limits.parent_pid()
        arguments = [str(parent), str(memory_mb), "-" if cpu_s is None else str(cpu_s)]
        if readable is not None and cpu_s is None:  # it lives long and will be asked about several slides
            arguments.append("each-alone")
        command = [sys.executable, "-s", "-m", DECODER, *arguments]
        self._process = subprocess.Popen(
            command if readable is None else limits.confined(command, readable),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries print file names and text from inside files
            cwd=PROJECT_ROOT,
            env=ENVIRONMENT,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to_child, self._from_child = self._process.stdin, self._process.stdout
        self.recent: list[tuple[str, ...]] = []
        try:
            self._answer(time.monotonic() + START_S)
        except (EOFError, TimeoutError, OSError, ValueError) as error:
            self.kill()
            raise ChildNotStarted from error
        self._meter = exit_causes.Meter(self.pid)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def holds_erased(self) -> bool:
        """Whether a slide that it was asked about is no longer there."""
        return not all(Path(path).exists() for key in self.recent for path in key[:1])

    def ask(self, paths: Sequence[Path], request: dict[str, Any], timeout_s: float) -> tuple[dict[str, Any], bytes]:
        """Send one request and wait. A child that fails to answer is killed: DecoderDied or CutShort."""
        files = [str(path) for path in paths]
        key = tuple(files)
        self.recent = [key, *(other for other in self.recent if other != key)][:RECENT_SLIDES]
        self._meter.start()
        try:
            self._send(wire.pack(request | {"paths": files}))
            header, body = self._answer(time.monotonic() + timeout_s)
        except TimeoutError:
            blamed = exit_causes.is_files_fault(None, self._meter.used_s(), timeout_s)
            self.kill()
            cause = f"no answer in {timeout_s:g} s"
            raise (DecoderDied(paths, cause) if blamed else CutShort(cause)) from None
        except (EOFError, OSError, ValueError):
            raise self._death(paths, timeout_s) from None
        if "refused" in header:
            raise SlideRefused(*header["refused"])
        if "wrong" in header:
            raise (IndexError if request["op"] == "tile" else ValueError)(header["wrong"])
        if "died" in header:
            self.kill()
            raise DecoderDied(paths, header["died"])
        return header, body

    def kill(self) -> None:
        """End it and free its pipes; killing twice does nothing. What it held open is closed when this returns."""
        below = exit_causes.family(self.pid)[1:] if self._process.returncode is None else []
        self._process.kill()
        self._process.wait()
        exit_causes.wait_until_ended(below, END_S)  # the kernel ends them with it, and not at once
        self._to_child.close()
        self._from_child.close()

    def _death(self, paths: Sequence[Path], timeout_s: float) -> DecoderDied | CutShort:
        """What to raise for a child whose answer ended; a broken answer is the slide's doing."""
        used_s = self._meter.used_s()
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return DecoderDied(paths, "it broke off its answer")
        finally:
            self.kill()
        cause = limits.ended_by(status)
        return DecoderDied(paths, cause) if exit_causes.is_files_fault(status, used_s, timeout_s) else CutShort(cause)

    def _send(self, message: bytes) -> None:
        wire.write_all(self._to_child.fileno(), message)

    def _answer(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        return wire.unpack(lambda count: self._read_exactly(count, deadline))

    def _read_exactly(self, count: int, deadline: float) -> bytes:
        source = self._from_child.fileno()
        poll = select.poll()
        poll.register(source, select.POLLIN)
        parts = []
        while count:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            part = os.read(source, min(count, 2**20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


class ChildNotStarted(Exception):
    """The child ended before it was ready."""


def start_child(memory_mb: int, cpu_s: int | None = None, readable: Sequence[Path] | None = None) -> Child:
    """A child that is ready. One killed while it starts says nothing about any slide, so that is tried again: CutShort.

    readable: what it sees of the disk beside the program, None for everything.
    """
    for _ in range(START_ATTEMPTS):
        try:
            return Child(memory_mb, cpu_s, readable)
        except (ChildNotStarted, OSError):  # OSError: the system makes no process
            continue
    raise CutShort('the decoder does not start; `python -c "import slides.wsi.check"` shows why')


def as_paths(paths: Sequence[Path] | Path) -> list[Path]:
    """One path or several, absolute, so that a child with another folder finds them."""
    several = [paths] if isinstance(paths, (str, Path)) else paths
    return [Path(path).absolute() for path in several]
