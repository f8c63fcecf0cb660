"""When the django-q2 cluster counts as hanging. The kills of a real one are in test_worker."""

import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from mitoweb.lib.jobs import cluster as module
from mitoweb.lib.jobs.cluster import Cluster

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def cluster(clock, monkeypatch) -> Cluster:
    """One whose process only sleeps, so that it runs no task."""
    sleeper = ["sleep", "60"]
    start_child = module.processes.start_child
    monkeypatch.setattr(module.processes, "start_child", lambda command, **options: start_child(sleeper, **options))
    cluster = Cluster(probe_every_s=15)
    yield cluster
    cluster.stop()


def queued(taken: bool = False) -> OrmQ:
    return OrmQ.objects.create(key="mitoweb", payload="", lock=timezone.now() + timedelta(minutes=1 if taken else -1))


def test_tasks_that_a_gone_cluster_took_are_dropped_and_the_others_are_left_to_the_new_one(cluster):
    queued(taken=True)
    waiting = queued()
    cluster.tend()
    assert list(OrmQ.objects.all()) == [waiting]


def test_a_task_that_stays_in_the_queue_brings_another_cluster(cluster, clock):
    cluster.tend()
    first = cluster.process
    clock.now_s += 16
    cluster.tend()
    assert OrmQ.objects.count() == 1
    cluster.tend()
    clock.now_s += cluster.longest_wait_s
    cluster.tend()
    assert cluster.process is first
    clock.now_s += 1
    cluster.tend()
    assert (cluster.process, first.poll()) == (None, -9)
    clock.now_s += 16
    cluster.tend()
    assert isinstance(cluster.process, subprocess.Popen)


def test_tasks_that_come_and_go_and_an_absence_of_the_database_do_not(cluster, clock):
    cluster.tend()
    first = cluster.process
    for _ in range(5):
        OrmQ.objects.all().delete()
        queued()
        cluster.tend()
        clock.now_s += 0.9 * cluster.longest_wait_s
    cluster.excuse_waiting()
    clock.now_s += 0.9 * cluster.longest_wait_s
    cluster.tend()
    assert cluster.process is first
