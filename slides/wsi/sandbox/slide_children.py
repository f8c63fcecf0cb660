"""A decoder that keeps slides from each other: a process for each open slide, which sees the files of that slide alone.

The process that `slides.wsi.sandbox.decoder_child` speaks to loads the libraries, opens no slide, and hands each
request to a copy of itself that it made for the slide. To make one costs milliseconds, since nothing is loaded again. A
slide that takes its process over reads no other one and writes no answer for one, since it has pipes of its own. When
one ends, the whole decoder ends alike, so that who asked sees the cause.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from slides.wsi.sandbox import landlock, limits, wire

MAX_OPEN_SLIDES = 4
MAX_HELD_BYTES = 300 * 2**20

Serve = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about. key: the same for the same open slide. files: all that answering it needs."""

    key: Hashable
    files: Sequence[Path]


class SlideChild:
    """The process of one slide. held_bytes: of pixels that it keeps, as it says."""

    def __init__(self, files: Sequence[Path], memory_mb: int, serve: Serve) -> None:
        requests, self._to_child = os.pipe()
        self._from_child, answers = os.pipe()
        self.held_bytes = 0
        parent_pid = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _work(files, memory_mb, serve, requests, answers, parent_pid)
        os.close(requests)
        os.close(answers)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Its answer; where it has none, this process ends as it did."""
        try:
            wire.write_all(self._to_child, wire.pack(request))
            header, body = wire.unpack(lambda count: read_exactly(self._from_child, count))
        except (EOFError, BrokenPipeError):
            self._end_alike()
        self.held_bytes = int(header.pop("held_bytes", 0))
        return header, body

    def end(self) -> None:
        """Kill it, with what it keeps in memory."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to_child)
        os.close(self._from_child)

    def _end_alike(self) -> NoReturn:
        _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.waitstatus_to_exitcode(status) or 1)


def _work(
    files: Sequence[Path], memory_mb: int, serve: Serve, requests: int, answers: int, parent_pid: int
) -> NoReturn:
    """In the process of one slide: close itself in before the first request, then answer until it is killed."""
    status = 1
    try:
        os.dup2(2, 0)
        kept = 3
        for number in sorted((requests, answers)):
            os.closerange(kept, number)
            kept = number + 1
        os.closerange(kept, limits.MAX_OPEN_FILES)
        landlock.narrow_self(files)
        limits.limit_self(parent_pid, memory_mb, None)
        serve(requests, answers)
        status = 0
    finally:
        os._exit(status)  # what was copied with this process is not its own to tidy up


def serve_each_alone(
    requests: int, answers: int, memory_mb: int, asked_of: Callable[[dict[str, Any]], Asked], serve: Serve
) -> None:
    """Hand requests on until they end. serve: answers requests of one slide, from a descriptor to another."""
    children: collections.OrderedDict[Hashable, SlideChild] = collections.OrderedDict()
    while True:
        try:
            request, _ = wire.unpack(lambda count: read_exactly(requests, count))
        except EOFError:
            return
        asked = asked_of(request)
        if asked.key not in children:
            children[asked.key] = SlideChild(asked.files, memory_mb, serve)
        children.move_to_end(asked.key)
        wire.write_all(answers, wire.pack(*children[asked.key].ask(request)))
        while is_too_much([child.held_bytes for child in children.values()]):
            children.popitem(last=False)[1].end()


def is_too_much(held_bytes: Sequence[int]) -> bool:
    """Whether the slide used least should be closed. held_bytes: of each open one; the last one always stays."""
    return len(held_bytes) > 1 and (len(held_bytes) > MAX_OPEN_SLIDES or sum(held_bytes) > MAX_HELD_BYTES)


def read_exactly(descriptor: int, count: int) -> bytes:
    """Blocking read of exactly `count` bytes; EOFError at the end."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
