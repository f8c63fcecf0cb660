"""Who holds a claim, written on the job row: the next supervisor of the same machine can tell which claims are dead."""

import os
import socket
from pathlib import Path

import psutil


def own() -> str:
    """Machine, process id and start of this process."""
    return f"{_machine()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_gone(worker: str) -> bool:
    """Whether `worker` was a process of this machine that has ended. Of other machines nothing is known: False."""
    machine, _, rest = worker.partition(" ")
    pid, _, started = rest.partition(" ")
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != started
    except psutil.Error:
        return True


def _machine() -> str:
    """Host, boot and process namespace: two containers of one host do not see each other's processes."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    if not boot.exists():
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot.read_text()[:8]}/{namespace.readlink().name[5:-1]}"
