"""The django-q2 cluster beside the foreman: started, watched by canaries, killed as a whole and started again.

A killed worker can leave the cluster hanging with all its processes alive, so that it lives says nothing; only an
answered canary does.
"""

import logging
import signal
import subprocess
import sys
import time

from django.conf import settings

from mitoweb.lib import processes
from mitoweb.lib.jobs import doorbell

logger = logging.getLogger(__name__)


class Cluster:
    def __init__(self, canary_every_s: float, answer_within_s: float) -> None:
        self.canary_every_s = canary_every_s
        self.answer_within_s = answer_within_s
        self.process: subprocess.Popen | None = None
        self.restarts = -1
        self._next_start = 0.0
        self._number = 0
        self._called_at: float | None = None
        self._answered_at = 0.0

    def tend(self) -> None:
        """Start, call, or restart the cluster, whichever is due; raises the database's errors."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._restart(f"it ended with status {self.process.returncode}")
        if self.process is None:
            if now >= self._next_start:
                self._start()
            return
        if self._called_at is not None:
            if now - self._called_at > self.answer_within_s:
                self._restart("it did not answer")
        elif now - self._answered_at > self.canary_every_s:
            self._number += 1
            doorbell.call(self._number)
            self._called_at = now

    def heard(self, payload: str) -> None:
        """Take notice of a message on the channel."""
        if payload == f"canary {self._number}":
            self._called_at = None
            self._answered_at = time.monotonic()

    def forgive(self) -> None:
        """The database was away: an answer that did not come is not the cluster's fault."""
        if self._called_at is not None:
            self._called_at = time.monotonic()

    def stop(self) -> None:
        """At once: a ring that is lost costs nothing, a cluster that winds down costs seconds."""
        if self.process is not None:
            processes.stop_child(self.process, signals=[])
            self.process = None

    def _start(self) -> None:
        self.process = processes.start_child(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "doorbell"],
            stdin=subprocess.DEVNULL,
        )
        self.restarts += 1
        self._called_at = None
        self._answered_at = time.monotonic()

    def _restart(self, reason: str) -> None:
        logger.error("The doorbell is started again: %s", reason)
        processes.signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        self.process = None
        self._next_start = time.monotonic() + min(0.5 * 2 ** min(self.restarts, 5), 15)
