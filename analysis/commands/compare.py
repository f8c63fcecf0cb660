"""`mitosis compare`: the paper's comparisons and the project's own, each with one budget for all its arms."""

import argparse
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.commands.common import add_data, add_runs, say
from analysis.commands.train import add_machine, use_threads
from analysis.lab.compare import COMPARISONS, Setup, run_comparison
from analysis.lab.train import join_world


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("comparison", choices=tuple(COMPARISONS))
    parser.add_argument(
        "--budget", type=float, required=True, metavar="MINUTES", help="of training, for all arms together"
    )
    parser.add_argument("--slides", nargs="+", help=f"trained on; default: {' '.join(Setup.slides)}")
    parser.add_argument("--crops", nargs="*", help="trained on too; default: midog21 midogpp where they can be used")
    parser.add_argument("--test", nargs="+", help=f"measured on; default: {' '.join(Setup.test)}; never H05")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--b0", type=Path, metavar="FILE", help="torchvision's weights of EfficientNet-B0")
    parser.add_argument("--resnet18", type=Path, metavar="FILE", help="torchvision's weights of ResNet-18")
    parser.add_argument(
        "--profile", default="", help="of `normalisers`: a StainNet profile taught without the test slides"
    )
    add_data(parser)
    add_runs(parser)
    add_machine(parser)


def run(arguments: Namespace) -> int:
    """Runs a comparison, or goes on with it; prints its table."""
    use_threads(arguments.threads)
    given: dict[str, Any] = {
        key: tuple(value) for key in ("slides", "crops", "test") if (value := getattr(arguments, key)) is not None
    }
    given |= {key: str(value) for key in ("b0", "resnet18", "profile") if (value := getattr(arguments, key))}
    setup = replace(Setup(seed=arguments.seed), **given)
    with join_world(arguments.device) as world:
        path = run_comparison(arguments.comparison, setup, arguments.budget, arguments.data, arguments.runs, world, say)
    print(path.with_name("table.md").read_text(), end="")  # noqa: T201
    say(f"{path}, table.md and picture.png beside it")
    return 0
