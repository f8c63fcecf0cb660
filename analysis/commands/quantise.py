"""`mitosis quantise`: what a version needs to compute in int8, from the training slides."""

import argparse
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import add_data, say
from analysis.commands.detect import chosen_model
from analysis.lab.int8 import calibrate
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.engines.int8 import FOLDER, save_ranges


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", metavar="NAME_OR_PATH", help="default: the shipped one")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: beside the shipped ones, by its name")
    add_data(parser)


def run(arguments: Namespace) -> int:
    """Writes the ranges of its layers; the card then names `openvino-int8` once detections were compared."""
    model = load_model(chosen_model(arguments.model))
    found = calibrate(model, arguments.data)
    path = arguments.out or FOLDER / f"{model.name}.json"
    save_ranges(found, path)
    say(f"{path}: {len(found.ranges)} layers, {found.patches} patches of {', '.join(found.slides)}")
    return 0
