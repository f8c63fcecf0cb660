"""`make run` and what is under it: starts, stops without a trace, comes back after the worst, says what is amiss."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from mitoweb.lib import processes

pytestmark = pytest.mark.timeout(600)
UP_WITHIN_S = 200
PARTS = {"postgres", "gunicorn", "worker", "task_cluster"}


class Running:
    """MitoWeb as a newcomer runs it, in a var/ of its own and in a process group of its own."""

    def __init__(self, var: Path, command: list[str], port: int) -> None:
        self.port = port
        self.output_path = var.parent / "output.txt"
        environment = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_RUN}
        environment["MITOWEB_VAR"] = str(var)
        with self.output_path.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=settings.BASE_DIR, env=environment, start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.output_path.read_text()

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return response.status

    def wait_until_up(self) -> None:
        def up_or_ended() -> bool:
            return "MitoWeb runs at" in self.output or self.process.poll() is not None

        assert processes.wait_until(up_or_ended, UP_WITHIN_S), self.output
        assert self.process.poll() is None, self.output

    def family(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


OF_THE_TEST_RUN = {"MITOWEB_VAR", "MITOWEB_TEST_RUN", "MITOWEB_EXTRA_TASKS", "DJANGO_SETTINGS_MODULE", "SECRET_KEY"}


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def var(tmp_path_factory) -> Path:
    """One var/ for all tests here, each of which leaves it as it likes: the next start must cope."""
    return tmp_path_factory.mktemp("run") / "var"


@pytest.fixture
def start(var, port):
    """Start MitoWeb without the demo; what still runs at the end is killed."""
    started = []

    def start(*command: str) -> Running:
        command = command or (sys.executable, "manage.py", "up", "--port", str(port), "--no-demo")
        started.append(Running(var, list(command), port))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


def gone(family: list[psutil.Process], seconds: float = 60) -> bool:
    return processes.wait_until(lambda: not [one for one in family if _lives(one)], seconds)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_serves_and_ctrl_c_stops_everything(start):
    one = start()
    one.wait_until_up()
    assert one.get("/accounts/login/") == 200
    assert processes.wait_until(lambda: _is_ready(one), 120)
    assert processes.wait_until(lambda: parts_of(one.family()) >= PARTS, 60)
    family = one.family()
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(60) == 0, one.output
    assert gone(family, 5)
    assert one.output.endswith("Stopping …\nStopped.\n")


def parts_of(family: list[psutil.Process]) -> set[str]:
    commands = []
    for process in family:
        with suppress(psutil.Error):
            commands += process.cmdline()
    return {part for part in PARTS if any(part in command for command in commands)}


def _is_ready(one: Running) -> bool:
    try:
        return one.get("/readyz") == 200
    except urllib.error.URLError:
        return False


def test_it_starts_again_after_a_kill_of_the_whole_group(start):
    first = start()
    first.wait_until_up()
    family = first.family()
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert gone(family)
    second = start()
    second.wait_until_up()
    assert second.get("/healthz") == 200


def test_it_starts_again_after_a_kill_of_every_process(start):
    first = start()
    first.wait_until_up()
    family = first.family()
    for process in family:
        with suppress(psutil.NoSuchProcess):  # it went with its parent
            process.kill()
    first.process.wait()
    assert gone(family)
    second = start()
    second.wait_until_up()


def test_a_part_that_dies_is_started_again(start):
    one = start()
    one.wait_until_up()
    for number, part in enumerate(["gunicorn", "manage.py worker", "postgres"], start=1):
        victim = next(process for process in one.family() if part in " ".join(process.cmdline()))
        victim.kill()
        assert processes.wait_until(lambda number=number: one.output.count("is started again") == number, 60)
        assert processes.wait_until(lambda: _is_ready(one), 120)


def test_a_second_start_in_the_same_folder_is_told_where_the_first_is(start, port, var):
    first = start()
    first.wait_until_up()
    done = up(var, port="0")
    assert done.returncode == 1
    assert re.search(rf"already runs from this folder \(process \d+, http://127.0.0.1:{port}\)", done.stderr)
    assert first.get("/healthz") == 200
    assert (var / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = up(tmp_path / "var", port=str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Port {port} is taken by another program: choose another")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = up(tmp_path / "file" / "var", port="0")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def up(var: Path, port: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_RUN}
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--port", port, "--no-demo"],
        cwd=settings.BASE_DIR, env=environment | {"MITOWEB_VAR": str(var)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_make_run_is_stopped_through_make(start, port):
    """The command of the README, with the demo."""
    one = start("make", "--silent", "run", f"PORT={port}")
    one.wait_until_up()
    assert one.get("/accounts/login/") == 200
    family = one.family()
    one.process.terminate()
    one.process.wait(60)
    assert gone(family)


@pytest.mark.nightly
def test_it_comes_back_from_twenty_kills(start):
    for _ in range(20):
        one = start()
        one.wait_until_up()
        assert processes.wait_until(lambda one=one: _is_ready(one), 30)
        family = one.family()
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
        assert gone(family)
