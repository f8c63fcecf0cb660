"""`mitosis evaluate`: metrics of a network, of left-out slides together, or of detections against labels.

    mitosis evaluate RUN_OR_MODEL --slides H03 --scores FILE    scores whole frames of slides it has not seen
    mitosis evaluate --left-out FILE...                         the development metric from such score files
    mitosis evaluate --labels PATH --detections FILE...         files of `mitosis detect` against labels of any format

Each prints its metrics as JSON; with `--out DIR` it writes them there as JSON, a table and pictures, and prints the
table.
"""

import argparse
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from analysis.commands.common import add_data, add_finder, add_runs, say, uses_of
from analysis.lab import evaluate as evaluation
from analysis.lab import provenance
from analysis.lab import release as releasing
from analysis.lab.calibrate import UNCALIBRATED, Calibration, fit_calibration
from analysis.lab.datasets import frames
from analysis.lab.evaluate import reports
from analysis.lab.evaluate.plots import draw_plots
from analysis.lab.evaluate.points import Joined, join_detections
from analysis.pipeline.cards.card import NORMALISERS
from analysis.pipeline.cards.store import find_model, load_model, read_card
from analysis.pipeline.errors import ModelRefused, PipelineRefused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", nargs="?", help="the name of a finished run, of a shipped model, or a path to weights; with --slides"
    )
    parser.add_argument(
        "--slides", nargs="+", help="H03 H04 … A00 A01 …; H05 is for reporting only, each scoring of it a look"
    )
    parser.add_argument("--normaliser", choices=NORMALISERS, default=None, help="default: the model's own")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="write the scores of all frames here, for --left-out and `release`"
    )
    parser.add_argument("--into-card", metavar="NAME", help="add the figures to the model's card under this name")
    parser.add_argument(
        "--left-out", nargs="+", type=Path, metavar="FILE", help="score files of left-out slides: leave one slide out"
    )
    parser.add_argument(
        "--against", nargs="+", type=Path, metavar="FILE", help="score files of another recipe: how much better it is"
    )
    parser.add_argument("--labels", type=Path, metavar="PATH", help="a label file or a folder of them, of any format")
    parser.add_argument("--detections", nargs="+", type=Path, metavar="FILE", help="files of `mitosis detect`")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write JSON, table and pictures here")
    add_finder(parser)
    parser.add_argument(
        "--nuclei-share",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of the level of each slide's own nuclei, 0 to 1, that a run's margins are told from; default: all of it",
    )
    add_data(parser)
    add_runs(parser)


def run(arguments: Namespace) -> int:
    """One of the three ways; which, is said by what was given."""
    ways = {
        "a model with --slides": (arguments.model, arguments.slides),
        "--left-out": (arguments.left_out,),
        "--labels with --detections": (arguments.labels, arguments.detections),
    }
    given = [name for name, parts in ways.items() if any(parts)]
    if len(given) != 1 or not all(ways[given[0]]):
        raise PipelineRefused(f"Give one of these: {'; '.join(ways)}.")
    if arguments.into_card and arguments.left_out:
        raise PipelineRefused("Left-out figures are of several networks and belong to no card; drop --into-card.")
    if arguments.left_out:
        metrics, points = evaluate_left_out(arguments.left_out, arguments.against or [])
    elif arguments.labels:
        metrics, points = evaluate_detections(arguments.labels, arguments.detections, arguments.into_card)
    else:
        metrics, points = evaluate_model(arguments)
    tell_metrics(metrics, points, arguments.out)
    return 0


def evaluate_left_out(paths: list[Path], against: list[Path]) -> tuple[dict, dict]:
    frames = evaluation.load_left_out(paths)
    metrics = evaluation.development_metrics(frames)
    if against:
        metrics["gain_of_the_other"] = evaluation.development_gain(frames, evaluation.load_left_out(against))
    return metrics, evaluation.development_curves(frames)


def evaluate_detections(labels: Path, detections: list[Path], into_card: str | None) -> tuple[dict, dict]:
    found = join_detections(labels, detections, counted=into_card is not None)
    weights = _weights_of(found)
    if into_card and weights is None:
        raise PipelineRefused(
            f"{found.model}, which these detections are of, is not at hand; it has no card to add to."
        )
    if found.without_detections:
        some = ", ".join(found.without_detections[:3])
        say(f"{len(found.without_detections)} labelled images have no detections and are left out: {some} …")
    metrics = evaluation.report_frames(found.frames, UNCALIBRATED, found.threshold)
    metrics |= {"protocol": f"{labels.name} against detections of {found.model}; {metrics['protocol']}"}
    if into_card and weights:
        metrics = _note_look(weights, into_card, metrics)
    return metrics, _curve_points(found.frames, UNCALIBRATED, found.threshold)


