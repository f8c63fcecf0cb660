"""Child processes that never outlive their parent: start them, stop them, find out how they ended.

Linux tells a child when its parent dies (PR_SET_PDEATHSIG). Elsewhere the calls do nothing and a clean stop is
the only stop. The kernel watches the parent *thread*, so start children from the main thread.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def prctl(option: int, *values: int) -> None:
    """Call prctl(2); raises OSError when the kernel refuses, does nothing outside Linux."""
    if libc is None:
        return
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *padded) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(parent_pid: int, signum: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process `signum` when its parent ends; ends at once if that has happened already."""
    prctl(PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent_pid:
        os._exit(1)


def children_die_with_parent(signum: int = signal.SIGKILL) -> None:
    """From now on every fork of this process, and their forks, die with the process that forked them."""
    parent = {}
    os.register_at_fork(
        before=lambda: parent.update(pid=os.getpid()),
        after_in_child=lambda: die_with_parent(parent["pid"], signum),
    )


def start_child(
    command: list[str],
    *,
    death_signal: int = signal.SIGKILL,
    prepare: Callable[[], None] | None = None,
    **popen,
) -> subprocess.Popen:
    """Start `command` in a session of its own, tied to the life of this process.

    `prepare` runs in the child before the command (change user, set limits). A change of user clears the death
    signal, so it is set last.
    """
    parent_pid = os.getpid()

    def in_child() -> None:
        if prepare is not None:
            prepare()
        die_with_parent(parent_pid, death_signal)

    return subprocess.Popen(command, start_new_session=True, preexec_fn=in_child, **popen)


def signal_group(process: subprocess.Popen, signum: int) -> None:
    """Send `signum` to the child's whole process group; a group that is gone is fine."""
    try:
        os.killpg(process.pid, signum)
    except ProcessLookupError:
        return


def stop_child(process: subprocess.Popen, *, signals: Iterable[tuple[int, float]]) -> int:
    """Send each signal in turn and wait that many seconds; at last kill the whole group. Returns the exit status."""
    for signum, seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(signum)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    signal_group(process, signal.SIGKILL)
    return process.wait()


def wait_until(condition: Callable[[], bool], seconds: float, step_s: float = 0.05) -> bool:
    """Poll `condition` until it holds or the time is over; returns whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
