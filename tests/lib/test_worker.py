"""The worker with real processes on a real database: what is killed, hangs or crashes does not stop the queue."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection

from mitoweb.lib import processes
from mitoweb.lib.jobs import core, registry
from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.lib.jobs.supervisor import JobSupervisor
from tests.lib import job_tasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


class Worker:
    """`manage.py worker` as a process that may be killed."""

    def __init__(self, *options: str) -> None:
        self.log = Path(settings.VAR_DIR) / f"worker-{uuid.uuid4().hex[:6]}.log"
        with self.log.open("wb") as log:
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", *options]
            self.process = processes.start_child(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def family(self) -> list[psutil.Process]:
        """The worker and all that it started, and that they started."""
        try:
            supervisor = psutil.Process(self.process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def job_process(self, job: Job) -> psutil.Process | None:
        for process in self.family():
            if str(job.pk) in " ".join(_command(process)):
                return process
        return None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        return processes.stop_child(self.process, signals=[(signal.SIGTERM, 20)])


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def cluster_of(supervisor: Worker) -> list[psutil.Process]:
    return [process for process in supervisor.family() if "task_cluster" in _command(process)]


def have_ended(family: list[psutil.Process]) -> bool:
    """Within half a minute. A killed worker's grandchildren stay zombies until whoever adopted them asks."""

    def is_alive(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return processes.wait_until(lambda: not any(is_alive(process) for process in family), 30)


@pytest.fixture
def worker():
    """Start workers; whatever still runs at the end is killed."""
    started = []

    def start(*options: str) -> Worker:
        started.append(Worker(*options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def queue(kind: str, count: int = 1, **options) -> list[Job]:
    return [core.enqueue(kind, uuid.uuid4(), **options) for _ in range(count)]


def wait_for(jobs: list[Job], *states: str, seconds: float = 200) -> None:
    ids = [job.pk for job in jobs]

    def all_there() -> bool:
        return Job.objects.filter(pk__in=ids, state__in=states).count() == len(ids)

    there = processes.wait_until(all_there, seconds, step_s=0.1)
    assert there, list(Job.objects.filter(pk__in=ids).values("kind", "state", "attempts", "message", "log"))
    for job in jobs:
        job.refresh_from_db()


def assert_complete(jobs: list[Job]) -> None:
    assert [job_tasks.rows_of(job) for job in jobs] == [job_tasks.ITEMS] * len(jobs)


def test_jobs_of_all_lanes_run_side_by_side(worker):
    jobs = queue("test.count", 2) + queue("test.erase")
    [behind], [awaited] = queue("test.count_behind"), queue("test.count_slowly")
    supervisor = worker()
    wait_for([behind, awaited], "running")
    nice = [supervisor.job_process(job).nice() for job in (awaited, behind)]
    assert nice[1] > nice[0], "what nobody waits for does not leave the others the processor"
    jobs += [behind, awaited]
    wait_for(jobs, "done")
    assert_complete(jobs)


def test_a_stopped_worker_hands_its_job_back_and_leaves_no_process(worker):
    [job] = queue("test.count_slowly")
    first = worker()
    wait_for([job], "running")
    family = first.family()
    assert first.stop() == 0
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 0)
    assert have_ended(family)
    worker("--no-cluster")
    wait_for([job], "done")
    assert_complete([job])


def test_a_killed_worker_takes_its_processes_along_and_the_next_goes_on(worker):
    [job] = queue("test.count_slowly")
    first = worker()
    wait_for([job], "running")
    assert processes.wait_until(lambda: job_tasks.rows_of(job) >= 2, 120)
    family = first.family()
    first.kill()
    assert have_ended(family)
    job.refresh_from_db()
    assert job.state == "running"
    worker("--no-cluster")
    wait_for([job], "done")
    assert_complete([job])


def test_a_killed_job_process_is_started_again_where_it_was(worker):
    [job] = queue("test.count_slowly")
    supervisor = worker("--no-cluster")
    assert processes.wait_until(lambda: job_tasks.rows_of(job) >= 2, 120)
    supervisor.job_process(job).kill()
    wait_for([job], "done")
    assert_complete([job])


def test_a_process_that_was_kept_ready_takes_one_job_and_may_be_killed_at_any_time(worker):
    supervisor = worker("--no-cluster", "--ready")

    def ready() -> list[psutil.Process]:
        return [one for one in supervisor.family() if _command(one)[-1:] == ["tests.lib.job_tasks"]]

    def one_else(former: psutil.Process | None) -> psutil.Process:
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [one for one in ready() if one != former]
            return len(found) == 1

        assert processes.wait_until(is_there, 120)
        return found[0]

    killed = one_else(None)
    killed.kill()  # while it waits: another one takes its place
    waiting = one_else(killed)
    [job] = queue("test.count_ready")
    assert processes.wait_until(lambda: job_tasks.rows_of(job) >= 2, 120)
    assert WorkerPulse.objects.filter(name=f"process {waiting.pid} of {job.pk}"[:60]).exists()
    waiting.kill()  # while it works: the job goes on in another process, for which nobody has waited
    wait_for([job], "done")
    assert_complete([job])
    one_else(waiting)
    family = supervisor.family()
    assert supervisor.stop() == 0
    assert have_ended(family)


def test_a_process_gets_ready_without_database_and_torch_and_ends_with_nobody_to_tell_it_a_job():
    """So it holds no connection that grows stale, and little memory."""
    modules = registry.needed_in_lane("compute")
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nowhere", "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_job", "--ready", *modules],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=os.environ | nowhere,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 0, done.stderr[-500:]
    assert "openvino" in loaded and "torch" not in loaded


def test_what_was_kept_ready_for_an_hour_is_made_anew_from_the_settings_of_now(monkeypatch):
    keeper = JobSupervisor({"erase": 1}, None, keep_ready=True)

    def kept(after_s: float) -> subprocess.Popen:
        monkeypatch.setattr("mitoweb.lib.jobs.supervisor.READY_FOR_S", after_s)
        keeper._due["ready"] = 0.0
        keeper._make_ready()
        return keeper.ready["erase"].process

    first = kept(3600)
    try:
        assert kept(3600) is first
        assert kept(-1) is not first and first.returncode == -signal.SIGKILL
    finally:
        keeper._shut_down()


def test_poison_jobs_end_after_their_attempts_with_the_reason_and_the_others_run(worker):
    reasons = {
        "test.crash": "The program crashed while working on it.",
        "test.out_of_memory": "It needed more memory than it may use.",
        "test.be_killed": "It was killed from outside.",
        "test.hang": "It stopped answering for 2 seconds.",
        "test.never_end": "It took longer than the 2 seconds that it may take.",
    }
    poison = [queue(kind, max_attempts=2)[0] for kind in reasons]
    others = queue("test.count", 3)
    worker("--no-cluster")
    wait_for(poison, "failed")
    wait_for(others, "done")
    times = dict.fromkeys(reasons, "It was tried 2 times.") | {
        "test.be_killed": "It was stopped 2 times without getting further."
    }
    assert [job.attempts + job.interruptions for job in poison] == [2] * len(poison)
    assert [job.message for job in poison] == [f"{reason} {times[kind]}" for kind, reason in reasons.items()]
    assert_complete(others)


def test_a_cancelled_job_stops_even_when_it_does_not_look(worker):
    [stuck] = queue("test.hang_long")
    worker("--no-cluster")
    wait_for([stuck], "running")
    core.cancel(stuck, "tech")
    wait_for([stuck], "cancelled")
    assert stuck.message == "Cancelled by tech."


def test_a_killed_cluster_worker_does_not_stop_the_queue(worker):
    """A killed idle worker of django-q2 can hang its cluster for good: measured, it did in seven of ten kills."""
    supervisor = worker("--probe-s", "1")
    for _ in range(3):
        assert processes.wait_until(lambda: len(cluster_of(supervisor)) >= 4, 120)
        cluster_of(supervisor)[-1].kill()
        jobs = queue("test.count", 2)
        wait_for(jobs, "done")
        assert_complete(jobs)


def test_a_hung_cluster_is_replaced(worker):
    supervisor = worker("--probe-s", "1")
    assert processes.wait_until(lambda: len(cluster_of(supervisor)) >= 4, 120)
    before = cluster_of(supervisor)
    for process in before:
        process.suspend()
    assert processes.wait_until(lambda: not [one for one in before if one.is_running()], 120)
    assert processes.wait_until(lambda: len(cluster_of(supervisor)) >= 4, 120)


def test_jobs_go_on_when_the_database_crashes_under_them(worker, postgres):
    jobs = queue("test.count_slowly") + queue("test.count", 3)
    worker()
    assert processes.wait_until(lambda: job_tasks.rows_of(jobs[0]) >= 2, 120)
    postgres.stop(signal.SIGQUIT)
    time.sleep(2)
    postgres.start()
    connection.close()
    wait_for(jobs, "done")
    assert_complete(jobs)
    assert [job.attempts for job in jobs] == [1] * len(jobs)


def test_the_worker_shows_its_pulse(worker):
    worker("--no-cluster")
    assert processes.wait_until(lambda: WorkerPulse.objects.filter(name__startswith="foreman").exists(), 120)
