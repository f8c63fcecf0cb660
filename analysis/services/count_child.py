"""What takes long of a count, worked out beside the web threads.

One child for each web process, started with the first count that needs it, does one task at a time. It has a time limit
of its own and is ended soon after it; who finds it at work waits a moment and is told to ask again. What ends it in the
middle, by whatever hand, costs one new start.
"""

import contextlib
import os
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from analysis.pipeline.count.child import pack_task, read_exactly, unpack_answer
from analysis.pipeline.count.outlook import DECISION, INTERVAL, REGIONS, Outlook, OutlookTask, wants_draws, work_out
from analysis.pipeline.count.shapes import FIELDS
from mitoweb.lib.errors import NotNow
from slides.wsi.sandbox import limits, wire

MODULE = "analysis.pipeline.count.child"
FEW_PLACES = 2_000  # that a web thread may search itself: a few hundredths of a second
PATIENCE_S = 1.5  # for another task's end
START_S = 20  # loading the libraries from a cold disk
GRACE_S = 3  # beyond the task's own limit: what the child looks at between two looks at the clock
ATTEMPTS = 2


def find_outlook(task: OutlookTask, may_wait: bool = True) -> Outlook:
    """outlook.work_out, in the child where it takes long. Raises NotNow where that may not be waited for, and where the
    child is busy or dies each time."""
    if task.shape.kind != FIELDS and len(task.points_l0) <= FEW_PLACES:
        found = work_out(replace(task, wants_interval=False))
        if not (task.wants_interval and wants_draws(task, found.regions)):
            return found
    if not may_wait:
        raise busy()
    return _child.ask(task)


def end_child() -> None:
    """End the child of this process; the next task starts another."""
    _child.end()


class _Ended(Exception):
    """The child ended before it answered."""


class CountChild:
    """The child of one process. Threads take turns."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._starter: ThreadPoolExecutor | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def ask(self, task: OutlookTask) -> Outlook:
        """Raises NotNow."""
        if not self._turn.acquire(timeout=PATIENCE_S):
            raise busy()
        try:
            return self._ask_twice(task)
        finally:
            self._turn.release()

    def end(self) -> None:
        with self._turn:
            self._kill()

    def _ask_twice(self, task: OutlookTask) -> Outlook:
        """A child that was killed says nothing of its task, which is asked again; the second time is for the caller."""
        message = pack_task(task)
        for _ in range(ATTEMPTS):
            try:
                process = self._get_running()
                return self._exchange(process, message, task.seconds + task.draw_seconds + GRACE_S)
            except TimeoutError:
                self._kill()
                return Outlook(late=(REGIONS, DECISION, INTERVAL))
            except (_Ended, OSError, ValueError):
                self._kill()
        raise busy()

    def _get_running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # forked since: the child and the thread that made it belong to the other one
            self._process, self._starter, self._owner = None, None, os.getpid()
        if self._process is not None and self._process.poll() is not None:
            self._kill()
        if self._process is None:
            # By one thread that lives as long as this process: the kernel ends a child with the thread that made it.
            self._starter = self._starter or ThreadPoolExecutor(1, thread_name_prefix="count-start")
            self._process = self._starter.submit(_start).result()
            try:
                _read_answer(self._process, START_S)
            except TimeoutError:
                raise _Ended from None
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], message: bytes, seconds: float) -> Outlook:
        assert process.stdin is not None
        wire.write_all(process.stdin.fileno(), message)
        header, body = _read_answer(process, seconds)
        if "refused" in header:
            raise RuntimeError(header["refused"])
        return unpack_answer(body)

    def _kill(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-s", "-m", MODULE, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=limits.PROJECT_ROOT,
        env=limits.ENVIRONMENT,
        bufsize=0,
        start_new_session=True,
    )


def _read_answer(process: subprocess.Popen[bytes], seconds: float) -> tuple[dict, bytes]:
    """Raises TimeoutError, and _Ended where the child does."""
    assert process.stdout is not None
    descriptor, until = process.stdout.fileno(), time.monotonic() + seconds
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)

    def read(most: int) -> bytes:
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        return os.read(descriptor, most)

    try:
        return wire.unpack(lambda count: read_exactly(read, count))
    except EOFError:
        raise _Ended from None


def busy() -> NotNow:
    return NotNow("Not counted yet: the count is being worked out for others; ask again in a second.", "count_busy")


_child = CountChild()
