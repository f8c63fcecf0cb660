"""The worker at full length: a hundred kills, ten database crashes, no job lost or doubled."""

import random
import signal
import time
from contextlib import suppress

import psutil
import pytest
from django.db import connection

from mitoweb.lib import processes
from mitoweb.lib.jobs.models import Job
from tests.lib import job_tasks
from tests.lib.test_worker import Worker, assert_complete, cluster_of, queue, wait_for, worker  # noqa: F401 a fixture

pytestmark = [pytest.mark.nightly, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]

KILLS, CRASHES, JOBS = 100, 10, 150
STATES_AT_REST = {"done", "failed"}


def test_no_job_is_lost_or_doubled_by_kills_and_database_crashes(worker, postgres):  # noqa: F811
    chance = random.Random(4)
    jobs = queue("test.count", JOBS - 3) + queue("test.crash", 3)
    supervisor = worker("--ingest", "2")
    crash_at = set(range(5, KILLS, KILLS // CRASHES))
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.2, 1.2))
        if kill in crash_at:
            crash(postgres)
        supervisor = kill_one(supervisor, worker, chance)
    if supervisor.process.poll() is not None:
        worker("--ingest", "2")
    ids = [job.pk for job in jobs]
    at_rest = processes.wait_until(
        lambda: Job.objects.filter(pk__in=ids, state__in=STATES_AT_REST).count() == len(ids), 600, step_s=0.5
    )
    assert at_rest, list(Job.objects.exclude(state__in=STATES_AT_REST).values("kind", "state", "attempts", "message"))
    for job in jobs:
        job.refresh_from_db()
    done = [job for job in jobs if job.state == "done"]
    failed = [job for job in jobs if job.state == "failed"]
    assert_complete(done)
    assert {job.attempts for job in failed} == {3}
    assert {job.kind for job in jobs[-3:]} == {"test.crash"}
    assert all(job.state == "failed" for job in jobs[-3:])
    assert all(job_tasks.rows_of(job) <= job_tasks.ITEMS for job in failed)
    assert len(done) >= JOBS - 3 - KILLS // 10  # a job may be hit three times before its first row


def crash(postgres) -> None:
    postgres.stop(signal.SIGQUIT)
    time.sleep(0.5)
    postgres.start()
    connection.close()


def kill_one(supervisor: Worker, start, chance: random.Random) -> Worker:
    """Kill the worker, or one of the processes under it; a killed worker is followed by a new one."""
    family = supervisor.family()
    if not family:
        return start("--ingest", "2")
    victim = chance.choice(family)
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return supervisor
    if victim.pid != supervisor.process.pid:
        return supervisor
    supervisor.process.wait()
    return start("--ingest", "2")


def test_the_queue_survives_twenty_kills_of_idle_cluster_processes(worker):  # noqa: F811
    chance = random.Random(5)
    supervisor = worker("--probe-s", "1")
    for _ in range(20):
        assert processes.wait_until(lambda: len(cluster_of(supervisor)) >= 4, 60)
        with suppress(psutil.NoSuchProcess, IndexError):  # it may be on its way out already
            chance.choice(cluster_of(supervisor)).kill()
        wait_for(queue("test.count"), "done", seconds=30)
