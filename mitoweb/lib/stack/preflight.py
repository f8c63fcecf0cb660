"""What must hold before anything starts. Each failure is one sentence that says what to do."""

import errno
import fcntl
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TextIO

FIRST_START_BYTES = 2**30
LATER_START_BYTES = 200 * 2**20


class CannotStart(Exception):
    """One sentence for the person at the terminal."""


def check_all(var_dir: Path, host: str, port: int) -> None:
    """Raise CannotStart for the first thing that is in the way."""
    check_folder(var_dir)
    check_disk(var_dir)
    check_port(host, port)


def check_folder(var_dir: Path) -> None:
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=var_dir) as file:
            file.write(b"x")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_is_full(var_dir, FIRST_START_BYTES) from None
        raise CannotStart(
            f"The folder {var_dir} cannot be written ({error.strerror.lower()}): "
            f"make it yours, or name another one in MITOWEB_VAR."
        ) from None


def check_disk(var_dir: Path) -> None:
    """A first start unpacks a database and the demo; later ones need room to work."""
    needed = LATER_START_BYTES if (var_dir / "postgres" / "data").exists() else FIRST_START_BYTES
    if shutil.disk_usage(var_dir).free < needed:
        raise _disk_is_full(var_dir, needed)


def check_port(host: str, port: int) -> None:
    try:
        _bind(host, port)
    except OverflowError:
        raise CannotStart(f"{port} is no port: choose one from 1024 to 65535, such as make run PORT=8001.") from None
    except PermissionError:
        raise CannotStart(f"Port {port} is reserved for root: choose one above 1023, such as PORT=8000.") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise CannotStart(f"The address {host}:{port} cannot be used ({error.strerror.lower()}).") from None
        raise CannotStart(
            f"Port {port} is taken by another program: choose another, such as make run PORT={_free_port(host, port)}."
        ) from None


def hold_lock(var_dir: Path) -> TextIO:
    """Hold var/ for this process as long as the returned file is open; the kernel lets go when the process dies."""
    file = (var_dir / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read().strip() or "another process"
        file.close()
        raise CannotStart(f"MitoWeb already runs from this folder ({who}): use that one or stop it first.") from None
    return file


def sign_lock(file: TextIO, text: str) -> None:
    """Say in the lock file who holds it, for the sentence that the next one gets."""
    file.truncate(0)
    file.write(text)
    file.flush()


def _bind(host: str, port: int) -> None:
    with socket.create_server((host, port)):
        return


def _free_port(host: str, taken: int) -> int:
    for port in range(taken + 1, min(taken + 100, 65536)):
        try:
            _bind(host, port)
        except OSError:
            continue
        return port
    return 8000


def _disk_is_full(var_dir: Path, needed: int) -> CannotStart:
    free = shutil.disk_usage(var_dir).free
    return CannotStart(
        f"The disk of {var_dir} has only {free // 2**20:,} MB free and {needed // 2**20:,} MB are needed: "
        f"free some, or name a folder on another disk in MITOWEB_VAR."
    )
