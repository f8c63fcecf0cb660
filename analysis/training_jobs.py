"""The work of a training run: the laboratory's training, told to the run's row, making way for analyses.

The run's folder holds the checkpoint; the row holds what people see. Killed anywhere, the job goes on from the
checkpoint to the weights that it would have had: it keeps to the number of threads that it began with.
"""

import os
import shutil
import time
from functools import partial
from pathlib import Path

import cv2
import torch
from django.conf import settings

from analysis.lab.learning.data_set_folder import read_data_set
from analysis.lab.learning.recipe import Recipe
from analysis.lab.learning.train import StopWished, train_candidate
from analysis.lab.train.curves import Curves
from analysis.lab.train.interrupt import TrainingStopped
from analysis.models import ModelVersion, TrainingRun
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import Model, ModelFile, load_model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.strict_tables import check_table
from analysis.services import gates, model_standing, model_versions
from analysis.services.learning import training_runs
from analysis.services.learning.data_sets import folder_of
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.database_retry import retry_database

# While analyses wait or run: one step of the training in so long, so that it neither starves nor is starved.
TRICKLE_S = 20.0
LOOK_EVERY_S = 1.0
KEEP_EVERY_S = 2.0
BASE_EVERY_S = 5.0


def train(run: core.Run) -> None:
    row = retry_database(lambda: TrainingRun.objects.with_facts().filter(pk=run.object_id).first())
    if row is None:
        raise core.JobFailed("What this job was for has been deleted.")
    if row.result_id:
        return  # killed between its last write and its end
    refuse_retired_base(row)
    watch = Watch(run, row)
    watch.tell("Opening base and data set")
    folder = folder_of_run(row)
    folder.mkdir(parents=True, exist_ok=True)
    use_threads(run, row)
    try:
        base, data = load_base(row.base), read_data_set(folder_of(row.data_set_id))
        refuse_changed_data_set(row, data.hash)
        path = train_candidate(
            base,
            data,
            check_table(Recipe, row.recipe_values),
            folder,
            name=row.candidate_name,
            replay=training_runs.replay_folder(),
            replay_share=row.replay_share,
            seed=row.seed,
            device=settings.DEVICE.split(":")[0],
            progress=watch.step,
            tell=watch.tell,
            smaller_batch=run.attempt > 1,
            code=settings.VERSION,
        )
        model = load_model(path)
    except TrainingStopped:
        watch.keep()
        raise watch.reason or core.Cancelled from None
    except PipelineRefused as refusal:
        raise core.JobFailed(str(refusal)) from refusal
    watch.keep()
    watch.tell("Registering the candidate")
    weights = lay_weights(path, model.sha256)
    run.save(partial(register, row, model, weights))


def folder_of_run(row: TrainingRun) -> Path:
    return Path(settings.TRAINING_ROOT) / str(row.pk)


