"""The version that the loop begins with, made here, since the one that ships has seen every slide: both stages trained
for a short time on one slide and crops of its scanner's maker, and a card told on fields that they were not trained on.

Those fields are of the same slide, so its threshold is a guess; nothing quotes it.
"""

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save

from analysis.lab import evaluate, provenance
from analysis.lab.calibrate import fit_calibration
from analysis.lab.compare.arms import CONFIGS
from analysis.lab.compare.budget import TIMED_STEPS, seconds_per_window
from analysis.lab.datasets import crops
from analysis.lab.datasets.frames import read_at_model_mpp
from analysis.lab.datasets.mitos14 import Frame
from analysis.lab.datasets.sampler import Shares
from analysis.lab.errors import ConfigRefused
from analysis.lab.evaluate.frames import score_labelled
from analysis.lab.finder.training import FinderConfig, train_finder
from analysis.lab.hardness import load_run
from analysis.lab.learning.recipe import Original, Recipe, find_recipe
from analysis.lab.release import model_of_run, typical_standard
from analysis.lab.systems.running import make_trainer, steps_within
from analysis.lab.train import Stage, TrainConfig, join_world, load_sources, train_network
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import FinderUse, write_card
from analysis.pipeline.cards.store import FINDER, Model, load_model
from analysis.pipeline.cards.uncalibrated import FLOOR
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD, find_network
from analysis.pipeline.proposers.finder import finder_places
from analysis.pipeline.proposers.first_stage import logit_map
from analysis.pipeline.slide_grid import half_scale

NAME, NETWORK_RUN, FINDER_RUN = "base", "network", "finder"
BASE_FILE = f"{NAME}.safetensors"
# What is not training (reading the data, scoring slides, the gate's looks) takes as long as so many windows do.
WINDOWS_OF_THE_REST = 120_000
LEAST_STEPS = 20
SEED = 16
NUCLEI_SHARE = 0.5
PX = 100


@dataclass(frozen=True)
class Effort:
    """How much is done of everything. Steps are the most: fewer where the time is short. frames: of each slide, the
    richest, 0 for all; crops_at_most: the same of crops; proposed_per_mm2: places that the finder proposes, at least;
    shown_per_mm2: detections that readers judge; verdicts: where the scanner's curve is measured.
    """

    finder_steps: int = 900
    base_steps: int = 640
    base_batch: int = 64
    candidate_steps: int = 160
    candidate_batch: int = 32
    frames: int = 0
    crops_at_most: int = 0
    proposed_per_mm2: float = 200.0
    shown_per_mm2: float = 60.0
    verdicts: tuple[int, ...] = (20, 50, 100, 200)
    least_places: int = 10


FULL = Effort()
QUICK = Effort(
    finder_steps=40,
    base_steps=8,
    base_batch=16,
    candidate_steps=4,
    candidate_batch=8,
    frames=1,
    crops_at_most=40,
    verdicts=(16, 32),
    least_places=2,
)


@dataclass(frozen=True)
class Steps:
    """Of each kind of training."""

    finder: int
    base: int
    candidate: int


