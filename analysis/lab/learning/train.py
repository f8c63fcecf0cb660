"""From a base, a data set and a recipe to a candidate: a run that may be stopped anywhere and goes on.

The run's folder holds what every training's holds (`analysis.lab.train`), and in the end `candidate.safetensors` with
its card. It is bound to its configuration: base, data set, recipe, seed and replay share. The same on one
machine's CPU, with as many threads, gives the same weights, whether it was stopped or not.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from analysis.lab.datasets import Source
from analysis.lab.errors import CheckpointRefused
from analysis.lab.learning import candidate, failures
from analysis.lab.learning.data_set_folder import DataSetFolder
from analysis.lab.learning.recipe import Recipe, choose_replay_share
from analysis.lab.learning.sources import HELD_OUT, TRAINED, load_original, source_of_rows
from analysis.lab.learning.split import Split, hold_out, is_sure, refuse_untrainable
from analysis.lab.learning.telling import look_at_held_out, tell_again
from analysis.lab.learning.trainer import CandidateConfig, CandidateTrainer, config_of_run, refuse_base
from analysis.lab.train.checkpoint import read_progress
from analysis.lab.train.distributed import World, join_world
from analysis.lab.train.interrupt import StopWished
from analysis.lab.train.runs import claim_folder, count_places, log, log_into
from analysis.lab.train.sources import check_sources
from analysis.lab.train.trainer import patch_summary
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import Model
from analysis.pipeline.networks import find_network

CANDIDATE = "candidate.safetensors"
SMALLER = "smaller_batch.json"
# Told the steps done, of how many, and the last loss; raises StopWished where the run shall stop with a checkpoint.
Progress = Callable[[int, int, float], None]
# Told what is being done now, in words.
Teller = Callable[[str], None]

__all__ = ["CANDIDATE", "Progress", "StopWished", "Teller", "train_candidate"]


def nobody(*told: object) -> None:
    """Nobody looks on."""


def train_candidate(
    base: Model,
    data: DataSetFolder,
    recipe: Recipe,
    out: Path,
    *,
    name: str,
    replay: Path | None = None,
    replay_share: float | None = None,
    seed: int = 1,
    device: str = "auto",
    progress: Progress = nobody,
    tell: Teller = nobody,
    smaller_batch: bool = False,
    code: str = "",
) -> Path:
    """Trains, or goes on training, in the folder `out`; returns the candidate's weights, its card beside them.

    `replay` is the folder of the original data, `replay_share` what of each batch comes from there (None: as the recipe
    has it). `smaller_batch` begins with half batches at a time, as a run does by itself where memory is short once.
    `code` is the version of this program. As many threads of the CPU are used as torch is set to.

    Raises PipelineRefused with a sentence for what cannot be trained, for a folder of another run, a loss that is no
    number, no memory, no space and a lost GPU, whose checkpoint is kept; TrainingStopped after Ctrl-C and where
    `progress` wished it.
    """
    refuse_base(base)
    refuse_untrainable(data.rows, recipe.least_places)
    share = choose_replay_share(recipe, replay_share, replay is not None)
    split = hold_out(data.rows, recipe.held_out)
    config = config_of_run(name, base, (data.table.id, data.hash), recipe, seed, share, split.held)
    _refuse_changed_data(out, config)
    claim_folder(out, config)
    if (out / CANDIDATE).exists():
        return out / CANDIDATE
    if smaller_batch:
        _note_smaller_batch(out, 0)
    with log_into(out / "log.txt"), join_world(device) as world:
        return _Run(base, data, recipe, split, config, out, world, progress, tell, code).make(replay)


def _refuse_changed_data(out: Path, config: CandidateConfig) -> None:
    """A case that was deleted leaves the data set; a run that saw it cannot go on, and says why."""
    path = out / "config.json"
    try:
        stored = json.loads(path.read_text()) if path.exists() else {}
    except (ValueError, RecursionError):
        return  # `claim_folder` says so
    if stored.get("data_set") == config.data_set and stored.get("data_set_hash") != config.data_set_hash:
        raise CheckpointRefused(
            "The data set has changed since this run began: places left it with a case that was deleted or withdrawn. "
            "Begin a new run; this one cannot go on."
        )


def _note_smaller_batch(out: Path, step: int) -> None:
    if not (out / SMALLER).exists():
        write_atomically(out / SMALLER, json.dumps({"from_step": step}).encode())


def _smaller_from(out: Path) -> int | None:
    """From which step on batches go through in halves; None where they go whole."""
    path = out / SMALLER
    return int(json.loads(path.read_text())["from_step"]) if path.exists() else None


class _Run:
    """One run, from its data to its candidate."""

    def __init__(
        self,
        base: Model,
        data: DataSetFolder,
        recipe: Recipe,
        split: Split,
        config: CandidateConfig,
        out: Path,
        world: World,
        progress: Progress,
        tell: Teller,
        code: str,
    ) -> None:
        self.base, self.data, self.recipe, self.split, self.config = base, data, recipe, split, config
        self.out, self.world, self.progress, self.tell, self.code = out, world, progress, tell, code
        self.step = 0

    def make(self, replay: Path | None) -> Path:
        self.tell("Reading the patches")
        own = source_of_rows(self.data, self.split.trained, TRAINED)
        measured = source_of_rows(self.data, list(filter(is_sure, self.split.held_out)), HELD_OUT)
        check_sources([own])
        unreadable: list[Path] = []
        original = []
        if self.config.replay_share and replay is not None:
            self.tell("Reading the original data")
            original = load_original(replay, self.recipe, unreadable)
        log.info("sources: %s, held out by %s: %s", count_places([own, *original]), self.split.by, self.split.held)
        try:
            trainer = self._train(own, measured, original)
            self.tell("Threshold and temperature")
            return self._finish(trainer, measured, unreadable)
        except Exception as error:
            refusal = failures.refusal_of(error, self.step, read_progress(self.out / "checkpoint.safetensors"))
            if refusal is None:
                raise
            log.exception("the run ended at step %d", self.step)
            raise refusal from error

    def _train(self, own: Source, measured: Source, original: list[Source]) -> CandidateTrainer:
        """To the last step; where memory is short the first time, with half batches from the last checkpoint on."""
        while True:
            smaller_from = _smaller_from(self.out)
            parts = 1 if smaller_from is None else 2
            trainer = CandidateTrainer(
                self.config, self.base, own, measured, original, self.out, self.world, self.recipe.patience, parts
            )
            try:
                trainer.note_base()
                self.tell("Training")
                trainer.run(self._watch)
            except Exception as error:
                if parts > 1 or not failures.is_want_of_memory(error):
                    raise
                _note_smaller_batch(self.out, self.step)
                half = self.config.batch // 2
                log.warning("not enough memory at step %d (%s); batches go through in two halves", self.step, error)
                self.tell(f"Out of memory at batch {self.config.batch}; {half} at a time")
                del trainer, error
                if self.world.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            return trainer

    def _watch(self, step: int, loss: float) -> None:
        self.step = step
        self.progress(step, self.config.steps, loss)

    def _finish(self, trainer: CandidateTrainer, measured: Source, unreadable: list[Path]) -> Path:
        weights, device = trainer.final_weights(), self.world.device
        network = find_network(self.config.network).build(self.config.stem_activation)
        network.load_state_dict(weights)
        px = self.base.card.patch_px
        before = look_at_held_out(self.base.patch_network, self.base, measured, device)
        after = look_at_held_out(network, self.base, measured, device)
        told = tell_again(self.base.card, before, after, self.recipe.worth)
        was, now = (patch_summary(each, measured, px, device) for each in (self.base.patch_network, network))
        metrics = candidate.held_out_metrics(self.split, was, now, told)
        made = candidate.Made(
            self.base, self.data, self.recipe, self.split, told, metrics, self.code, _smaller_from(self.out), unreadable
        )
        return candidate.write_candidate(trainer, weights, made, self.out / CANDIDATE)
