"""From finished runs to a model version: weights and card, threshold and calibration from the slides left out."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import numpy as np
from safetensors.torch import load_file, save

from analysis.lab import calibrate, evaluate, provenance
from analysis.lab.hardness import load_run
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import (
    TORCH_FORMATS,
    Card,
    Elsewhere,
    FinderUse,
    StandardUse,
    ViewsUse,
    write_card,
)
from analysis.pipeline.cards.store import FINDER, Model, load_model
from analysis.pipeline.cards.uncalibrated import FLOOR, uncalibrated_card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import PATCH_CLASSIFIER, Network, find_network
from analysis.pipeline.networks.image_detector import ImageDetector
from analysis.pipeline.networks.patch_classifier import PatchClassifier

# How many nuclei the training slides' level counts as against a slide's own, of which some 250 are looked at: 16 of a
# tile. 32 found no mitosis more and took a seventh more of a small slide's time.
WORTH, PER_TILE = 20.0, 16
# Of the mitoses a network was trained on, those that it must itself call mitoses at the window it is used with.
LEAST_FIT = 0.9


def model_of_run(
    run: Path,
    finder: Path | None = None,
    use: FinderUse | None = None,
    normaliser: str = "none",
    nuclei_share: float = 1.0,
    views: ViewsUse | None = None,
) -> Model:
    """The network of a finished training run, not calibrated yet, with the finder of another run where one is given.
    Margins are told from `nuclei_share` of each slide's own level, 0 to 1.

    Raises FileNotFoundError where a run has not finished.
    """
    tensors = load_file(run / "weights.safetensors")
    plain = _uncalibrated(run)
    entry = find_network(plain.architecture)
    network = cast("PatchClassifier | ImageDetector", entry.build(plain.stem_activation))
    network.load_state_dict(tensors)
    _refuse_finder(entry, run, finder)
    card = replace(plain, normaliser=normaliser, finder=use if finder else None, views=views)
    if nuclei_share and entry.kind == PATCH_CLASSIFIER:
        card = replace(card, standard=StandardUse(0.0, 0.0, PER_TILE, nuclei_share))
    return Model(run.name, "", card, network.eval().requires_grad_(False), load_run(finder) if finder else None)


def release_version(
    name: str,
    run: Path,
    left_out: list[Path],
    folder: Path,
    notes: str = "",
    finder: Path | None = None,
    use: FinderUse | None = None,
    normaliser: str = "none",
    least_fit: float = LEAST_FIT,
    views: ViewsUse | None = None,
    measured: dict[str, dict] | None = None,
    elsewhere: Elsewhere | None = None,
    meant_for: tuple[str, ...] = (),
) -> Path:
    """Writes `folder/name.safetensors` and its card.

    `left_out` are score files of `evaluate`, each of slides that its own networks had not seen: together they give
    calibration, threshold and the metrics to quote. `finder` is the run of the first stage, used as `use` says; the
    score files must have been made with the same use and the same `views`. `measured` are further metrics, by name.
    `elsewhere`: what a left-out scanner says. `meant_for`: the tumours of what was left out. Returns the weights' path.
    Raises ValueError for a finder without its use, PipelineRefused for a run that was not trained at the window that
    it would be used with.
    """
    refuse_untrained_window(run, least_fit)
    if (finder is None) != (use is None):
        raise ValueError("A finder is released together with how it is used.")
    plain = _uncalibrated(run)
    _refuse_finder(find_network(plain.architecture), run, finder)
    frames = evaluate.load_left_out(left_out)
    evaluate.refuse_other_use(left_out, replace(plain, finder=use, views=views, normaliser=normaliser))
    fitted = calibrate.fit_calibration(*evaluate.margins_and_truth(frames))
    threshold = evaluate.best_threshold(frames, fitted)
    tensors, training = load_file(run / "weights.safetensors"), json.loads((run / "run.json").read_text())
    if finder is not None:
        tensors |= {FINDER + key: tensor for key, tensor in load_file(finder / "weights.safetensors").items()}
        training["finder"] = json.loads((finder / "run.json").read_text())
    # Of both stages, and of the runs before them, which do not travel with the weights.
    training.pop("trained_on", None)
    training |= provenance.provenance_record(provenance.provenance_of_run(run, finder))
    standard = typical_standard(frames)
    content = save(tensors, metadata=_use_in_the_file(finder=use, standard=standard, views=views))
    path, sha256 = folder / f"{name}.safetensors", hashlib.sha256(content).hexdigest()
    metrics = _looks(path) | (measured or {}) | {"left_out": evaluate.report_frames(frames, fitted, threshold)}
    if len({frame.slide for frame in frames}) > 1:
        metrics["development"] = evaluate.development_metrics(frames)
    card = replace(
        plain,
        name=name,
        sha256=sha256,
        normaliser=normaliser,
        threshold=threshold,
        floor=min(FLOOR, threshold),
        temperature=round(fitted.temperature, 4),
        bias=round(fitted.bias, 4),
        metrics=metrics,
        training=training,
        notes=notes,
        finder=use,
        standard=standard,
        views=views,
        elsewhere=elsewhere,
        formats=_formats(path, sha256),
        meant_for=meant_for,
    )
    write_atomically(path, content)
    write_card(card, path)
    return path


def _refuse_finder(network: Network, run: Path, finder: Path | None) -> None:
    if finder is not None and network.kind != PATCH_CLASSIFIER:
        raise PipelineRefused(f"{run.name} is a {network.name}, which finds by itself; give it no finder.")


def _use_in_the_file(**uses: FinderUse | StandardUse | ViewsUse | None) -> dict[str, str] | None:
    """For the file's header: two versions of the same weights, used differently, must not share a hash."""
    return {name: json.dumps(asdict(use), sort_keys=True) for name, use in uses.items() if use} or None


