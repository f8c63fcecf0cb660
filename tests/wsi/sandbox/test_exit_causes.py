"""A child that gave no answer tells whose fault that is: real ones that spin, sleep, crash and are killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from slides.wsi.sandbox import exit_causes, limits
from slides.wsi.sandbox.exit_causes import Meter, is_files_fault

SPIN = "while True: pass"
SLEEP = "import time; time.sleep(60)"


@contextlib.contextmanager
def child(code: str):
    """A child, in the sandbox where there is one; it says that it is up before it does `code`."""
    command = [sys.executable, "-c", f"print(flush=True)\n{code}"]
    with subprocess.Popen(limits.confined(command, []), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_the_time_of_a_child_that_spins_is_counted_and_that_of_one_that_sleeps_is_not():
    with child(SPIN) as spinning, child(SLEEP) as sleeping:
        busy, idle = Meter(spinning.pid), Meter(sleeping.pid)
        until = time.monotonic() + 60
        while busy.used_s() < 0.3:
            assert time.monotonic() < until, "the time of a spinning child is not counted"
            time.sleep(0.05)
        assert idle.used_s() < 0.05
        assert exit_causes.life_s(spinning.pid) >= 0.3
        assert is_files_fault(None, busy.used_s(), 0.4)
        assert not is_files_fault(None, idle.used_s(), 0.4)
        busy.start()
        assert busy.used_s() < 0.3


def test_a_child_that_went_over_its_own_limit_of_time_is_the_files_fault():
    limited = f"import os, resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\n{SPIN}"
    with child(limited) as spinning:
        meter = Meter(spinning.pid)
        os.waitid(os.P_PID, spinning.pid, os.WEXITED | os.WNOWAIT)
        assert meter.used_s() > 0.5, "what a dead child has used is not known"
        assert limits.signal_of(spinning.wait()) == signal.SIGXCPU
        assert is_files_fault(spinning.returncode, 0.0, 20.0)


@pytest.mark.parametrize(
    ("code", "blamed"),
    [
        ("import os; os.abort()", True),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", True),
        ("raise MemoryError", True),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGALRM)", False),
    ],
)
def test_a_crash_is_the_files_fault_and_a_kill_is_not(code, blamed):
    with child(code) as process:
        assert is_files_fault(process.wait(30), 0.0, 20.0) == blamed


def test_a_kill_after_much_work_is_the_files_fault():
    """The kernel kills what ignores its first warning of the limit."""
    assert is_files_fault(-signal.SIGKILL, 19.0, 20.0)


def test_a_child_that_is_gone_has_used_nothing():
    with child("pass") as process:
        process.wait(30)
        assert exit_causes.life_s(process.pid) == 0.0
