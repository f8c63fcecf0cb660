"""Signals to children, as the machine would send them."""

import os
import signal
import time

import psutil

SANDBOX_STANDS_S = 30


def hit(pid: int, number: signal.Signals) -> None:
    """Send it to the child itself, not to what a sandbox puts around it, which a child just forked may outlive."""
    os.kill(_child_inside(pid), number)


def _child_inside(pid: int) -> int:
    """The child's own process, once the sandbox that was started as `pid` has started it."""
    end = time.monotonic() + SANDBOX_STANDS_S
    while time.monotonic() < end:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            if process.name() != "bwrap":
                return process.pid  # the first one: below it are those of the slides that it has open
        time.sleep(0.001)
    raise AssertionError(f"In {SANDBOX_STANDS_S} s the sandbox started no child.")
