"""What several commands share: the folders they work in, and how they speak."""

import argparse
import os
import sys
from pathlib import Path

from analysis.pipeline.cards.card import FinderUse
from analysis.pipeline.networks import find_network
from analysis.pipeline.regions import read_geojson

# The command line is where settings enter; the library below takes arguments.
DATA_DEFAULT = os.getenv("MITOWEB_DATA") or str(Path(__file__).resolve().parents[3] / "shared" / "data")
RUNS_DEFAULT = "var/train"
# A parser, or a group of its arguments.
Arguments = argparse.ArgumentParser | argparse._ArgumentGroup


def add_data(parser: Arguments) -> None:
    parser.add_argument(
        "--data", type=Path, default=Path(DATA_DEFAULT), help="the data folder; default: MITOWEB_DATA or %(default)s"
    )


def add_runs(parser: Arguments) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path(RUNS_DEFAULT), help="where runs are kept; default: %(default)s"
    )


def add_finder(parser: argparse.ArgumentParser) -> None:
    """The run of a first stage and how it is used beside a run of the network."""
    parser.add_argument("--finder", metavar="RUN", help="the name of a finished finder's run; default: none")
    parser.add_argument(
        "--finder-threshold", type=float, default=-1.1, help="logit of a candidate; default: %(default)s"
    )
    parser.add_argument(
        "--finder-weight", type=float, default=0.0, help="of the finder's logit in the margin; default: %(default)s"
    )
    parser.add_argument(
        "--in-logits", action="store_true", help="tell margins as they are, not from each slide's own nuclei"
    )


def finder_of(arguments: argparse.Namespace) -> dict:
    """`finder` and `use` for `release_version` and `model_of_run`."""
    if arguments.finder is None:
        return {"finder": None, "use": None}
    use = FinderUse(arguments.finder_threshold, arguments.finder_weight, find_network("finder").parameters)
    return {"finder": arguments.runs / arguments.finder, "use": use}


def say(text: str) -> None:
    """Tells the person at the terminal something; results go to standard output, this to standard error."""
    print(text, file=sys.stderr)  # noqa: T201


def read_region(path: Path) -> list[list[tuple[float, float]]]:
    """The polygons of a region file in level-0 px; says what else lies in it."""
    file = read_geojson(path)
    for sentence in file.unused:
        say(sentence)
    return file.polygons_l0


def files_of(path: Path) -> list[Path]:
    """The files of a slide: itself, or those of its folder (DICOM)."""
    return [path] if path.is_file() else sorted(child for child in path.iterdir() if child.is_file())
