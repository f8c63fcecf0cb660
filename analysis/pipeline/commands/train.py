"""`mitosis train`: one training run from its configuration file."""

import argparse
from argparse import Namespace
from pathlib import Path

import cv2
import torch

from analysis.pipeline import train as training
from analysis.pipeline.commands.common import add_data, add_runs, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a TOML file, see analysis/pipeline/configs")
    add_data(parser)
    add_runs(parser)
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; default: torch's choice")


def run(arguments: Namespace) -> int:
    """Trains the run of a configuration file."""
    # OpenCV's own threads would fight with torch's over the same cores.
    cv2.setNumThreads(0)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    config = training.TrainConfig.from_toml(arguments.config)
    say(f"{training.train(config, arguments.data, arguments.runs)} is finished")
    return 0