def finder_config(slides: tuple[str, ...], steps: int) -> FinderConfig:
    mine_at = (steps // 2,) if steps >= LEAST_STEPS else ()
    every = min(50, steps)
    return FinderConfig(
        *(FINDER_RUN, slides, (crops.MIDOG21,), steps),
        warmup_steps=max(1, min(50, steps // 10)),
        mine_at=mine_at,
        seed=SEED,
        checkpoint_every=every,
    )


def base_config(slides: tuple[str, ...], steps: int, batch: int) -> TrainConfig:
    """The recipe of the run that leaves a scanner out, shortened, and without what only long runs gain by."""
    return replace(
        TrainConfig.from_toml(CONFIGS / "scanner.toml"),
        name=NETWORK_RUN,
        slides=slides,
        crops=(crops.MIDOG21,),
        tissue=(),
        start="lite0",
        finder=FINDER_RUN,
        stages=(Stage(PX, steps),),
        batch=batch,
        lr=1e-3,
        ema=0.99,
        warmup_steps=max(1, min(40, steps // 10)),
        mine_at=(),
        shares=Shares(frames=0.5, look_alikes=0.5),
        normalise="none",
        normalised=0.0,
        soft_labels=False,
        seed=SEED,
        checkpoint_every=min(20, steps),
    )


def candidate_recipe(effort: Effort, steps: int, slides: tuple[str, ...], least_places: int) -> Recipe:
    """The product's recipe of fine-tuning, shortened, its rate to match; half of each batch is the base's own data."""
    return replace(
        find_recipe("fine-tune"),
        name="bench",
        about="The fine-tuning recipe, shortened for the benchmark.",
        steps=steps,
        batch=effort.candidate_batch,
        lr=2e-4,
        warmup_steps=max(1, steps // 10),
        ema=0.95,
        validate_every=max(1, steps // 4),
        checkpoint_every=max(1, min(20, steps // 4)),
        least_places=least_places,
        original=Original(slides, (crops.MIDOG21,)),
    )


def plan_steps(effort: Effort, slides: tuple[str, ...], data: Path, minutes: float, trainings: int) -> dict[str, Any]:
    """Steps of each training, so that they and the rest fit into `minutes`: timed here, as comparisons are planned.
    `trainings`: of candidates. Raises ConfigRefused where that is too short.
    """
    network = replace(base_config(slides, LEAST_STEPS, effort.base_batch), finder="")
    with join_world() as world, tempfile.TemporaryDirectory() as folder:
        sources = load_sources(network, data)
        of_window = seconds_per_window(network, sources, world)
        trial = make_trainer(finder_config(slides, 1 + TIMED_STEPS), sources, Path(folder), world)
        of_finder = 60 / steps_within(trial, 60)
    windows = effort.base_steps * effort.base_batch + trainings * effort.candidate_steps * effort.candidate_batch
    wanted = effort.finder_steps * of_finder + windows * of_window
    rest = WINDOWS_OF_THE_REST * of_window
    share = min(1.0, (minutes * 60 - rest) / wanted)
    wished = Steps(effort.finder_steps, effort.base_steps, effort.candidate_steps)
    steps = Steps(*(int(share * each) for each in (wished.finder, wished.base, wished.candidate)))
    if min(steps.finder, steps.base, steps.candidate) < LEAST_STEPS:
        least = rest + wanted * LEAST_STEPS / min(wished.finder, wished.base, wished.candidate)
        raise ConfigRefused(f"{minutes:g} minutes are too few on this machine; it takes {least / 60:.0f} at least.")
    timed = {"seconds_per_window": round(of_window, 5), "seconds_per_finder_step": round(of_finder, 3)}
    minutes_told = {"training_minutes": round(share * wanted / 60), "other_minutes": round(rest / 60)}
    return timed | minutes_told | {"steps": [steps.finder, steps.base, steps.candidate]}


def make_base(
    folder: Path, data: Path, slides: tuple[str, ...], steps: Steps, effort: Effort, told: list[Frame]
) -> Model:
    """Trains both stages, or goes on with them, in `folder`, and writes the version that they become there."""
    path = folder / BASE_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with join_world() as world:
            train_finder(finder_config(slides, steps.finder), data, folder, world)
            train_network(base_config(slides, steps.base, effort.base_batch), data, folder, world)
        _write_version(folder, told, effort.proposed_per_mm2, path)
    return load_model(path)


def _write_version(folder: Path, told: list[Frame], proposed_per_mm2: float, path: Path) -> None:
    """Weights and card: the finder's threshold from how much it proposes, calibration and threshold from detections."""
    run, finder = folder / NETWORK_RUN, folder / FINDER_RUN
    threshold = _finder_threshold(finder, told, proposed_per_mm2)
    # As many on other scanners, on whose slides so short a finder is less sure of everything.
    use = FinderUse(
        *(threshold, 1.0, find_network("finder").parameters),
        place="surer",
        same_um=3.0,
        least_per_mm2=proposed_per_mm2,
    )
    model = model_of_run(run, finder, use, nuclei_share=NUCLEI_SHARE)
    frames = score_labelled(model, told, windows=False)
    fitted = fit_calibration(*evaluate.margins_and_truth(frames))
    called_from = evaluate.best_threshold(frames, fitted)
    tensors = load_file(run / "weights.safetensors")
    tensors |= {FINDER + name: tensor for name, tensor in load_file(finder / "weights.safetensors").items()}
    training = json.loads((run / "run.json").read_text())
    training["finder"] = json.loads((finder / "run.json").read_text())
    training.pop("trained_on", None)
    content = save(tensors)
    card = replace(
        model.card,
        name=NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        threshold=called_from,
        floor=min(FLOOR, called_from),
        temperature=round(fitted.temperature, 4),
        bias=round(fitted.bias, 4),
        standard=typical_standard(frames),
        training=training | provenance.provenance_record(provenance.provenance_of_run(run, finder)),
        notes="A base for `make bench-learning`, trained for a short time; for nothing else.",
    )
    write_card(card, path)
    write_atomically(path, content)


def _finder_threshold(run: Path, told: list[Frame], proposed_per_mm2: float) -> float:
    """The logit from which the finder proposes so many places per mm² of frames."""
    network, logits, area_mm2 = load_run(run), [], 0.0
    for frame in told:
        half = half_scale(read_at_model_mpp(frame))
        logits.append(finder_places(half, logit_map(network, half, IMAGENET_MEAN, IMAGENET_STD), -np.inf)[1])
        area_mm2 += half.shape[0] * half.shape[1] * 0.25e-6
    highest = np.sort(np.concatenate(logits))[::-1]
    return round(float(highest[min(len(highest) - 1, int(proposed_per_mm2 * area_mm2))]), 3)