def _weights_of(found: "Joined") -> Path | None:
    """The model version that detections are of, None where it is not at hand. Raises PipelineRefused for slides that it
    was trained on.
    """
    try:
        weights = find_model(found.model)
    except ModelRefused:
        return None
    card = read_card(weights.with_suffix(".json"))
    if card.sha256 != found.model_sha256:
        return None
    provenance.refuse_trained_on(found.model, provenance.provenance_of_card(card), found.slides)
    return weights


def _note_look(weights: Path, name: str, metrics: dict) -> dict:
    """The metrics with their look, which the card then counts."""
    metrics = releasing.add_metrics(weights, name, metrics)
    say(f"Look {metrics['looks']} at {', '.join(metrics['slides'])}, noted in the card.")
    return metrics


def evaluate_model(arguments: Namespace) -> tuple[dict, dict]:
    """Scores whole frames; metrics at the card's threshold, at the best one for a run that has none yet."""
    is_run = (arguments.runs / arguments.model / "weights.safetensors").is_file()
    refuse_idle_looks(arguments.slides, arguments.into_card, is_run)
    if is_run and arguments.into_card:
        raise PipelineRefused(f"{arguments.model} is a run and has no card yet; release it first, or drop --into-card.")
    if is_run:
        folder, parts = arguments.runs / arguments.model, uses_of(arguments)
        share = 0.0 if arguments.in_logits else arguments.nuclei_share
        if not 0 <= share <= 1:
            raise PipelineRefused("--nuclei-share takes a share from 0 to 1.")
        trained_on = provenance.provenance_of_run(folder, parts["finder"])
        provenance.refuse_trained_on(arguments.model, trained_on, arguments.slides)
        model = releasing.model_of_run(folder, **parts, nuclei_share=share)
    else:
        model = load_model(find_model(arguments.model))
        trained_on = provenance.provenance_of_card(model.card)
        provenance.refuse_trained_on(arguments.model, trained_on, arguments.slides)
    normaliser = arguments.normaliser or model.card.normaliser
    scores = evaluation.score_frames(model, arguments.data, tuple(arguments.slides), normaliser)
    if arguments.scores:
        card = replace(model.card, normaliser=normaliser)
        evaluation.save_scores(scores, arguments.scores, trained_on.slides, card)
    # A run is not calibrated yet: its metrics are those of a calibration and a threshold fitted on these same frames.
    calibration = (
        fit_calibration(*evaluation.margins_and_truth(scores))
        if is_run
        else Calibration(model.card.temperature, model.card.bias)
    )
    threshold = evaluation.best_threshold(scores, calibration) if is_run else model.card.threshold
    metrics = evaluation.report_frames(scores, calibration, threshold)
    if arguments.into_card and not is_run:
        metrics = _note_look(find_model(arguments.model), arguments.into_card, metrics)
    return metrics, _curve_points(scores, calibration, threshold)


def _curve_points(frames: list[evaluation.FrameScores], calibration: Calibration, threshold: float) -> dict:
    kept = evaluation.kept_at(frames, calibration, threshold)
    return evaluation.curve_points(frames, [calibration(frame.margins) for frame in frames], kept)


def tell_metrics(metrics: dict, points: dict, folder: Path | None) -> None:
    """Prints the metrics, or writes them with their pictures and prints the table."""
    if folder is None:
        print(json.dumps(metrics, indent=1))  # noqa: T201
        return

    table = reports.report_table(metrics)
    reports.write_report(folder, metrics, table, points)
    draw_plots(points, *reports.describe_data(metrics), folder)
    print(table, end="")  # noqa: T201
    say(f"{folder}: figures.json, figures.txt, curves.json and pictures")


def refuse_idle_looks(slides: list[str], into_card: str | None, is_run: bool) -> None:
    """The validation slide is scored with a model that has its threshold, alone, and every look is counted."""
    held_back = frames.VALIDATION_SLIDE
    if held_back not in slides:
        return
    if is_run:
        raise PipelineRefused(f"A run has no threshold yet, and {held_back} must not choose one; release it first.")
    if set(slides) != {held_back}:
        raise PipelineRefused(f"{held_back} is reported alone; score the other slides in a run of their own.")
    if not into_card:
        raise PipelineRefused(f"Looks at {held_back} are counted in the model's card; add --into-card NAME.")