def use_threads(run: core.Run, row: TrainingRun) -> None:
    """As many as the run began with; half of the cores at first, where the settings do not say."""
    threads = row.threads or settings.TRAINING_THREADS or max(1, (os.cpu_count() or 2) // 2)
    cv2.setNumThreads(0)
    torch.set_num_threads(threads)
    on_gpu = settings.DEVICE != "cpu" and torch.cuda.is_available()
    device = f"GPU {torch.cuda.get_device_name()}" if on_gpu else f"CPU, {threads} thread{'s' * (threads > 1)}"
    facts = {"threads": threads, "device": device[:100], "software": settings.VERSION}
    text = "Begun" if not row.threads else "Resumed"
    run.save(lambda: training_runs.note_event(row.pk, f"{text} on {device}", **facts))


def refuse_retired_base(row: TrainingRun) -> None:
    """Raises JobFailed where the base may not be used any more."""
    if not retry_database(lambda: model_standing.may_be_used(row.base)):
        raise core.JobFailed(
            f"{row.base.name} may not be used any more, so nothing is trained from it; the checkpoint is kept."
        )


def refuse_changed_data_set(row: TrainingRun, found: str) -> None:
    """Raises JobFailed where places have left the data set since the run was asked for."""
    if found != row.data_set_hash:
        raise core.JobFailed(
            f"{row.data_set.name} has changed since the run was asked for: places left it with a case that was deleted "
            "or withdrawn. Begin a new run; this one cannot go on."
        )


def load_base(version: ModelVersion) -> Model:
    """The base's weights, by their hash. Raises JobFailed where they are missing."""
    path = model_versions.find_weights(version.sha256)
    if path is None:
        raise core.JobFailed(f"The weights of {version.name} are missing; an administrator must install them again.")
    return load_model(path)


class Watch:
    """Tells the row and the job how far a training is, makes it wait for analyses, and stops it where it should."""

    def __init__(self, run: core.Run, row: TrainingRun) -> None:
        self.run, self.row = run, row
        self.reason: Exception | None = None  # why it was stopped
        self._curves = Curves(folder_of_run(row), writes=False)
        self._kept, self._kept_size, self._waited_s = 0.0, -1, row.waited_s
        self._base_seen = time.monotonic()

    def tell(self, sentence: str) -> None:
        """A step of the run, for its page and the list of jobs."""
        self.run.step(sentence[:60])
        if sentence.startswith("Out of memory"):
            self.run.save(lambda: training_runs.note_event(self.row.pk, sentence))

    def step(self, step: int, steps: int, loss: float) -> None:
        """After each step of the training. Raises StopWished with `reason` set; ClaimLost where another has the job."""
        try:
            self.run.beat(step, steps)
            self._make_way(step, steps)
            if time.monotonic() - self._base_seen > BASE_EVERY_S:
                self._base_seen = time.monotonic()
                refuse_retired_base(self.row)
        except (core.Cancelled, core.JobFailed) as reason:
            self.reason = reason
            raise StopWished from reason
        if time.monotonic() - self._kept > KEEP_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Store the curves where they have grown."""
        self._kept = time.monotonic()
        path = self._curves.lines_path
        size = path.stat().st_size if path.exists() else 0
        if size != self._kept_size:
            self._kept_size = size
            lines = self._curves.lines()
            self.run.save(lambda: training_runs.keep_curves(self.row.pk, lines, self._waited_s))

    def _make_way(self, step: int, steps: int) -> None:
        """Wait while analyses wait or run, for some seconds after each step."""
        began, told = time.monotonic(), 0
        while time.monotonic() - began < TRICKLE_S and (count := retry_database(training_runs.count_awaited_analyses)):
            if count != told:
                self.run.step(f"Waiting for {count} analys{'es' if count > 1 else 'is'}")
                told = count
            self.run.beat(step, steps)
            time.sleep(LOOK_EVERY_S)
        if told:
            self._waited_s += time.monotonic() - began
            self.run.step("Training")


def lay_weights(path: Path, sha256: str) -> Path:
    """Copy a candidate's weights and card among the models, by their hash; done twice it changes nothing."""
    weights = Path(settings.MODELS_ROOT) / f"{sha256}.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path.with_suffix(".json"), weights.with_suffix(".json"))
    write_atomically(weights, path.read_bytes())
    return weights


def register(row: TrainingRun, model: Model, weights: Path) -> None:
    """Inside the job's transaction: the candidate version, its gate, and the run's result."""
    version = model_versions.register_file(
        ModelFile(model.name, weights, model.sha256, model.card), shipped=False, by=row.created_by
    )
    if not version.standings.exists():
        reason = f"Trained by run {row.number} from {row.base.name}. {gates.ask_by_itself(version, row.created_by)}"
        model_standing.take_step(version, model_standing.State.CANDIDATE, row.created_by, reason)
    training_runs.keep_result(row.pk, version, model.card.training["lineage"])
