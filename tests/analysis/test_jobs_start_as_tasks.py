"""Checks of slides, analyses and explanations start as django-q2 tasks, queued with the row of their job."""

import io
import json
import time

import pytest
from django.db import transaction
from django_q.models import OrmQ, Task

from analysis.services import explanations, model_uploads, runs
from analysis.services.learning import data_sets
from analysis.services.learning.choice import Choice
from mitoweb.lib import processes
from mitoweb.lib.jobs import notify
from mitoweb.lib.jobs.models import Job, WorkerPulse
from slides.services import uploads
from tests.analysis.learning.makers import administrator, frozen, judged_slide
from tests.analysis.learning.training_makers import make_run
from tests.analysis.makers import add_detection, card, make_analysis, model_with_network
from tests.factories import CaseFactory, SlideFactory, UserFactory, member, small_slide
from tests.lib.test_worker import cluster_of, worker  # noqa: F401 a fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def check_slide() -> Job:
    case, path = CaseFactory(), small_slide()
    wanted = uploads.UploadRequest(path.name, path.stat().st_size)
    upload = uploads.create_upload(member(case.team, "technician"), case, wanted)
    with path.open("rb") as file:
        uploads.receive_piece(upload, 0, file, wanted.length)
    return Job.objects.get(kind="slide.check")


def start_analysis() -> Job:
    model_with_network()
    slide = SlideFactory()
    return runs.start_analysis(slide, member(slide.case.team)).job


def ask_for_explanation() -> Job:
    analysis = make_analysis()
    OrmQ.objects.all().delete()  # the task of the analysis, which is done
    explanations.enqueue_maps(add_detection(analysis), member(analysis.slide.case.team))
    return Job.objects.get(kind=explanations.KIND)


def freeze_data_set() -> Job:
    judged_slide([["mitosis", "mitosis"]])
    OrmQ.objects.all().delete()  # as above
    return data_sets.freeze_data_set("Spring", Choice(), administrator()).job


def begin_training() -> Job:
    judged_slide([["mitosis", "mitosis"]])
    data_set = frozen("Autumn")
    OrmQ.objects.all().delete()  # as above
    return make_run(data_set).job


def send_model() -> Job:
    upload = model_uploads.begin_upload(json.dumps(card(name="sent")), 10, UserFactory(is_superuser=True))
    model_uploads.receive_piece(upload, 0, io.BytesIO(b"no weights"), 10)
    return Job.objects.get(kind=model_uploads.KIND)


# The one that others follow comes last.
WAYS = [check_slide, freeze_data_set, send_model, ask_for_explanation, begin_training, start_analysis]


def tasks() -> list[tuple]:
    """(function, arguments, name) of what waits for the cluster."""
    queued = [row.task for row in OrmQ.objects.order_by("pk")]
    return [(task["func"], task["args"], task["name"]) for task in queued]


@pytest.mark.parametrize("enqueue", WAYS)
def test_the_task_is_queued_with_the_job_or_not_at_all(enqueue):
    with transaction.atomic():
        job = enqueue()
        assert tasks() == [(notify.START, (str(job.pk),), f"{job.kind} {job.pk}")]
        transaction.set_rollback(True)
    assert tasks() == []
    assert not Job.objects.exists()


@pytest.mark.timeout(900)
def test_a_worker_starts_each_job_when_the_cluster_runs_its_task(worker):  # noqa: F811
    """This worker looks for jobs without a task, and probes, once an hour: what starts the job is its task."""
    supervisor = worker("--look-s", "3600", "--probe-s", "3600")
    assert processes.wait_until(lambda: WorkerPulse.objects.exists() and len(cluster_of(supervisor)) >= 4, 120)
    for enqueue in WAYS:
        assert processes.wait_until(lambda: not (OrmQ.objects.exists() or jobs_to_do()), 120), list(jobs_to_do())
        time.sleep(1)  # the last wake of what the worker does by itself
        starts_by_its_task(enqueue())


def starts_by_its_task(job: Job) -> None:
    assert processes.wait_until(lambda: Job.objects.get(pk=job.pk).started is not None, 60), job.kind
    assert processes.wait_until(lambda: Task.objects.filter(name=f"{job.kind} {job.pk}").exists(), 60), job.kind
    task = Task.objects.get(name=f"{job.kind} {job.pk}")
    assert (task.func, task.args, task.success) == (notify.START, (str(job.pk),), True), job.kind
    assert task.started < Job.objects.get(pk=job.pk).started, job.kind


def test_a_job_whose_task_is_lost_starts_at_the_next_look(worker):  # noqa: F811
    job = check_slide()
    OrmQ.objects.all().delete()
    worker()
    assert processes.wait_until(lambda: Job.objects.get(pk=job.pk).started is not None, 120)
    assert not Task.objects.filter(name=f"{job.kind} {job.pk}").exists()


def jobs_to_do():
    return Job.objects.filter(state__in=["queued", "running"]).values("kind", "state", "message")
