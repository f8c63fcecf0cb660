"""What a decoder child may use, set by itself before it opens a file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MAX_OPEN_FILES = 64
OOM_SCORE = "500"  # the kernel takes a decoder before the web server


def limit_self(parent_pid: int, memory_mb: int, cpu_s: int | None) -> None:
    """Bound memory, files, writing and life time; leave if the parent is gone already.

    memory_mb counts address space, of which the libraries take about 300 MB before any slide is open. cpu_s is of the
    whole life, so only for children with one task.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    if sys.platform == "linux":
        _die_with(parent_pid)
        with contextlib.suppress(OSError):  # a container may forbid it; the limits below still hold
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20,) * 2)
    if cpu_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


def leave_network() -> bool:
    """Move into a network name space of its own where the system allows it. Call before any thread starts."""
    if sys.platform != "linux":
        return False
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    return ctypes.CDLL(None).unshare(flags) == 0


def die_after(seconds: int) -> None:
    """SIGALRM in `seconds`, which ends the process even inside a C library; 0 calls it off."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)


def _die_with(parent_pid: int) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(0)
