"""Each thing in the way of a start gets one sentence that says what to do."""

import errno
import shutil
import socket
from pathlib import Path

import pytest

from mitoweb.lib.stack import preflight
from mitoweb.lib.stack.preflight import CannotStart

FREE = shutil.disk_usage("/")


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_a_free_one(taken_port):
    with pytest.raises(CannotStart, match=rf"Port {taken_port} is taken by another program: .*make run PORT=(\d+)"):
        preflight.check_port("127.0.0.1", taken_port)


def test_a_number_that_is_no_port_is_refused():
    with pytest.raises(CannotStart, match="70000 is no port"):
        preflight.check_port("127.0.0.1", 70000)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotStart, match="cannot be written .*name another one in MITOWEB_VAR"):
        preflight.check_folder(tmp_path / "file" / "var")


def test_a_full_disk_is_told_with_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: FREE._replace(free=300 * 2**20))
    with pytest.raises(CannotStart, match="only 300 MB free and 1,024 MB are needed"):
        preflight.check_disk(tmp_path)
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    preflight.check_disk(tmp_path)  # a later start needs less


def test_a_disk_that_fills_while_writing_is_told_as_full(tmp_path, monkeypatch):
    def no_space(dir):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preflight.tempfile, "TemporaryFile", no_space)
    with pytest.raises(CannotStart, match="MB are needed: free some"):
        preflight.check_folder(tmp_path)


def test_one_folder_runs_once_at_a_time(tmp_path: Path):
    first = preflight.hold_lock(tmp_path)
    preflight.sign_lock(first, "process 7, http://127.0.0.1:8000")
    with pytest.raises(CannotStart, match=r"already runs from this folder \(process 7, http://127.0.0.1:8000\)"):
        preflight.hold_lock(tmp_path)
    first.close()
    preflight.hold_lock(tmp_path).close()
