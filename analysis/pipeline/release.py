"""From finished runs to a model version: weights and card, threshold and calibration from the slides left out."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save

from analysis.pipeline import calibrate, evaluate
from analysis.pipeline.classifiers.card import IMAGENET_MEAN, IMAGENET_STD, Card
from analysis.pipeline.classifiers.hybrid import PARAMETERS, HybridNet
from analysis.pipeline.classifiers.store import Model, load_model
from analysis.pipeline.files import write_atomically

LICENCE = "LICENSE-weights: trained on challenge data, research use only"
FLOOR = 0.05
UNCALIBRATED = Card(
    name="uncalibrated",
    sha256="",
    architecture="hybrid",
    stem_activation="relu6",
    parameters=PARAMETERS,
    mpp=0.25,
    patch_px=100,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    normaliser="none",
    threshold=0.5,
    floor=FLOOR,
    temperature=1.0,
    bias=0.0,
    target_layer="blocks.8",
    licence=LICENCE,
)


def model_of_run(run: Path) -> Model:
    """The network of a finished training run, not calibrated yet. Raises FileNotFoundError where the run has not
    finished.
    """
    content = load_file(run / "weights.safetensors")
    network = HybridNet(UNCALIBRATED.stem_activation)
    network.load_state_dict(content)
    return Model(run.name, "", UNCALIBRATED, network.eval().requires_grad_(False))


def release(name: str, run: Path, left_out: list[Path], folder: Path, notes: str = "") -> Path:
    """Writes `folder/name.safetensors` and its card.

    `left_out` are score files of `evaluate`, each of slides that its own network had not seen: together they give
    calibration, threshold and the figure to quote. Returns the weights' path.
    """
    frames = [frame for path in left_out for frame in evaluate.load_scores(path)]
    margins = np.concatenate([f.margins for f in frames])
    fitted = calibrate.fit(margins, np.concatenate([evaluate.is_mitosis(f) for f in frames]))
    threshold = evaluate.best_threshold(frames, fitted)
    content = save(load_file(run / "weights.safetensors"))
    card = replace(
        UNCALIBRATED,
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        threshold=threshold,
        floor=min(FLOOR, threshold),
        temperature=round(fitted.temperature, 4),
        bias=round(fitted.bias, 4),
        metrics={"left_out": evaluate.report(frames, fitted, threshold)},
        training=json.loads((run / "run.json").read_text()),
        notes=notes,
    )
    path = folder / f"{name}.safetensors"
    write_atomically(path, content)
    write_card(card, path)
    return path


def write_card(card: Card, weights: Path) -> None:
    """Writes the card beside its weights."""
    write_atomically(weights.with_suffix(".json"), (json.dumps(card.as_json(), indent=1) + "\n").encode())


def add_report(weights: Path, name: str, scores: list[evaluate.FrameScores]) -> dict:
    """Adds figures at the card's own calibration and threshold to the card, under `name`; returns them.

    `looks` counts how often this was done, since slides that are looked at again and again stop being unseen.
    """
    card = load_model(weights).card
    figures = evaluate.report(scores, calibrate.Calibration(card.temperature, card.bias), card.threshold)
    figures["looks"] = card.metrics.get(name, {}).get("looks", 0) + 1
    write_card(replace(card, metrics=card.metrics | {name: figures}), weights)
    return figures
