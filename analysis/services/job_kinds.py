"""What the list of jobs says about this app's. Registered when the app is loaded."""

import uuid
from urllib.parse import urlencode

from django.urls import reverse

from analysis.models import Analysis, DataSet, Detection, GateReport, ModelUpload, Replay, TrainingRun
from analysis.services import explanations, follow_ups, gates, model_uploads, replays, runs
from analysis.services.learning import data_sets, leaving, training_runs
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.site.jobs.kinds import JobKind, Look, Subject, kinds


def register_job_kinds() -> None:
    kinds[runs.KIND] = JobKind(
        "Analysis", describe_analyses, "analysis.run", cancel_job, retry_job, doing="Analysing", unit="tiles"
    )
    kinds[follow_ups.KIND] = JobKind(
        "Slide check and explanations", describe_analyses, "explain", doing="Explaining", unit="explanations"
    )
    refused = {"refused": Look("Refused", "circle-alert", "bad")}
    kinds[model_uploads.KIND] = JobKind(
        "Check of a model file", describe_model_uploads, doing="Checking", outcomes=refused
    )
    kinds[explanations.KIND] = JobKind("Explanation", describe_detections, "explain", doing="Explaining")
    kinds[data_sets.CUT] = JobKind(
        "Data set", describe_data_sets, "learning.manage", doing="Cutting patches", unit="patches"
    )
    kinds[data_sets.ERASE] = JobKind("Erasing from a data set", describe_data_sets, "learning.manage", doing="Erasing")
    kinds[leaving.ERASE_FRAMES] = JobKind("Erasing from the locked set", steered_by="learning.manage", doing="Erasing")
    kinds[gates.KIND] = JobKind("Gate", describe_gates, "model.manage", doing="Evaluating")
    replay = JobKind("Replay", describe_replays, "model.manage", doing="Replaying", unit="cases")
    kinds[replays.KIND] = kinds[replays.KIND_OF_STORED] = replay
    kinds[training_runs.KIND] = JobKind(
        "Training", describe_training_runs, "training.manage", stop_training, go_on_training, "Training", "steps"
    )


def describe_analyses(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = Analysis.objects.filter(pk__in=ids).select_related("slide__case")
    return {row.pk: Subject(str(row.slide), _viewer_url(row)) for row in rows}


def describe_detections(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    numbers = [explanations.read_detection_id(identity) for identity in ids]
    rows = Detection.objects.filter(pk__in=numbers).select_related("analysis__slide__case")
    return {
        explanations.make_job_id(row): Subject(
            f"detection {row.number} of {row.analysis.slide}", _viewer_url(row.analysis)
        )
        for row in rows
    }


def describe_data_sets(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    return {row.pk: Subject(row.name) for row in DataSet.objects.filter(pk__in=ids)}


def describe_gates(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = GateReport.objects.filter(pk__in=ids).select_related("candidate", "base")
    return {row.pk: Subject(str(row), reverse("gate", args=[row.pk])) for row in rows}


def describe_replays(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = Replay.objects.with_facts().filter(pk__in=ids)
    return {row.pk: Subject(f"decided cases under {row}", reverse("replay", args=[row.pk])) for row in rows}


def describe_training_runs(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = TrainingRun.objects.filter(pk__in=ids).select_related("base")
    return {row.pk: Subject(f"run {row.number} from {row.base}", "") for row in rows}


def stop_training(job: Job, user) -> None:
    """From the list of jobs it is paused: cancelling it for good is the run's page's."""
    training_runs.pause_run(TrainingRun.objects.get(pk=job.object_id), user)


def go_on_training(job: Job, user) -> None:
    training_runs.continue_run(TrainingRun.objects.get(pk=job.object_id), user)


def describe_model_uploads(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    rows = ModelUpload.objects.filter(pk__in=ids)
    return {row.pk: Subject(row.name, reverse("models")) for row in rows}


def cancel_job(job: Job, user) -> None:
    analysis = _find_analysis(job)
    if analysis:
        runs.cancel_analysis(analysis, user)
    else:
        core.cancel(job, user)


def retry_job(job: Job, user) -> None:
    analysis = _find_analysis(job)
    if analysis:
        runs.retry_analysis(analysis, user)
    else:
        core.retry(job, user)


def _find_analysis(job: Job) -> Analysis | None:
    return Analysis.objects.select_related("job", "slide__case__team").filter(job=job).first()


def _viewer_url(analysis: Analysis) -> str:
    return f"{reverse('viewer', args=[analysis.slide_id])}?{urlencode({'analysis': analysis.pk})}"
