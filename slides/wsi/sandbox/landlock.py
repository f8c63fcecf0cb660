"""What a child may touch of the disk, by Landlock: rules of the kernel that any account may set for itself.

    python -s -m slides.wsi.sandbox.landlock PARENT_PID --read PATH… --write FOLDER… -m MODULE ARGUMENT…

runs the module (or `-c CODE`) so that it sees the program, what it was given, and nothing else; `limits.confined`
makes such a command. Rules can only be added to, never taken off, and hold for root too. They name places and not
open files: a descriptor that is opened again through /proc/self/fd is asked for its place, so what a library must
open by name has to be named. The names of files stay hidden; whether a name that is known exists does not.

Opening a file of the outside is refused with "permission denied", where bubblewrap shows none.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import runpy
import signal
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # of every machine that has them
TELL_VERSION, PATH_BENEATH = 1, 1
LEAST_VERSION = 3  # Linux 6.2: before, a file could be cut short that may not be written
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, DEVICE_CONTROL = 1, 2, 4, 8, 1 << 14, 1 << 15
ALL_ACCESS = TRUNCATE | TRUNCATE - 1
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_CONTROL  # the others are of folders alone
BIND_AND_CONNECT = 1 | 2  # of TCP, from version 4
ABSTRACT_SOCKETS_AND_SIGNALS = 1 | 2  # to processes outside, from version 6
# Kinds of sockets and devices never come to be: of what can be made, files and folders, to be moved and removed.
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, REFER = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 13
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER

PACKAGES = Path(__file__).resolve().parents[2]  # slides/
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache")
OF_THE_MACHINE = (
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self/status",
    "/sys/devices/system/cpu",
)
OWN = ("/dev/null", "/proc/self/oom_score_adj")  # to write to


class Rules(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@functools.cache
def version() -> int:
    """Of the kernel's Landlock; 0 where it has none, has it switched off, or an old one that holds too little."""
    if sys.platform != "linux":
        return 0
    found = _kernel().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), TELL_VERSION)
    return found if found >= LEAST_VERSION else 0


def prefixes() -> list[str]:
    """The folders of this Python that lie outside the system's own."""
    found = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)}
    return sorted(prefix for prefix in found if not Path(prefix).is_relative_to("/usr"))


def narrow_self(readable: Iterable[Path | str], writable: Iterable[Path | str] = ()) -> None:
    """Let this process, from now on, see the program and `readable`, and write below `writable` alone.

    What is missing is left out. Call before any thread starts: others would keep their freedom. OSError where the
    kernel refuses, and then the process must not go on.
    """
    rules = Rules(ALL_ACCESS, 0, 0)
    if version() >= 4:
        rules.network = BIND_AND_CONNECT
    if version() >= 5:
        rules.files |= DEVICE_CONTROL
    if version() >= 6:
        rules.scopes = ABSTRACT_SOCKETS_AND_SIGNALS
    number = _done(_kernel().syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), 0))
    try:
        for path in (*SYSTEM, *OF_THE_MACHINE, *prefixes(), PACKAGES, *readable):
            _allow(number, path, READ)
        for path in (*OWN, *writable):
            _allow(number, path, WRITE)
        _done(_kernel().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _done(_kernel().syscall(RESTRICT_SELF, number, 0))
    finally:
        os.close(number)


def _allow(ruleset: int, path: Path | str, access: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = access if stat.S_ISDIR(os.fstat(folder).st_mode) else access & OF_FILES
            _done(_kernel().syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(Beneath(allowed, folder)), 0))
        finally:
            os.close(folder)


def _done(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result


@functools.cache
def _kernel() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def main(arguments: Sequence[str]) -> None:
    """PARENT_PID, --read PATH and --write FOLDER any number of times, then -m MODULE or -c CODE and its arguments."""
    paths: dict[str, list[str]] = {"--read": [], "--write": []}
    parent_pid, *words = arguments
    while words[0] in paths:
        paths[words[0]].append(words[1])
        del words[:2]
    kind, what, *rest = words
    _kernel().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent_pid):
        sys.exit(0)
    narrow_self(paths["--read"], paths["--write"])
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(sys.argv[1:])
