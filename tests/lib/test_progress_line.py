"""The first start shows one line for each thing that it installs, and what went wrong where something did."""

import io
import subprocess
import sys

import pytest

from mitoweb.lib.jobs.management.commands.up import progress_lines
from mitoweb.lib.stack.progress_line import PipSteps, run_in_one_line

PIP = """Collecting torch==2.2.0 (from -r requirements.txt (line 3))
  Downloading torch-2.2.0-cp311-none-manylinux1_x86_64.whl.metadata (25 kB)
  Downloading https://files.example.org/torch-2.2.0-cp311-none-linux_x86_64.whl (755.5 MB)
Collecting numpy<2
Requirement already satisfied: six in ./lib
  Building wheel for old-package (setup.py): started
Installing collected packages: numpy, torch
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def install(text: str, out, status: int = 0) -> str:
    code = f"import sys; sys.stdout.write({text!r}); sys.exit({status})"
    run_in_one_line([sys.executable, "-c", code], "Installing requirements.txt", PipSteps(), out=out)
    return out.getvalue()


def test_the_package_client_is_told_in_words():
    steps = PipSteps()
    assert [said for line in PIP.splitlines() if (said := steps(line))] == [
        "1 found, now torch",
        "1 found, fetching torch (755.5 MB)",
        "2 found, now numpy",
        "building old-package",
        "unpacking 2 packages",
    ]


def test_a_terminal_keeps_one_line_and_a_file_gets_no_raw_output():
    shown = install(PIP, Terminal())
    assert shown.count("\n") == 1
    assert "fetching torch (755.5 MB)" in shown
    start, end = install(PIP, io.StringIO()).splitlines()
    assert start == "Installing requirements.txt …"
    assert end.startswith("Installing requirements.txt: done (")


def test_where_it_fails_its_own_last_lines_say_why():
    out = io.StringIO()
    with pytest.raises(subprocess.CalledProcessError):
        install("Collecting nothing\nERROR: No matching distribution found for nothing\n", out, status=1)
    assert out.getvalue().splitlines()[-1] == "ERROR: No matching distribution found for nothing"


def test_the_demo_tells_its_progress_and_no_trace():
    assert progress_lines("Checking 2 slides …\n\nTraceback (most recent call last):\n  File x\n") == [
        "Checking 2 slides …"
    ]


def test_entries_of_the_log_are_not_shown_as_progress():
    entry = '{"time": "2026-11-30T00:10:37", "level": "info", "message": "Enqueued"}'
    assert progress_lines(f"8 accounts made\n{entry}\nChecking 4 slides …\n") == [
        "8 accounts made",
        "Checking 4 slides …",
    ]
