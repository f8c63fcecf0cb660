"""What a child that opens untrusted files may do: a narrow view of the machine, then bounds that it sets for itself.

    command = [sys.executable, "-s", "-m", "slides.wsi.decoder", str(limits.parent_pid()), …]
    subprocess.Popen(limits.confined(command, readable=[slide]))     # the parent
    limits.limit_self(int(sys.argv[1]), memory_mb=2048, cpu_s=20)    # the child, before it opens a file

How narrow the view is depends on the machine: `confinement()` says it. The bounds hold on every Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from slides.wsi.sandbox import landlock, seccomp

PROJECT_ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {  # all of it: no secret of the server reaches a child
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CAPABILITIES_VERSION_3, CAP_DAC_OVERRIDE = 0x20080522, 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MAX_OPEN_FILES = 64
OOM_SCORE = "500"  # the kernel takes a decoder before the web server
SCRATCH_BYTES = 64 * 2**20
PROBE_S = 10
FIRST_IN_ITS_NAMESPACE = 1  # bubblewrap's own process, as its child sees it

BUBBLEWRAP, LANDLOCK, UNSHARE, BOUNDS = "bubblewrap", "landlock", "unshare", "bounds"
SENTENCES = {
    BUBBLEWRAP: "Slide files are opened by processes in a bubblewrap sandbox: without a network or sight of other "
    "processes, and of the disk they see the program and slides alone, read-only.",
    LANDLOCK: "Slide files are opened by processes that the kernel's Landlock closes in: without a network or a way to "
    "other processes, and of the disk they read the program and the slide alone and write what they make of it.",
    UNSHARE: "A malicious slide file could read what the server's account may read: this machine has neither "
    "bubblewrap nor Landlock. Processes that open slide files have no network, and bounded memory, time and writing. "
    "Install bubblewrap, or Linux 6.2 or newer, to take that away.",
    BOUNDS: "A malicious slide file could read what the server's account may read: this machine allows neither "
    "bubblewrap, Landlock nor name spaces. Processes that open slide files have bounded memory, time and writing. "
    "Install bubblewrap, or Linux 6.2 or newer, to take that away.",
}


@dataclasses.dataclass(frozen=True)
class Confinement:
    """What holds on this machine. level: BUBBLEWRAP, LANDLOCK, UNSHARE or BOUNDS. sentence: the same for people."""

    level: str
    sentence: str


@functools.cache
def confinement() -> Confinement:
    """What this machine allows, tried once for each process."""
    if _bubblewrap():
        level = BUBBLEWRAP
    elif landlock.version():
        level = LANDLOCK
    else:
        level = UNSHARE if _may_unshare() else BOUNDS
    return Confinement(level, SENTENCES[level])


def hides_files() -> bool:
    """Whether a process that opens slides is kept from the other files of the account."""
    return landlock.version() > 0 or _bubblewrap() is not None


def confined(command: Sequence[str], readable: Sequence[Path], writable: Path | None = None) -> list[str]:
    """The command so that it sees only the program, `readable` and, to write into, the folder `writable`.

    command: this Python, its options, and -m or -c with what follows; to be run in PROJECT_ROOT. readable: files or
    folders, absolute; those that are missing are left out. Where neither bubblewrap nor Landlock works the command
    comes back as it is.
    """
    if not _bubblewrap():
        return _closed_in(command, readable, writable) if landlock.version() else list(command)
    words = list(_view())
    for path in map(str, readable):
        words += ["--ro-bind-try", path, path]
    if writable is not None:
        words += ["--bind", str(writable), str(writable)]
    return [*words, "--", *command]


def _closed_in(command: Sequence[str], readable: Sequence[Path], writable: Path | None) -> list[str]:
    at = next(at for at, word in enumerate(command) if word in ("-m", "-c"))
    words = [*command[:at], "-m", landlock.__name__, str(os.getpid())]
    for path in map(str, readable):
        words += ["--read", path]
    if writable is not None:
        words += ["--write", str(writable)]
    return [*words, *command[at:]]


def parent_pid() -> int:
    """The process that a child started by `confined` has for its parent, as the child sees it."""
    return FIRST_IN_ITS_NAMESPACE if _bubblewrap() else os.getpid()


def ended_by(status: int) -> str:
    """How a child ended, for operators: "signal 6" or "exit status 1"."""
    number = signal_of(status)
    return f"exit status {status}" if number is None else f"signal {number}"


def signal_of(status: int) -> int | None:
    """The signal that ended a child, None where it ended by itself. bubblewrap tells one as 128 and more."""
    if status < 0:
        return -status
    return status - 128 if 128 < status < 128 + signal.NSIG else None


def limit_self(
    parent_pid: int, memory_mb: int, cpu_s: int | None, write_bytes: int = 0, opens_files: bool = True
) -> None:
    """Bound memory, files, writing and life time, and have no children; leave if the parent is gone already.

    opens_files: False for a process that opens no slide, and only has children that do: it may have them.

    memory_mb counts address space, of which the libraries take about 300 MB before any slide is open. cpu_s is of the
    whole life, so only for children with one task. write_bytes is the most that one file may grow to.
    """
    os.umask(0o077)  # what it writes is of a patient's slide
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _leave_powers(libc)
        if os.getppid() != parent_pid:
            sys.exit(0)
        with contextlib.suppress(OSError):  # a container may forbid it; the limits below still hold
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
        if opens_files:
            seccomp.forbid_processes_and_sockets()
    resource.setrlimit(resource.RLIMIT_FSIZE, (write_bytes, write_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20,) * 2)
    if cpu_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


def _leave_powers(libc: ctypes.CDLL) -> None:
    """What an administrator's account may do beyond others, as which some run the server in a container.

    It could lift the bounds that are set next, or set the machine's clock. To open files of others stays: Landlock or
    bubblewrap says which.
    """
    libc.capget((ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), powers := (ctypes.c_uint32 * 6)())
    kept = powers[1] & 1 << CAP_DAC_OVERRIDE
    libc.capset((ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), (ctypes.c_uint32 * 6)(kept, kept, *[0] * 4))


def leave_network() -> bool:
    """Move into a network name space of its own where that is not done and allowed. Call before any thread starts."""
    if sys.platform != "linux":
        return False
    if {name for _, name in socket.if_nameindex()} <= {"lo"}:
        return True
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    return ctypes.CDLL(None).unshare(flags) == 0


def die_after(seconds: int) -> None:
    """SIGALRM in `seconds`, which ends the process even inside a C library; 0 calls it off."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)


@functools.cache
def _bubblewrap() -> str | None:
    """Where bubblewrap is, None where there is none or it may not do its work."""
    program = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
    return program if program and _runs([*_view(program), "--", sys.executable, "-I", "-S", "-c", "pass"]) else None


@functools.cache
def _may_unshare() -> bool:
    code = "import sys; from slides.wsi.sandbox.limits import leave_network; sys.exit(not leave_network())"
    return _runs([sys.executable, "-s", "-c", code])


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, timeout=PROBE_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def _view(program: str | None = None) -> tuple[str, ...]:
    """bubblewrap with what every child sees: the system's libraries, this Python, the code of this app."""
    words = [program or _bubblewrap() or "", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"]
    for folder in map(Path, ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")):
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for prefix in landlock.prefixes():
        words += ["--ro-bind", prefix, prefix]
    words += ["--ro-bind", str(PROJECT_ROOT / "slides"), str(PROJECT_ROOT / "slides")]
    return (*words, "--chdir", str(PROJECT_ROOT))
