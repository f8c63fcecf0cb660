"""`mitosis subtypes`: the second head, normal or atypical mitosis and phase; a research hint."""

import argparse
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import add_data, say
from analysis.commands.detect import chosen_model
from analysis.lab.subtypes.fit import describe_metrics, fit_for_model
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.subtypes.store import FOLDER, heads_for, save_heads

CACHE_DEFAULT = "var/subtypes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    fitting = tasks.add_parser("fit", help="fit the heads of a model version and write them beside it")
    fitting.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="default: the shipped heads' folder")
    fitting.add_argument("--cache", type=Path, default=Path(CACHE_DEFAULT), help="of features; default: %(default)s")
    add_data(fitting)
    shown = tasks.add_parser("show", help="what the heads of a model version do on slides left out")
    for task in (fitting, shown):
        task.add_argument("--model", default=None, metavar="NAME_OR_PATH", help="default: the newest shipped one")


def run(arguments: Namespace) -> int:
    """Fits the heads, or tells how good they are."""
    path = chosen_model(arguments.model)
    if arguments.task == "fit":
        fitted = fit_for_model(load_model(path), arguments.data, arguments.cache, say)
        say(f"{save_heads(fitted, arguments.out)} with its card")
        return 0
    model = load_model(path)
    heads = heads_for(model.sha256)
    if heads is None:
        raise PipelineRefused(f"There are no heads for {model.name}; fit them with mitosis subtypes fit.")
    print(f"normal or atypical: {describe_metrics(heads.metrics['subtype'])}")  # noqa: T201
    print(f"phase: {describe_metrics(heads.metrics['phase'])}")  # noqa: T201
    return 0
