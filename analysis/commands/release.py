"""`mitosis release`: a model version from finished runs."""

import argparse
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import add_finder, add_runs, say, uses_of
from analysis.lab import release as releasing
from analysis.pipeline.cards.store import WEIGHTS, load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the new model version, such as hybrid-0.5")
    parser.add_argument("run", help="the name of a finished run")
    parser.add_argument(
        "--left-out", nargs="+", type=Path, required=True, metavar="FILE", help="score files of `evaluate`"
    )
    add_finder(parser)
    parser.add_argument("--normaliser", default="none", help="what the version normalises with; default: %(default)s")
    parser.add_argument("--notes", default="", help="a sentence for the card")
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="default: the shipped models' folder")
    add_runs(parser)


def run(arguments: Namespace) -> int:
    """Makes a model version of a run."""
    folder = WEIGHTS if arguments.out is None else arguments.out
    path = releasing.release_version(
        arguments.name,
        arguments.runs / arguments.run,
        arguments.left_out,
        folder,
        arguments.notes,
        **uses_of(arguments),
        normaliser=arguments.normaliser,
    )
    say(f"{path} with its card; threshold {load_model(path).card.threshold:g}")
    return 0
