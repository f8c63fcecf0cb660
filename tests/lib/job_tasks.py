"""Handlers that only tests register (MITOWEB_EXTRA_TASKS): they write rows that can be counted, or go wrong on purpose.

They write into WorkerPulse, a table of the job app itself, so that no table exists for tests alone: one row per item
of a job, named by job and item, so that an item done twice by two runs would break the primary key.
"""

import ctypes
import os
import time

from django.db.models.functions import Now

from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job, WorkerPulse

ITEMS = 10


def rows_of(job: Job) -> int:
    return WorkerPulse.objects.filter(name__startswith=f"{job.pk} ").count()


@core.handler("test.count", lane="ingest", lease_s=60, wall_s=60)
def count(run: core.Run) -> None:
    _write_items(run, pause_s=0.01)


@core.handler("test.count_slowly", lane="compute", lease_s=60, wall_s=120)
def count_slowly(run: core.Run) -> None:
    _write_items(run, pause_s=0.3)


@core.handler("test.count_behind", lane="compute", lease_s=300, wall_s=600, in_background=True)
def count_behind(run: core.Run) -> None:
    _write_items(run, pause_s=0.3)


@core.handler("test.count_ready", lane="erase", lease_s=300, wall_s=600, memory_mb=4096, needs=("tests.lib.job_tasks",))
def count_ready(run: core.Run) -> None:
    """As `count_slowly`, and a row that names the process."""
    WorkerPulse.objects.get_or_create(name=f"process {os.getpid()} of {run.job_id}"[:60], defaults={"at": Now()})
    _write_items(run, pause_s=0.3)


@core.handler("test.erase", lane="erase", lease_s=60, wall_s=60)
def erase(run: core.Run) -> None:
    _write_items(run, pause_s=0.01)


def _write_items(run: core.Run, pause_s: float) -> None:
    """Ten rows, each written once however often the job starts: it goes on behind the last row."""
    first = WorkerPulse.objects.filter(name__startswith=f"{run.job_id} ").count()
    for item in range(first, ITEMS):
        time.sleep(pause_s)
        run.save(lambda name=f"{run.job_id} {item}": WorkerPulse.objects.get_or_create(name=name, at=Now()))
        run.beat(item + 1, ITEMS)


@core.handler("test.refuse", lane="ingest")
def refuse(run: core.Run) -> None:
    raise core.JobFailed("This file is not a slide.")


@core.handler("test.raise", lane="ingest")
def raise_error(run: core.Run) -> None:
    raise ZeroDivisionError("on purpose")


@core.handler("test.machine", lane="ingest")
def machine(run: core.Run) -> None:
    raise core.TryAgain("The machine had no time.")


@core.handler("test.crash", lane="ingest", lease_s=60, wall_s=60)
def crash(run: core.Run) -> None:
    ctypes.string_at(0)


@core.handler("test.out_of_memory", lane="ingest", lease_s=60, wall_s=60, memory_mb=1024)
def out_of_memory(run: core.Run) -> None:
    bytearray(4 * 2**30)


@core.handler("test.be_killed", lane="ingest", lease_s=60, wall_s=60, max_interruptions=1)
def be_killed(run: core.Run) -> None:
    os.kill(os.getpid(), 9)


@core.handler("test.hang", lane="ingest", lease_s=2, wall_s=60)
def hang(run: core.Run) -> None:
    """Stuck in C: no signal handler and no beat gets through."""
    ctypes.PyDLL(None).sleep(600)


@core.handler("test.never_end", lane="ingest", lease_s=60, wall_s=2)
def never_end(run: core.Run) -> None:
    """Shows progress for ever; only the wall time ends it."""
    for done in range(10**9):
        run.beat(done, 10**9)
        time.sleep(0.2)


@core.handler("test.hang_long", lane="ingest", lease_s=600, wall_s=600)
def hang_long(run: core.Run) -> None:
    ctypes.PyDLL(None).sleep(600)


def note_the_end(job: Job) -> None:
    WorkerPulse.objects.create(name=f"end of {job.pk}", device=job.state, at=Now())
    if job.message == "break":
        raise ZeroDivisionError("in on_end")


@core.handler("test.tell", lane="ingest", on_end=note_the_end)
def tell(run: core.Run) -> None:
    raise core.JobFailed("break" if run.attempt == 1 else "do not break")
