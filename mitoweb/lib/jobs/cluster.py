"""The django-q2 cluster beside the supervisor: started, watched, killed as a whole and started again.

A killed worker of it can leave the cluster hanging with all its processes alive, so that it lives says nothing. A task
leaves the queue when it was run; one that stays shows that the cluster hangs, and probes see to it that there is one.
"""

import logging
import subprocess
import sys
import time

from django.conf import settings
from django.db.models.functions import Now
from django_q.models import OrmQ

from mitoweb.lib import processes
from mitoweb.lib.jobs import notify

logger = logging.getLogger(__name__)


class Cluster:
    def __init__(self, probe_every_s: float) -> None:
        self.probe_every_s = probe_every_s
        self.longest_wait_s = max(3 * probe_every_s, 10)  # of a task, until it has been run
        self.process: subprocess.Popen | None = None
        self.starts = 0
        self._next_start = self._next_probe = 0.0
        self._oldest_task: tuple[int | None, float] = None, 0.0  # and since when it is the oldest

    def tend(self) -> None:
        """Start, probe, or restart the cluster, whichever is due; raises the database's errors."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._next_start:
                self._start()
        elif self.process.poll() is not None:
            self._kill(f"it ended with status {self.process.returncode}")
        elif self._is_stuck():
            self._kill("its tasks stay in the queue")
        elif now >= self._next_probe:
            notify.queue_probe()
            self._next_probe = now + self.probe_every_s

    def excuse_waiting(self) -> None:
        """The database was away: that tasks had to wait is not the cluster's fault."""
        self._oldest_task = None, 0.0

    def stop(self) -> None:
        """At once: a task that is lost costs nothing, a cluster that winds down costs seconds."""
        if self.process is not None:
            processes.stop_child(self.process, signals=[])
            self.process = None

    def _is_stuck(self) -> bool:
        oldest, since = self._oldest_task
        found = OrmQ.objects.order_by("pk").values_list("pk", flat=True).first()
        if found != oldest:
            self._oldest_task = found, time.monotonic()
            return False
        return found is not None and time.monotonic() - since > self.longest_wait_s

    def _start(self) -> None:
        OrmQ.objects.filter(lock__gt=Now()).delete()  # taken by a cluster that is gone
        self.process = processes.start_child(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "task_cluster"],
            stdin=subprocess.DEVNULL,
        )
        self.starts += 1
        self._next_probe = time.monotonic() + self.probe_every_s
        self.excuse_waiting()

    def _kill(self, reason: str) -> None:
        logger.error("The django-q2 cluster is started again: %s", reason)
        self.stop()
        self._next_start = time.monotonic() + min(0.25 * 2 ** min(self.starts, 6), 15)
