"""`mitosis train`: one training run from its configuration file.

In several processes: `torchrun --nproc-per-node N -m analysis.commands train CONFIG`.
A finder is trained in one.
"""

import argparse
import sys
import tomllib
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from difflib import SequenceMatcher
from pathlib import Path

import cv2
import torch
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from analysis.commands.common import add_data, add_runs, say
from analysis.lab import train as training
from analysis.lab.finder.training import FinderConfig, train_finder
from analysis.lab.train.loop import LoopConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a TOML file, see analysis/lab/configs")
    add_data(parser)
    add_runs(parser)
    add_machine(parser)


def add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; default: torch's choice")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )


def use_threads(threads: int) -> None:
    # OpenCV's own threads would fight with torch's over the same cores.
    cv2.setNumThreads(0)
    if threads:
        torch.set_num_threads(threads)


def run(arguments: Namespace) -> int:
    """Trains the run of a configuration file."""
    use_threads(arguments.threads)
    config, train = read_training(arguments.config)
    with training.join_world(arguments.device) as world, progress_bar(config, shown=world.rank == 0) as watch:
        path = train(config, arguments.data, arguments.runs, world, watch)
    if world.rank == 0:
        say(f"{path} is finished")
    return 0


def read_training(path: Path) -> tuple[LoopConfig, Callable[..., Path]]:
    """The configuration in a file, and what trains it. Raises ConfigRefused naming what is wrong in it.

    Which of the two it is meant for is told from its keys, so that one that is misspelt is named as what it was meant
    to be.
    """
    try:
        keys = list(tomllib.loads(path.read_text()))
    except (ValueError, RecursionError):
        # Said in words by whoever reads it next.
        keys = []
    if likeness_to_config(keys, FinderConfig) > likeness_to_config(keys, training.TrainConfig):
        return FinderConfig.from_toml(path), train_finder
    return training.TrainConfig.from_toml(path), training.train_network


def likeness_to_config(keys: list[str], config: type) -> tuple[int, float]:
    """How many keys a configuration has, and how much like its keys the others are."""
    known = [field.name for field in fields(config)]
    others = [key for key in keys if key not in known]
    near = sum(max(SequenceMatcher(None, key, name).ratio() for name in known) for key in others)
    return len(keys) - len(others), near


@contextmanager
def progress_bar(config: LoopConfig, shown: bool = True) -> Iterator[training.Watcher]:
    """A bar with the time left, on a terminal alone; log lines pass above it."""
    if not shown or not sys.stderr.isatty():
        yield lambda step, loss: None
        return
    bar = None

    def watch(step: int, loss: float) -> None:
        nonlocal bar
        if bar is None:
            # Made at the first step, so that a run that goes on knows where it is and guesses no time from the past.
            bar = tqdm(total=config.steps, initial=step - 1, desc=config.name, unit="step", dynamic_ncols=True)
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        bar.update(step - bar.n)

    with logging_redirect_tqdm():
        try:
            yield watch
        finally:
            if bar is not None:
                bar.close()
