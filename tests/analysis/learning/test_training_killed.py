"""A training whose process is killed goes on from its checkpoint, to the weights of one that was left alone."""

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

from analysis.lab.train.checkpoint import read_progress
from analysis.models import TrainingRun
from analysis.services.learning import training_runs
from analysis.training_jobs import folder_of_run
from mitoweb.lib import processes
from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.child import run_queued
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.job_process import JobProcess
from tests.analysis.learning.training_makers import begun_run, tiny_recipe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]
LONG_S = 900  # a job process loads torch first, which takes its time on a busy machine


@pytest.fixture
def worker() -> Iterator[subprocess.Popen]:
    log = Path(settings.VAR_DIR) / f"worker-{uuid.uuid4().hex[:6]}.log"
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", "--no-cluster"]
    environment = os.environ | {"MITOWEB_DEVICE": "cpu", "MITOWEB_TRAINING_THREADS": "1"}
    with log.open("wb") as file:
        process = processes.start_child(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    yield process
    process.kill()
    process.wait()


def job_process(worker: subprocess.Popen, run: TrainingRun) -> psutil.Process | None:
    for process in psutil.Process(worker.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if str(run.job_id) in process.cmdline():
                return process
    return None


def load(run: TrainingRun) -> TrainingRun:
    return retry_database(lambda: TrainingRun.objects.with_facts().get(pk=run.pk))


def wait_until(condition, what: str) -> None:
    assert processes.wait_until(condition, LONG_S), f"{what}: not within {LONG_S} s"


def checkpoint_step(run: TrainingRun) -> int:
    path = folder_of_run(run) / "checkpoint.safetensors"
    return read_progress(path) if path.exists() else 0


def test_a_killed_training_goes_on_from_its_checkpoint(monkeypatch, settings):
    """The job's process as the supervisor starts it, finds it killed and puts it back; it goes on in this process."""
    monkeypatch.setenv("MITOWEB_DEVICE", "cpu")
    monkeypatch.setenv("MITOWEB_TRAINING_THREADS", "1")
    settings.DEVICE, settings.TRAINING_THREADS = "cpu", 1
    run = begun_run(tiny_recipe(steps=4, validate_every=4))
    job = claims.claim("training", "test")
    killed = JobProcess(job)
    try:
        wait_until(lambda: checkpoint_step(run) >= 1 or killed.ended, "a checkpoint")
    finally:
        killed.process.kill()
        killed.process.wait()
        killed.close()
    assert killed.was_interrupted, killed.log
    reached = checkpoint_step(run)
    claims.put_back(job.pk, job.claim, killed.exit_cause(), interrupted=True)
    wait_until(lambda: run_queued("training"), "the second attempt")  # after a pause, where no progress was told
    run = load(run)
    assert run.state == TrainingRun.State.DONE, run.job.message + run.job.log
    assert [event["text"].split(" on ")[0] for event in run.events][1:3] == ["Begun", "Resumed"]
    log = (folder_of_run(run) / "log.txt").read_text()
    resumed = int(log.rpartition("resumed at step ")[2].split()[0])
    assert resumed >= reached >= 1, "it began anew, though there was a checkpoint"


@pytest.mark.nightly
def test_trainings_killed_at_any_moment_give_the_weights_of_one_left_alone(worker):
    """The second is the same run under a recipe that differs in words alone: the same weights are one version."""
    alone = begun_run(tiny_recipe(steps=12, validate_every=4))
    wait_until(lambda: load(alone).state == TrainingRun.State.DONE, "the one left alone")
    rng = random.Random(5)
    disturbed = training_runs.start_run(
        alone.base, alone.data_set, tiny_recipe(steps=12, validate_every=4, about="In other words.")
    )
    kills = 0
    while kills < 8 and load(disturbed).state != TrainingRun.State.DONE:
        time.sleep(rng.uniform(1, 25))
        process = job_process(worker, disturbed)
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
                kills += 1
    wait_until(lambda: load(disturbed).state in (TrainingRun.State.DONE, TrainingRun.State.FAILED), "the end")
    disturbed = load(disturbed)
    assert disturbed.state == TrainingRun.State.DONE, disturbed.job.message
    assert disturbed.result_id == load(alone).result_id, f"other weights after {kills} kills"