def _looks(weights: Path) -> dict[str, dict]:
    """How often the report slides were looked at with earlier makings of a version: that does not begin anew."""
    card = weights.with_suffix(".json")
    metrics = json.loads(card.read_text())["metrics"] if card.is_file() else {}
    return {name: {"looks": found["looks"]} for name, found in metrics.items() if "looks" in found}


def _formats(weights: Path, sha256: str) -> tuple[str, ...]:
    """Number formats that these very weights were compared in: a card that is made anew still names them."""
    card = weights.with_suffix(".json")
    before = json.loads(card.read_text()) if card.is_file() else {}
    return tuple(before.get("formats", TORCH_FORMATS)) if before.get("sha256") == sha256 else TORCH_FORMATS


def _uncalibrated(run: Path) -> Card:
    """The card of a run's network before calibration. Raises PipelineRefused for a network that no version can hold."""
    path = run / "run.json"
    config = json.loads(path.read_text())["config"] if path.is_file() else {}
    network = find_network(config.get("network", "hybrid"))
    if not network.is_releasable:
        raise PipelineRefused(f"{run.name} trained the {network.kind} {network.name}, which is no version by itself.")
    plain = uncalibrated_card(network.name, config.get("stem_activation", "relu6"))
    stages = config.get("stages")
    return replace(plain, patch_px=stages[-1]["px"]) if stages else plain


def refuse_untrained_window(run: Path, least_fit: float = LEAST_FIT) -> None:
    """Raises PipelineRefused where the window that a run's card would name is not the one that it was trained with last
    and longest, where the running average remembers others, or where the run calls too few of its own mitoses.
    """
    record = json.loads((run / "run.json").read_text())
    if not (stages := record["config"].get("stages")):
        return
    px, steps = stages[-1]["px"], Counter[int]()
    for stage in stages:
        steps[stage["px"]] += stage["steps"]
    longest = max(steps, key=lambda each: steps[each])
    if px != longest:
        raise PipelineRefused(
            f"{run.name} was trained for {steps[longest]} steps at {longest} px and ends with {steps[px]} at {px} px; "
            "a version is used with the window that it was trained with last and longest. Train it at one window."
        )
    fit = record.get("own_mitoses")
    if fit and fit["window_px"] != px:
        raise PipelineRefused(f"{run.name} was measured at {fit['window_px']} px and ends at {px} px; train it anew.")
    if fit and fit["above_0"] < least_fit:
        raise PipelineRefused(
            f"{run.name} calls only {fit['above_0']:.0%} of the mitoses that it was trained on mitoses, at its own "
            f"window of {px} px; a version needs {least_fit:.0%}. Train it longer."
        )


def typical_standard(frames: list[evaluate.FrameScores]) -> StandardUse | None:
    """The mean of the slides' levels, None where margins are not told from them. Raises ValueError for a mixture."""
    own = {frame.slide: frame.level for frame in frames}
    if all(level is None for level in own.values()):
        return None
    if any(level is None for level in own.values()):
        raise ValueError("Some score files are told from the slides' nuclei and some are not; score them alike.")
    shares = {frame.share for frame in frames}
    if len(shares) > 1 or not min(shares) > 0:
        raise ValueError("The score files take different shares off the slides' levels; score them alike.")
    level, share = float(np.mean(list(own.values()))), shares.pop()
    return StandardUse(round(level / share, 4), WORTH, PER_TILE, share)


def add_report(weights: Path, name: str, scores: list[evaluate.FrameScores]) -> dict:
    """Adds metrics at the card's own calibration and threshold to the card, as `add_metrics`; returns them."""
    card = load_model(weights).card
    metrics = evaluate.report_frames(scores, calibrate.Calibration(card.temperature, card.bias), card.threshold)
    return add_metrics(weights, name, metrics)


def add_metrics(weights: Path, name: str, metrics: dict) -> dict:
    """Adds metrics to the card under `name`, and how often this was done; returns them.

    `looks` counts it, since slides that are looked at again and again stop being unseen; `looks_at_other_versions` does
    so for the versions in the same folder.
    """
    card = load_model(weights).card
    others = [path for path in weights.parent.glob("*.safetensors") if path != weights]
    counted = {
        "looks": card.metrics.get(name, {}).get("looks", 0) + 1,
        "looks_at_other_versions": sum(_looks(path).get(name, {}).get("looks", 0) for path in others),
    }
    metrics = metrics | counted
    write_card(replace(card, metrics=card.metrics | {name: metrics}), weights)
    return metrics
