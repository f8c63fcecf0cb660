"""The process of one running job, as its supervisor sees it, and one that is kept ready for the next.

A job runs in a process that was made for it, or in one that has loaded what it needs and waits to be told its job.
Either runs one job and ends: what a job leaves in memory is gone with it, and it may be killed at any time.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from django.conf import settings

from mitoweb.lib import processes
from mitoweb.lib.jobs import registry
from mitoweb.lib.jobs.models import Job

CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
CANCEL_GRACE_S = 10  # a handler looks for a cancel at its beats; after this it is killed
NICE, NICE_IN_BACKGROUND = 5, 10
LOST_GRACE_S = 5  # from the end of the job, or the loss of its claim, to the end of the process


class ReadyProcess:
    """Has loaded modules, or still does, and waits for a job; in a session of its own, it dies with the supervisor."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._started = time.monotonic()
        self.process = _start_process(["--ready", *modules], _limit_process, stdin=subprocess.PIPE)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def take(self, job: Job, memory_mb: int | None) -> bool:
        """Tell it its job; whether it was still there to be told."""
        if self.has_ended or (memory_mb and not hasattr(resource, "prlimit")):
            return False
        try:
            if memory_mb:
                resource.prlimit(self.process.pid, resource.RLIMIT_AS, (memory_mb * 2**20,) * 2)
            self.process.stdin.write(f"{job.pk} {job.claim}\n".encode())
            self.process.stdin.close()
        except OSError:  # it was killed this moment
            return False
        return True

    def end(self) -> str:
        """End it; the last of what it said."""
        processes.signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        said = self.process.stdout.read().decode(errors="replace").strip()[-500:]
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return said


class JobProcess:
    """Runs `manage.py run_job` in a session of its own; it dies with the supervisor. ready: one to be told the job."""

    def __init__(self, job: Job, ready: ReadyProcess | None = None) -> None:
        self.job_id = job.pk
        self.claim = job.claim
        self.lane = job.lane
        self.handler = registry.find(job.kind)
        self.started = time.monotonic()
        self.kill_reason = ""
        self._memory_kills = _count_memory_kills()
        self._tail = b""
        self._since: dict[str, float] = {}
        if ready is not None and ready.take(job, self.handler.memory_mb):
            self.process = ready.process
        else:
            if ready is not None:
                ready.end()
            self.process = _start_process([str(job.pk), str(job.claim)], self._limit, stdin=subprocess.DEVNULL)
        self.output = self.process.stdout
        self.is_output_open = True
        os.set_blocking(self.output.fileno(), False)

    def read_output(self) -> None:
        """Keep the newest part of what the process wrote."""
        while chunk := self.output.read(65536):
            self._tail = (self._tail + chunk)[-settings.JOB_LOG_BYTES :]
        if chunk is not None:  # None: nothing for now; b"": closed
            self.is_output_open = False

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def log(self) -> str:
        return self._tail.decode(errors="replace")

    @property
    def was_interrupted(self) -> bool:
        """Killed by somebody else, and not because it needed more memory than there is, which would come again."""
        return self.process.returncode == -signal.SIGKILL and not self.kill_reason and not self._is_out_of_memory

    def exit_cause(self) -> str:
        """A sentence for people about a process that left no result."""
        status = self.process.returncode
        if self.kill_reason:
            return self.kill_reason
        if -status in CRASHES:
            return "The program crashed while working on it."
        if status == -signal.SIGKILL:
            cause = "because the machine ran out of memory" if self._is_out_of_memory else "from outside"
            return f"It was killed {cause}."
        return f"It stopped without a result (status {status})."

    def reason_to_kill(self, row: dict | None, check_leases: bool) -> str:
        """Why this process must be killed now, in a sentence; empty when it may go on. `row`: the job if it is ours."""
        if row is None:
            return "It had lost its claim." if self._for_longer("lost", LOST_GRACE_S) else ""
        if row["cancel_requested"] and self._for_longer("cancel", CANCEL_GRACE_S):
            return "It did not stop by itself."
        if check_leases and row["expired"]:
            return f"It stopped answering for {self.handler.lease_s} seconds."
        wall_s = self.handler.wall_s
        if time.monotonic() - self.started > wall_s:
            longest = f"{wall_s} seconds" if wall_s < 120 else f"{wall_s // 60} minutes"
            return f"It took longer than the {longest} that it may take."
        return ""

    def kill(self, reason: str) -> None:
        """End the process and all that it started, at once."""
        self.kill_reason = reason
        processes.signal_group(self.process, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self.read_output()
        self.output.close()

    @cached_property
    def _is_out_of_memory(self) -> bool:
        """Whether the kernel has killed something for want of memory since this process began. Asked when it has ended:
        job processes are the first to go."""
        return _count_memory_kills() > self._memory_kills

    def _for_longer(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        return now - self._since.setdefault(what, now) > seconds

    def _limit(self) -> None:
        """Runs in the child."""
        if self.handler.memory_mb:
            size = self.handler.memory_mb * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
        _limit_process(NICE_IN_BACKGROUND if self.handler.in_background else NICE)


def _start_process(words: list[str], prepare: Callable[[], None], stdin: int) -> subprocess.Popen:
    return processes.start_child(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_job", *words],
        prepare=prepare,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    )


def _limit_process(nice: int = NICE) -> None:
    """Runs in the child: no core files, first to go when the machine runs out of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(nice)
    if sys.platform == "linux":
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"800")
        os.close(fd)


def _count_memory_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
