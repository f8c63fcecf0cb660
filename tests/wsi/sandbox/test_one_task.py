"""A child with one task that fails: whether its file or the machine is to blame.

The children are Python's own `timeit`, which runs the statements that it is given, also inside the sandbox.
"""

import errno
from pathlib import Path

import pytest

from slides.wsi.errors import CutShort
from slides.wsi.sandbox import exit_causes, one_task
from slides.wsi.sandbox.one_task import ChildFailed, ChildTooSlow, answer_of

BEGIN = "import os, signal, sys, time; print(flush=True)"
LITTLE_MEMORY = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**29,) * 2); bytes(2**30)"


def ask(folder: Path, statement: str, timeout_s: float = 30, begin: str = BEGIN):
    return answer_of("timeit", [f"{begin}\n{statement}"], [], folder, timeout_s)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGXCPU", "SIGSYS"])
def test_a_crash_is_the_files_fault(tmp_path, name):
    with pytest.raises(ChildFailed, match="signal"):
        ask(tmp_path, f"os.kill(os.getpid(), signal.{name})")


def test_an_error_and_memory_beyond_its_limit_are_the_files_fault(tmp_path):
    for statement in ("raise KeyError", LITTLE_MEMORY):
        with pytest.raises(ChildFailed, match="exit status 1"):
            ask(tmp_path, statement)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_kill_from_outside_is_the_machines_fault(tmp_path, name):
    with pytest.raises(CutShort, match="signal"):
        ask(tmp_path, f"os.kill(os.getpid(), signal.{name})")


def test_a_child_that_spun_is_told_from_one_that_slept(tmp_path, monkeypatch):
    monkeypatch.setattr(exit_causes, "OWN_SHARE", 0.2)  # a test machine at work may give less than half of its time
    with pytest.raises(ChildTooSlow, match="no answer in 3 s"):
        ask(tmp_path, "while True: pass", timeout_s=3)
    with pytest.raises(CutShort, match="no answer in 3 s"):
        ask(tmp_path, "time.sleep(60)", timeout_s=3)


def test_a_child_that_ended_before_it_began_says_nothing_about_a_file(tmp_path):
    for statement in ("raise MemoryError", "import os; os.abort()"):
        with pytest.raises(CutShort):
            ask(tmp_path, statement, begin="")


def test_a_system_that_makes_no_process_says_nothing_about_a_file(tmp_path, monkeypatch):
    def no_process(*arguments, **options):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(one_task.subprocess, "Popen", no_process)
    with pytest.raises(CutShort, match="Cannot allocate memory"):
        ask(tmp_path, "pass")
