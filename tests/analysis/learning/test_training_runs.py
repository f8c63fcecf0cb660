"""Training runs: what is refused, how one is steered, and what comes out."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from analysis import training_jobs
from analysis.models import TrainingRun
from analysis.pipeline.cards.store import load_model
from analysis.services import model_standing, runs
from analysis.services.learning import training_runs
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.child import run_claimed, run_queued
from mitoweb.lib.jobs.models import Job
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, frozen, judged_slide
from tests.analysis.learning.training_makers import (
    base_version,
    begun_run,
    tiny_recipe,
    trainable_data_set,
)

pytestmark = pytest.mark.django_db
State = TrainingRun.State


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path):
    settings.TRAINING_ROOT, settings.MODELS_ROOT = tmp_path / "training", tmp_path / "models"
    settings.DATA_SETS_ROOT, settings.DEVICE, settings.TRAINING_THREADS = tmp_path / "data_sets", "cpu", 1


def train(run: TrainingRun) -> TrainingRun:
    run_queued("training")
    return TrainingRun.objects.with_facts().get(pk=run.pk)


def test_a_run_gives_a_candidate_and_paused_half_way_goes_on_to_the_same(monkeypatch):
    """One run left alone and one that is paused: two trainings are what it takes to compare them."""
    admin, clock = administrator(), iter(range(10**6, 0, -1000))
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: float(next(clock)))  # a clock that goes back changes nothing
        alone = train(begun_run(by=admin))
    assert alone.state == State.DONE, alone.job.message + alone.job.log
    check_candidate(alone, admin)
    recipe = tiny_recipe(about="In other words.")
    paused = pause_after_one_step(training_runs.start_run(alone.base, alone.data_set, recipe), monkeypatch)
    assert (paused.state, paused.paused is None) == (State.PAUSED, False)
    with pytest.raises(Refused, match="Run 2 is paused; there is nothing to pause"):
        training_runs.pause_run(paused)
    again = train(training_runs.continue_run(paused, admin))
    assert again.state == State.DONE, again.job.log
    assert again.result == alone.result, "the same weights have the same hash, and are one version"


def check_candidate(run: TrainingRun, by) -> None:
    """A version that nobody can use yet, with its lineage."""
    version, lineage = run.result, run.lineage
    assert (version.name, version.state, version.created_by) == ("hybrid-0.5+1", "candidate", by)
    step = version.standings.get()
    assert step.reason.startswith("Trained by run 1 from hybrid-0.5. Not held against the version in use: The locked")
    with pytest.raises(Refused, match="is a candidate that no gate has let pass"):
        model_standing.refuse_unusable(version)
    assert lineage["data_set"] | {"hash": run.data_set_hash, "places": 8, "cases": 2} == lineage["data_set"]
    assert (lineage["base"]["sha256"], lineage["recipe"]["sha256"]) == (run.base.sha256, run.recipe_sha256)
    assert lineage == version.card["training"]["lineage"]
    path = settings.MODELS_ROOT / f"{version.sha256}.safetensors"
    assert load_model(path).sha256 == version.sha256
    assert [line["step"] for line in run.curves if "average_precision" in line] == [2]
    assert [event["text"].split(" on ")[0] for event in run.events] == [
        "Asked for", "Begun", "Candidate hybrid-0.5+1 is there", "Done",
    ]  # fmt: skip
    assert run.data_set.used is not None, "its cases can no longer be locked"


def pause_after_one_step(run: TrainingRun, monkeypatch) -> TrainingRun:
    step = training_jobs.Watch.step

    def pausing(self, done: int, steps: int, loss: float) -> None:
        if done == 1:
            training_runs.pause_run(run)
            self.run._last_beat = 0.0
        step(self, done, steps, loss)

    with monkeypatch.context() as patched:
        patched.setattr(training_jobs.Watch, "step", pausing)
        return train(run)


@pytest.mark.parametrize(
    ("labels", "code", "sentence"),
    [
        ([[[MITOSIS, MITOSIS]] * 3] * 2, "one_class", "holds mitoses alone"),
        ([[[MITOSIS, MITOSIS], [OTHER, OTHER]] * 2], "one_slide", "are of one slide"),
        (
            [[[MITOSIS, MITOSIS], [OTHER, OTHER]]] * 2,
            "too_few_places",
            "2 mitoses and 2 other places; fine-tune ne",
        ),
    ],
)
def test_a_data_set_that_cannot_be_trained_on_is_refused_in_a_sentence(labels, code, sentence):
    for of_slide in labels:
        judged_slide([list(said) for said in of_slide])
    data_set = frozen()
    with pytest.raises(Refused, match=sentence) as refused:
        training_runs.start_run(base_version(), data_set, training_runs.find_named_recipe("fine-tune"))
    assert refused.value.code == code
    assert not TrainingRun.objects.exists()
    data_set.refresh_from_db()
    assert data_set.used is None


def test_a_data_set_in_work_or_emptied_is_refused():
    judged_slide([[MITOSIS, MITOSIS], [OTHER, OTHER]])
    from analysis.services.learning.choice import Choice
    from analysis.services.learning.data_sets import freeze_data_set

    data_set = freeze_data_set("Spring", Choice(), administrator())
    with pytest.raises(Refused, match="patches of Spring are still being cut"):
        training_runs.start_run(base_version(), data_set, tiny_recipe())
    run_queued()
    data_set.rows.update(left_at=data_set.made, left_why="its case was deleted")
    with pytest.raises(Refused, match="Nothing is left in Spring"):
        training_runs.start_run(base_version(), data_set, tiny_recipe())


def test_the_same_run_is_refused_with_the_one_that_there_is_until_that_has_ended():
    run = begun_run()
    start = {"base": run.base, "data_set": run.data_set, "recipe": tiny_recipe()}
    with pytest.raises(Refused, match=r"The same is run 1 \(waiting\) already") as refused:
        training_runs.start_run(**start)
    assert refused.value.run == run
    assert training_runs.start_run(**start, seed=2).number == 2
    training_runs.cancel_run(run)
    third = training_runs.start_run(**start)
    assert third.number == 3
    with pytest.raises(Refused, match="The same is run 3"):
        training_runs.continue_run(run)


def test_a_base_that_is_retired_in_mid_run_ends_it_in_words(monkeypatch):
    run = begun_run()
    monkeypatch.setattr(training_jobs, "BASE_EVERY_S", -1)
    retire = iter([True])

    def retiring(self, done: int, steps: int) -> None:
        if done == 1 and next(retire, False):
            model_standing.take_step(run.base, "retired", administrator(), "It finds too little.")

    monkeypatch.setattr(training_jobs.Watch, "_make_way", retiring)
    run = train(run)
    assert run.state == State.FAILED
    assert "hybrid-0.5 may not be used any more" in run.job.message
    assert (training_jobs.folder_of_run(run) / "checkpoint.safetensors").exists()
    with pytest.raises(Refused, match="hybrid-0.5 is retired"):
        training_runs.continue_run(run)


def test_a_run_whose_data_set_lost_places_ends_in_words():
    run = begun_run()
    TrainingRun.objects.filter(pk=run.pk).update(data_set_hash="0" * 64)
    run = train(run)
    assert run.state == State.FAILED
    assert "Spring has changed since the run was asked for" in run.job.message


def test_a_cancelled_run_keeps_its_checkpoint_and_may_be_let_go_on():
    run = training_runs.cancel_run(begun_run(), administrator())
    assert run.state == State.CANCELLED
    with pytest.raises(Refused, match="Run 1 is cancelled already"):
        training_runs.cancel_run(run)
    run = training_runs.continue_run(run)
    assert (run.state, run.closed) == (State.WAITING, None)


def test_no_more_is_replayed_than_allowed_and_nothing_without_the_data(settings, tmp_path):
    base, data_set = base_version(), trainable_data_set()
    with pytest.raises(Refused, match="original data are not at hand"):
        training_runs.start_run(base, data_set, tiny_recipe(), replay_share=0.3)
    settings.REPLAY_DATA = str(tmp_path)
    with pytest.raises(Refused, match=r"replay share of 0.95 is outside what tiny allows: 0 to 0.8"):
        training_runs.start_run(base, data_set, tiny_recipe(), replay_share=0.95)
    run = train(training_runs.start_run(base, data_set, tiny_recipe(), replay_share=0.3))
    assert run.state == State.FAILED
    assert "The original data are not all there" in run.job.message


def test_a_training_makes_way_for_analyses_and_is_alone_in_its_lane(monkeypatch):
    run, slept = begun_run(tiny_recipe(steps=1)), []
    Job.objects.create(kind=runs.KIND, object_id=run.pk, lane="compute")

    def sleep(seconds: float) -> None:
        slept.append(Job.objects.get(pk=run.job_id).step)
        Job.objects.filter(kind=runs.KIND).delete()

    monkeypatch.setattr(training_jobs.time, "sleep", sleep)
    other = training_runs.start_run(run.base, run.data_set, tiny_recipe(), seed=9)
    job = claims.claim("training", "test", in_background=True)
    assert job.pk == run.job_id
    run_claimed(job.pk, job.claim)
    assert slept == ["Waiting for 1 analysis"]
    assert TrainingRun.objects.get(pk=run.pk).state == State.DONE
    assert other.state == State.WAITING


def test_a_clock_that_goes_back_takes_no_time_away():
    job = begun_run().job
    job.state, job.step_began = Job.State.RUNNING, timezone.now()
    job.heartbeat, job.step_done, job.step_total = job.step_began - timedelta(hours=1), 2, 3
    assert job.step_seconds_left == 0
