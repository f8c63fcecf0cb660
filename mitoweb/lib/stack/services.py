"""One long-lived child process each: started, started again when it dies, stopped with its whole family."""

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from mitoweb.lib import processes
from mitoweb.lib.embedded_db import DatabaseTrouble, EmbeddedPostgres
from mitoweb.lib.logs import open_private, rotate_log

logger = logging.getLogger(__name__)

STEADY_S = 30  # a service that lived this long is started again at once when it dies
LONGEST_PAUSE_S = 15


class Restarts:
    """When to start again: at once, then after pauses that double until the service has been steady."""

    def __init__(self) -> None:
        self._pause_s = 0.5
        self._started = 0.0
        self.due = 0.0

    def started(self) -> None:
        self._started = time.monotonic()

    def died(self) -> None:
        now = time.monotonic()
        self._pause_s = 0.5 if now - self._started > STEADY_S else min(2 * self._pause_s, LONGEST_PAUSE_S)
        self.due = now + self._pause_s


class Service:
    """A command that should always run; its output goes to a log file."""

    def __init__(self, name: str, command: list[str], log_path: Path, stop_s: float) -> None:
        self.name = name
        self.command = command
        self.log_path = log_path
        self.stop_s = stop_s
        self.process: subprocess.Popen | None = None
        self._restarts = Restarts()

    def start(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open_private(self.log_path, "ab") as log:
            self.process = processes.start_child(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._restarts.started()

    def tend(self, say: Callable[[str], None]) -> None:
        """Start the service again when it has died and its pause is over; set its log aside when that has grown."""
        rotate_log(self.log_path)
        if self.process is not None and self.process.poll() is not None:
            say(f"The {self.name} stopped (status {self.process.returncode}) and is started again; see {self.log_path}")
            processes.signal_group(self.process, signal.SIGKILL)
            self.process = None
            self._restarts.died()
        if self.process is None and time.monotonic() >= self._restarts.due:
            self.start()

    def stop(self) -> None:
        if self.process is not None:
            processes.stop_child(self.process, signals=[(signal.SIGTERM, self.stop_s)])
            self.process = None


class Task(Service):
    """A command that runs once; it is not started again, but stopped with the rest."""

    def tend(self, say: Callable[[str], None]) -> None:
        rotate_log(self.log_path)


class DatabaseService:
    """The embedded PostgreSQL as a service."""

    name = "database"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._restarts = Restarts()

    def start(self) -> None:
        self.server.start()
        self._restarts.started()

    def tend(self, say: Callable[[str], None]) -> None:
        rotate_log(self.server.log_path)
        if self.server.process is not None and not self.server.alive:
            say(f"The database stopped and is started again; see {self.server.log_path}")
            self.server.process = None
            self._restarts.died()
        if self.server.process is None and time.monotonic() >= self._restarts.due:
            try:
                self.start()
            except DatabaseTrouble as trouble:
                say(str(trouble))
                self._restarts.died()

    def stop(self) -> None:
        self.server.stop()
