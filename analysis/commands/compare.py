"""`mitosis compare`: the paper's comparisons and the project's own, each with one budget for all its arms; and every
system of its Table 1.
"""

import argparse
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.commands.common import add_data, add_runs, say
from analysis.commands.train import add_machine, use_threads
from analysis.lab.compare import COMPARISONS, Setup, run_comparison
from analysis.lab.errors import ConfigRefused
from analysis.lab.systems import SYSTEMS, pick_systems, run_systems, systems_table
from analysis.lab.train import join_world

# Not arms of one recipe, but systems that differ in all.
EVERY_SYSTEM = "systems"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("comparison", choices=(*COMPARISONS, EVERY_SYSTEM))
    parser.add_argument(
        "--budget",
        type=float,
        metavar="MINUTES",
        help="of training, for all arms together; of systems 0 builds and counts only, and without a budget what was "
        "measured before is shown",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help=f"of systems, and again for further ones: {', '.join(system.name for system in SYSTEMS)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, a row for each arm or system")
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
    if arguments.comparison == EVERY_SYSTEM:
        return compare_systems(arguments, setup)
    if arguments.budget is None or arguments.only:
        lacks = "needs a --budget" if arguments.budget is None else "takes no --only"
        raise ConfigRefused(f"The comparison {arguments.comparison} {lacks}.")
    with join_world(arguments.device) as world:
        path = run_comparison(arguments.comparison, setup, arguments.budget, arguments.data, arguments.runs, world, say)
    shown = json.dumps(json.loads(path.read_text())["arms"], indent=1) if arguments.json else ""
    print(shown or path.with_name("table.md").read_text().rstrip())  # noqa: T201
    say(f"{path}, table.md and picture.png beside it")
    return 0


def compare_systems(arguments: Namespace, setup: Setup) -> int:
    """Builds, trains, measures and times systems of Table 1; prints a row for each."""
    systems = pick_systems(arguments.only)
    with join_world(arguments.device) as world:
        rows = run_systems(systems, setup, arguments.budget, arguments.data, arguments.runs, world, say)
    print(json.dumps(rows, indent=1) if arguments.json else systems_table(rows).rstrip())  # noqa: T201
    return 0
