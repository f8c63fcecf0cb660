"""`mitosis recall`: what a finder finds on slides it was not trained on, also where dark nuclei lie dense."""

import argparse
import json
from argparse import Namespace

from analysis.commands.common import add_data, add_runs
from analysis.lab.datasets import frames
from analysis.lab.finder.dense import recall_in_dense_fields
from analysis.lab.hardness import load_run
from analysis.pipeline.errors import PipelineRefused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("finder", help="the name of a finished finder's run")
    parser.add_argument("--slides", nargs="+", required=True, help="training slides the run has not seen")
    parser.add_argument("--threshold", type=float, default=-1.1, help="logit of a candidate; default: %(default)s")
    add_data(parser)
    add_runs(parser)


def run(arguments: Namespace) -> int:
    """Prints recall of each slide's mitoses put among the densest neighbourhoods of their own slide."""
    folder = arguments.runs / arguments.finder
    network = load_run(folder)
    overlap = set(json.loads((folder / "run.json").read_text())["config"]["slides"]) & set(arguments.slides)
    if overlap:
        raise PipelineRefused(f"{arguments.finder} was trained on {', '.join(sorted(overlap))}; name other slides.")
    for source in frames.load_slides(arguments.data, tuple(arguments.slides)):
        found = recall_in_dense_fields(network, source, arguments.threshold)
        print(json.dumps({"slide": source.name, "recall": round(found.recall, 4)} | found.__dict__))  # noqa: T201
    return 0
