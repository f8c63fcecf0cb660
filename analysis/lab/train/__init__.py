"""Training the hybrid network on labelled windows, one readable run per configuration file.

A run is a folder: `config.json`, `log.txt`, `curves.jsonl` and `curves.png`, `checkpoint.safetensors` (weights, their
running average, the optimiser's moments, the hardness of the negatives) and in the end `weights.safetensors` with a
draft of its card (`weights.json`) and `run.json`. A run that was killed goes on from its last checkpoint when it is
started again with the same configuration.

    config       what decides the outcome
    sources      what is trained on, checked; places, sampling: which windows a step sees
    start        what the network starts from
    loop         what both networks' trainings share; checkpoint, curves, interrupt: its parts
    trainer      the second network's steps; ahead, mining, validation: its parts
    distributed  several processes
    runs, draft  a run's folder and what it says about itself

The recipe: hard negatives mined from whole frames and ordinary tissue, stain augmentation, cases and scanners balanced,
AdamW, cosine, a short running average, label smoothing, and one window of 100 px from the first step to the last: a
network used with another window than it was trained with does not know its own mitoses. The paper's own (doi
10.1177/20552076241255471) stands beside it in `configs/paper.toml`; docs/MODEL.md compares them.
"""

import json
from pathlib import Path

from analysis.lab.datasets import Source
from analysis.lab.train.checkpoint import save_tensors, without_prefix
from analysis.lab.train.config import Stage, TrainConfig, learning_rate
from analysis.lab.train.distributed import World, join_world
from analysis.lab.train.draft import finished_facts, write_card_draft
from analysis.lab.train.interrupt import TrainingStopped
from analysis.lab.train.loop import Watcher, unwatched
from analysis.lab.train.runs import claim_folder, count_places, data_hash, log, log_into, refuse_trained_validation
from analysis.lab.train.sources import load_sources, load_validation
from analysis.lab.train.start import lite0_state, start_network
from analysis.lab.train.trainer import Trainer, two_classes
from analysis.lab.train.validation import own_mitoses
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Stage",
    "TrainConfig",
    "Trainer",
    "TrainingStopped",
    "Watcher",
    "World",
    "claim_folder",
    "count_places",
    "data_hash",
    "join_world",
    "learning_rate",
    "lite0_state",
    "load_sources",
    "log",
    "log_into",
    "save_tensors",
    "start_network",
    "train_network",
    "two_classes",
    "without_prefix",
]


def train_network(
    config: TrainConfig,
    data: Path,
    runs: Path,
    world: World | None = None,
    watch: Watcher = unwatched,
    sources: list[Source] | None = None,
) -> Path:
    """Trains, or goes on training, the run `runs/<name>`; returns its `weights.safetensors` (running average, float32).

    `sources` are what `load_sources` would give, where they are loaded already. Raises PipelineRefused with a sentence
    where the folder holds a run of another configuration, where the validation slide was seen by what the run starts
    from, or the data cannot be trained on, FileNotFoundError where data or start weights lack, TrainingStopped after
    Ctrl-C.
    """
    world = world or World()
    folder, is_first = runs / config.name, world.rank == 0
    finished = folder / "weights.safetensors"
    refuse_trained_validation(config, runs)
    if is_first:
        claim_folder(folder, config)
    world.wait()
    if finished.exists():
        return finished
    with log_into(folder / "log.txt", quiet=not is_first):
        unreadable: list[Path] = []
        sources = load_sources(config, data, unreadable) if sources is None else sources
        log.info("sources: %s", count_places(sources))
        trainer = Trainer(config, sources, folder, world, load_validation(config, data))
        trainer.run(watch)
    if is_first:
        facts, weights = finished_facts(trainer, sources, unreadable), trainer.final_weights()
        px = config.stages[-1].px
        facts["own_mitoses"] = own_mitoses(trainer.average, sources, px, trainer.world.device)
        if trainer.validation:
            progress = trainer.progress
            facts["validation"] = {"average_precision": progress.best, "at_step": progress.best_step}
        write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
        write_card_draft(config, facts, weights, finished.with_suffix(".json"))
        # Last, since they say that the run is finished.
        save_tensors(weights, finished)
    world.wait()
    return finished
