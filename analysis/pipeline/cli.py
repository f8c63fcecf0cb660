"""The command line `mitosis`: detect, train, evaluate, release, models.

Exit status: 0 all went well, 1 something could not be done (each is named on stderr; the others went on), 2 wrong
usage.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from analysis.pipeline.errors import PipelineRefused

# The command line is where settings enter; the library below takes arguments.
DATA_DEFAULT = os.getenv("MITOWEB_DATA") or str(Path(__file__).resolve().parents[3] / "shared" / "data")
RUNS_DEFAULT = "var/train"


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    # Imported late: torch takes seconds, and `--help` must not.
    from analysis.pipeline import commands

    try:
        return getattr(commands, arguments.command)(arguments)
    except (PipelineRefused, ValueError, OSError) as error:
        print(f"mitosis {arguments.command}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print(f"mitosis {arguments.command}: stopped", file=sys.stderr)  # noqa: T201
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mitosis", description="Find mitotic figures in slides. Research use only.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _detect(commands.add_parser("detect", help="find mitotic figures in slides or images, one JSON file each"))
    _train(commands.add_parser("train", help="train the network; a run that was stopped goes on"))
    _evaluate(commands.add_parser("evaluate", help="score whole labelled frames that a network was not trained on"))
    _release(commands.add_parser("release", help="make a model version of a run, calibrated on slides left out"))
    models = commands.add_parser("models", help="list the model versions at hand")
    models.add_argument("--json", action="store_true", help="print JSON: name, parameters, sha256, threshold, metrics")
    return parser


def _detect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE_OR_SLIDE", help="slide, JPEG or PNG, or a folder of DICOM files"
    )
    parser.add_argument("--mpp", type=float, help="pixel size in µm, where the file does not say it or says it wrongly")
    parser.add_argument("--mode", choices=("candidates", "grid"), default="candidates", help="default: %(default)s")
    parser.add_argument("--model", default=None, metavar="NAME_OR_PATH", help="default: the shipped one")
    parser.add_argument(
        "--normaliser", choices=("none", "macenko", "reinhard"), default=None, help="default: the model's own"
    )
    parser.add_argument(
        "--region", type=Path, metavar="GEOJSON", help="polygons in level-0 pixels; default: the whole slide"
    )
    parser.add_argument(
        "--threshold", type=float, help="probability from which a detection is called mitosis; default: the model's"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda; default: %(default)s")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where to write STEM.json; default: here"
    )


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a TOML file, see analysis/pipeline/configs")
    _data_and_runs(parser)
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; default: torch's choice")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="the name of a finished run, of a shipped model, or a path to weights")
    parser.add_argument(
        "--slides",
        nargs="+",
        required=True,
        help="H03 H04 H07 H14 H15; H05 is for reporting only, each scoring of it a look",
    )
    parser.add_argument("--normaliser", choices=("none", "macenko", "reinhard"), default="none")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="write the scores of all frames here, for `release`"
    )
    parser.add_argument("--into-card", metavar="NAME", help="add the figures to the model's card under this name")
    _data_and_runs(parser)


def _release(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the new model version, such as hybrid-0.2")
    parser.add_argument("run", help="the name of a finished run")
    parser.add_argument(
        "--left-out", nargs="+", type=Path, required=True, metavar="FILE", help="score files of `evaluate`"
    )
    parser.add_argument("--notes", default="", help="a sentence for the card")
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="default: the shipped models' folder")
    parser.add_argument("--runs", type=Path, default=Path(RUNS_DEFAULT))


def _data_and_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, default=Path(DATA_DEFAULT), help="the data folder; default: MITOWEB_DATA or %(default)s"
    )
    parser.add_argument(
        "--runs", type=Path, default=Path(RUNS_DEFAULT), help="where runs are kept; default: %(default)s"
    )
