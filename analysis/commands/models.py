"""`mitosis models`: the model versions at hand."""

import argparse
import json
from argparse import Namespace

from analysis.pipeline.cards.store import list_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON: name, parameters, sha256, threshold, metrics")


def run(arguments: Namespace) -> int:
    """Lists the shipped versions."""
    shipped = list_models()
    if arguments.json:
        rows = [
            {
                "name": m.name,
                "parameters": m.card.parameters,
                "sha256": m.sha256,
                "threshold": m.card.threshold,
                "metrics": m.card.metrics,
            }
            for m in shipped
        ]
        print(json.dumps(rows, indent=1))  # noqa: T201
    else:
        for m in shipped:
            facts = f"{m.card.parameters:,} parameters  threshold {m.card.threshold:g}  sha256 {m.sha256[:12]}"
            print(f"{m.name}  {facts}  {m.card.notes}")  # noqa: T201
    return 0
