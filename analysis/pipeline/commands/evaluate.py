"""`mitosis evaluate`: figures on whole labelled frames that a network was not trained on."""

import argparse
import json
from argparse import Namespace
from pathlib import Path

from analysis.pipeline import evaluate as evaluation
from analysis.pipeline import release as releasing
from analysis.pipeline.calibrate import Calibration
from analysis.pipeline.classifiers.store import find_model, load_model
from analysis.pipeline.commands.common import add_data, add_runs
from analysis.pipeline.errors import PipelineRefused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="the name of a finished run, of a shipped model, or a path to weights")
    parser.add_argument(
        "--slides",
        nargs="+",
        required=True,
        help="H03 H04 H07 H14 H15; H05 is for reporting only, each scoring of it a look",
    )
    parser.add_argument("--normaliser", choices=("none", "macenko", "reinhard"), default="none")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="write the scores of all frames here, for `release`"
    )
    parser.add_argument("--into-card", metavar="NAME", help="add the figures to the model's card under this name")
    add_data(parser)
    add_runs(parser)


def run(arguments: Namespace) -> int:
    """Scores whole frames; prints the figures at the card's threshold, at the best one for a run that has none yet."""
    folder = arguments.runs / arguments.model
    is_run = (folder / "weights.safetensors").is_file()
    model = releasing.model_of_run(folder) if is_run else load_model(find_model(arguments.model))
    if is_run:
        refuse_seen_slides(folder, arguments.slides)
    scores = evaluation.score_frames(model, arguments.data, tuple(arguments.slides), arguments.normaliser)
    if arguments.scores:
        evaluation.save_scores(scores, arguments.scores)
    calibration = Calibration(model.card.temperature, model.card.bias)
    threshold = evaluation.best_threshold(scores, calibration) if is_run else model.card.threshold
    if arguments.into_card and not is_run:
        figures = releasing.add_report(find_model(arguments.model), arguments.into_card, scores)
    else:
        figures = evaluation.report(scores, calibration, threshold)
    print(json.dumps(figures, indent=1))  # noqa: T201
    return 0


def refuse_seen_slides(run: Path, slides: list[str]) -> None:
    seen = set(json.loads((run / "run.json").read_text())["config"]["slides"]) & set(slides)
    if seen:
        raise PipelineRefused(
            f"{run.name} was trained on {', '.join(sorted(seen))}; figures from there would say nothing."
        )
