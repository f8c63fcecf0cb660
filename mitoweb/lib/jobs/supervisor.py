"""The supervisor: queues periodic jobs, claims jobs, runs each in its own process, and sees that every claim ends.

One loop, one thread. A turn may be cut short anywhere by a lost database and simply runs again: what has been done is
in the rows. Everything that must hold also holds when the supervisor itself is killed: its processes die with it and
the next one puts its claims back.
"""

import logging
import os
import select
import signal
import socket
import time

from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from mitoweb.lib.jobs import claims, identity, notify, periodic, registry
from mitoweb.lib.jobs.cluster import Cluster
from mitoweb.lib.jobs.job_process import JobProcess, ReadyProcess
from mitoweb.lib.jobs.models import WorkerPulse

logger = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
PULSE_EVERY_S = 5.0
PERIODIC_EVERY_S = 60.0  # how late a periodic job may be; its own period is where it is registered
READY_EVERY_S = 3.0  # how soon after the start, or after one that was kept ready has ended, there is a new one
READY_FOR_S = 3600.0  # older ones are made anew: the files that settings come from may have changed
LENIENT_S = 10.0  # after the database came back, jobs get this long to renew their leases


class JobSupervisor:
    def __init__(
        self, slots: dict[str, int], cluster: Cluster | None, look_every_s: float = 1, *, keep_ready: bool = False
    ) -> None:
        self.slots = slots
        self.keep_ready = keep_ready
        self.ready: dict[str, ReadyProcess] = {}  # by lane
        self.cluster = cluster
        self.look_every_s = look_every_s
        self.name = identity.own()
        self.running: list[JobProcess] = []
        self.stopping = False
        self._listening_on = None
        self._due = {"sweep": 0.0, "pulse": 0.0, "periodic": 0.0, "ready": time.monotonic() + READY_EVERY_S}
        self._lenient_until = 0.0
        self._waker, self._wake_end = socket.socketpair()

    def run(self) -> None:
        """Work until told to stop by SIGTERM or SIGINT."""
        self._catch_signals()
        while not self.stopping:
            try:
                self._turn()
            except (OperationalError, InterfaceError) as error:
                self._database_is_away(error)
            self._wait()
        self._shut_down()

    def _turn(self) -> None:
        self._listen()
        self._settle_ended()
        self._watch()
        if self._is_due("pulse", PULSE_EVERY_S):
            stored_name = f"foreman {socket.gethostname()}"[:60]
            WorkerPulse.objects.update_or_create(name=stored_name, defaults={"at": Now()})
        if self._is_due("sweep", SWEEP_EVERY_S):
            self._sweep()
        if self._is_due("periodic", PERIODIC_EVERY_S):
            periodic.enqueue_due()
        self._fill_slots()
        self._make_ready()
        if self.cluster is not None:
            self.cluster.tend()

    # -- jobs ------------------------------------------------------------------------------------------------------
    def _fill_slots(self) -> None:
        for lane, size in self.slots.items():
            self._fill(lane, size, in_background=False)
            self._fill(lane, min(size, 1), in_background=True)

    def _fill(self, lane: str, size: int, in_background: bool) -> None:
        place = lane, in_background
        while sum((job.lane, job.handler.in_background) == place for job in self.running) < size:
            job = claims.claim(lane, self.name, in_background)
            if job is None:
                break
            needs = registry.find(job.kind).needs
            self.running.append(JobProcess(job, self.ready.pop(lane, None) if needs else None))

    def _make_ready(self) -> None:
        """See that each lane has a process that has loaded what its jobs need, while nobody waits for the processor."""
        is_awaited = any(not job.handler.in_background for job in self.running)
        if not self.keep_ready or is_awaited or not self._is_due("ready", READY_EVERY_S):
            return
        for lane in self.slots:
            modules = registry.needed_in_lane(lane)
            if lane in self.ready and self.ready[lane].has_ended:
                said = self.ready.pop(lane).end()
                logger.warning("The process that was kept ready for %s has ended: %s", lane, said or "it was killed")
            if lane in self.ready and self.ready[lane].age_s > READY_FOR_S:
                self.ready.pop(lane).end()
            if modules and lane not in self.ready:
                self.ready[lane] = ReadyProcess(modules)

    def _settle_ended(self) -> None:
        """Write down how ended processes ended, where they did not do so themselves."""
        for job in [job for job in self.running if job.ended]:
            job.read_output()
            if claims.put_back(job.job_id, job.claim, job.exit_cause(), job.log, interrupted=job.was_interrupted):
                logger.error("Job %s: %s", job.job_id, job.exit_cause())
            job.close()
            self.running.remove(job)

    def _watch(self) -> None:
        """Kill what was cancelled and goes on, shows no progress, takes too long or has lost its claim."""
        if not self.running:
            return
        ids = [job.job_id for job in self.running]
        rows = claims.running().filter(pk__in=ids).values("pk", "claim", "cancel_requested", "expired")
        current = {(row["pk"], row["claim"]): row for row in rows}
        check_leases = time.monotonic() > self._lenient_until
        for job in self.running:
            reason = job.reason_to_kill(current.get((job.job_id, job.claim)), check_leases)
            if reason and not job.ended:
                job.kill(reason)
        self._settle_ended()

    def _sweep(self) -> None:
        """Put back the claims of others that ended without a word."""
        if time.monotonic() < self._lenient_until:
            return
        own = {job.claim for job in self.running}
        for job in claims.running():
            if job.claim in own:
                continue
            if job.expired or identity.is_gone(job.worker):
                logger.warning("Job %s: its worker is gone", job.pk)
                claims.put_back(job.pk, job.claim, "Its worker was stopped in the middle of it.", interrupted=True)

    def _shut_down(self) -> None:
        for job in self.running:
            job.kill("The worker was stopped.")
        for ready in self.ready.values():
            ready.end()
        if self.cluster is not None:
            self.cluster.stop()
        try:
            for job in self.running:
                claims.release(job.job_id, job.claim)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is away; the next worker puts the jobs back: %s", error)

    # -- database, signals, time -----------------------------------------------------------------------------------
    def _listen(self) -> None:
        connection.ensure_connection()
        raw = connection.connection
        if raw is not self._listening_on:
            raw.add_notify_handler(lambda notification: None)  # that it comes ends the wait
            raw.execute(f"LISTEN {notify.CHANNEL}")
            self._listening_on = raw

    def _database_is_away(self, error: Exception) -> None:
        logger.warning("The database is away: %s", str(error).strip())
        connection.close()
        self._listening_on = None
        self._lenient_until = time.monotonic() + LENIENT_S
        if self.cluster is not None:
            self.cluster.excuse_waiting()

    def _wait(self) -> None:
        """Until a task starts a job, a child writes or ends, a signal comes, or it is time to look."""
        sources = [self._waker, *(job.output for job in self.running if job.is_output_open and not job.ended)]
        if self._listening_on is not None and not self._listening_on.closed:
            sources.append(self._listening_on)
        ready, _, _ = select.select(sources, [], [], 0 if any(job.ended for job in self.running) else self.look_every_s)
        if self._waker in ready:
            self._waker.recv(4096)
        for job in self.running:
            job.read_output()

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_s
        return True

    def _catch_signals(self) -> None:
        for end in (self._waker, self._wake_end):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)  # its byte on the wake-up socket ends the wait

    def _stop(self, signum, frame) -> None:
        self.stopping = True
        logger.info("Worker %s stops", os.getpid())
