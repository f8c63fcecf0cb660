"""`mitosis data`: look at labels before they are trained on, split them by patient, cut patches."""

import argparse
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from analysis.pipeline.commands.common import say
from analysis.pipeline.datasets.check import check
from analysis.pipeline.datasets.readers import read
from analysis.pipeline.datasets.splits import SplitConfig, make_split, write_manifest
from analysis.pipeline.files import write_atomically

LABELS_HELP = "a label file or a folder of them; the format is recognised"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    _add_check(steps.add_parser("check", help="say what is in label files, what is wrong with them and what to do"))
    _add_split(steps.add_parser("split", help="share the patients out into parts and write the manifest"))


def run(arguments: Namespace) -> int:
    """Runs one step; exit status 1 where labels are not usable."""
    steps: dict[str, Callable[[Namespace], int]] = {"check": _check, "split": _split}
    return steps[arguments.step](arguments)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help=LABELS_HELP)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole report here, for programs")


def _check(arguments: Namespace) -> int:
    report = check(arguments.path)
    print("\n".join(report.lines()))  # noqa: T201
    if arguments.json:
        write_atomically(arguments.json, json.dumps(report.as_json(), indent=1, ensure_ascii=False).encode())
    return int(report.has_errors)


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help=LABELS_HELP)
    parser.add_argument("--config", type=Path, required=True, help="a TOML file, see analysis/pipeline/configs/splits")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the manifest to write")


def _split(arguments: Namespace) -> int:
    split = make_split(read(arguments.path), SplitConfig.from_toml(arguments.config))
    digest = write_manifest(split, arguments.out)
    for part, images in split.parts.items():
        kinds = ", ".join(f"{kind} {sum(len(i.places(kind)) for i in images):,}" for kind in ("mitosis", "look_alike"))
        print(f"{part}: {len(images)} images of {len({i.case for i in images})} patients; {kinds}")  # noqa: T201
    for reason, count in split.left_out.items():
        say(f"left out: {count} images ({reason})")
    print(f"{arguments.out}  sha256 {digest[:12]}")  # noqa: T201
    return 0
