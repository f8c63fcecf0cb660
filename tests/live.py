"""The real web server on the database of a test, in processes that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
from django.conf import settings

from mitoweb.lib import processes
from slides.web_server import gunicorn_conf

UP_WITHIN_S = 90


class LiveServer:
    """gunicorn as the product runs it. The test must commit what it wants seen: django_db(transaction=True)."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> "LiveServer":
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "MITOWEB_SLIDES": str(settings.SLIDES_ROOT),
            "MITOWEB_UPLOADS": str(settings.UPLOADS_ROOT),
            "MITOWEB_DISK_RESERVE_BYTES": str(settings.DISK_RESERVE_BYTES),
            **self.environment,
        }
        address = ["--bind", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", gunicorn_conf.__file__, *address],
            env=environment,
            cwd=settings.BASE_DIR,
            start_new_session=True,
        )
        assert processes.wait_until(self.answers, UP_WITHIN_S)
        return self

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """kill -9 of the server and all its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_workers(self) -> None:
        """kill -9 of the processes that hold the requests; their parent makes new ones."""
        for worker in psutil.Process(self.process.pid).children():
            worker.kill()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> "LiveServer":
        return self.start()

    def __exit__(self, *exception) -> None:
        self.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(happened, within_s: float = 60, every_s: float = 0.2):
    """The first true answer of happened(); fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := happened():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"Not within {within_s:g} s: {happened}")
