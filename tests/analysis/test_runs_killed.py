"""Analyses whose process is killed: what is found is exactly what an undisturbed run finds."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection

from analysis.models import Analysis
from analysis.services import runs
from mitoweb.lib import processes
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.models import Job
from tests.analysis.makers import NUCLEI_SEED, model_with_network
from tests.factories import SlideFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1500)]

LONG_S = 600  # a job process loads torch first, which takes its time on a busy machine


@pytest.fixture
def worker() -> Iterator[subprocess.Popen]:
    """`manage.py worker`. The number format is named, since which one is faster may change with the load."""
    log = Path(settings.VAR_DIR) / f"worker-{uuid.uuid4().hex[:6]}.log"
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", "--no-cluster"]
    environment = os.environ | {"MITOWEB_DEVICE": "cpu:float32"}
    with log.open("wb") as file:
        process = processes.start_child(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def two_analyses(nine_tiles) -> tuple[Analysis, Analysis]:
    """The same work twice: one is left alone, one is disturbed."""
    model_with_network()
    slide, user = SlideFactory(file=nine_tiles), UserFactory()
    return runs.start_analysis(slide, user), runs.start_analysis(slide, user)


def job_process(worker: subprocess.Popen, analysis: Analysis) -> psutil.Process | None:
    for process in psutil.Process(worker.pid).children(recursive=True):
        try:
            if str(analysis.job_id) in process.cmdline():
                return process
        except psutil.Error:
            continue
    return None


def tiles_done(analysis: Analysis) -> int:
    return retry_database(analysis.tiles_done.count)


def wait_until_done(*analyses: Analysis) -> None:
    """With what follows them."""
    _wait_for_jobs([analysis.job_id for analysis in analyses])
    _wait_for_jobs([Analysis.objects.get(pk=analysis.pk).follow_up_id for analysis in analyses])


def _wait_for_jobs(ids: list[uuid.UUID]) -> None:
    jobs = Job.objects.filter(pk__in=ids)
    ended = processes.wait_until(
        lambda: retry_database(lambda: jobs.exclude(state__in=["queued", "running"]).count()) == len(ids), LONG_S, 0.2
    )
    assert ended, list(jobs.values("state", "attempts", "message", "log"))
    assert {job.state for job in jobs} == {"done"}, list(jobs.values("state", "message", "log"))


def found(analysis: Analysis) -> dict:
    """Everything that was found, as it can be compared between runs."""
    names = ("number", "tile_index", "x_l0", "y_l0", "probability", "mitosis")
    fresh = Analysis.objects.get(pk=analysis.pk)
    return {
        "detections": list(analysis.detections.values_list(*names)),
        "tiles": list(analysis.tiles_done.order_by("index").values_list("index", "candidates")),
        "explained": set(analysis.detections.filter(explanation__isnull=False).values_list("number", flat=True)),
        "candidates": fresh.candidates,
    }


def kill_after(worker: subprocess.Popen, analysis: Analysis, tiles: int) -> uuid.UUID:
    """Kill the job's process once so many tiles are stored; the claim it had."""
    assert processes.wait_until(lambda: tiles_done(analysis) >= tiles, LONG_S, 0.02)
    process = job_process(worker, analysis)
    assert process is not None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    return Job.objects.get(pk=analysis.job_id).claim


def test_a_run_killed_in_the_middle_goes_on_and_finds_exactly_the_same(worker, two_analyses):
    alone, disturbed = two_analyses
    claim = kill_after(worker, disturbed, tiles=2)
    assert tiles_done(disturbed) < 6
    wait_until_done(alone, disturbed)
    disturbed.job.refresh_from_db()
    assert disturbed.job.claim != claim
    assert len(found(alone)["detections"]) > 20
    assert found(disturbed) == found(alone)


@pytest.mark.nightly
def test_twenty_kills_early_ones_included_find_exactly_the_same(worker, nine_tiles):
    """At moments chosen by chance within what a run takes, most of them before a tile is stored."""
    chance = random.Random(34)
    model_with_network(NUCLEI_SEED)
    user = UserFactory()
    # Two slides of one file: what was seen in one is not known of the other.
    alone = runs.start_analysis(SlideFactory(file=nine_tiles), user)
    wait_until_done(alone)
    undisturbed = Job.objects.get(pk=alone.job_id)
    took_s = (undisturbed.finished - undisturbed.started).total_seconds()
    disturbed, kills = runs.start_analysis(SlideFactory(file=nine_tiles), user), 0
    while kills < 20 and not retry_database(lambda: Job.objects.get(pk=disturbed.job_id)).ended:
        process = job_process(worker, disturbed)
        if process is None:
            time.sleep(0.02)
            continue
        time.sleep(took_s * chance.choice([0.02, 0.1, 0.3, 0.5]))
        if tiles_done(disturbed) >= 8:
            break
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended by itself
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 10
    wait_until_done(disturbed)
    assert found(disturbed) == found(alone)


@pytest.mark.nightly
def test_a_database_that_crashes_and_stays_away_for_ten_seconds_costs_nothing(worker, two_analyses, postgres):
    alone, disturbed = two_analyses
    assert processes.wait_until(lambda: tiles_done(disturbed) >= 2, LONG_S, 0.02)
    connection.close()
    postgres.stop(signal.SIGQUIT)
    time.sleep(10)
    postgres.start()
    wait_until_done(alone, disturbed)
    assert found(disturbed) == found(alone)
