"""`mitosis data`: look at labels before they are trained on, split them by patient, cut patches."""

import argparse
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from analysis.commands.common import say
from analysis.lab.datasets.check import check_labels
from analysis.lab.datasets.patchset import PAPER_RANDOM_PER_MITOSIS, PatchRecipe, extract_patches
from analysis.lab.datasets.readers import read_labels
from analysis.lab.datasets.splits import SplitConfig, make_split, read_manifest, write_manifest
from analysis.pipeline.atomic_files import write_atomically

LABELS_HELP = "a label file or a folder of them; the format is recognised"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    check = steps.add_parser("check", help="say what is in label files, what is wrong with them and what to do")
    check.add_argument("path", type=Path, help=LABELS_HELP)
    check.add_argument("--split", type=Path, metavar="FILE", help="a split's manifest to check against these labels")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the whole report here, for programs")
    split = steps.add_parser("split", help="share the patients out into parts and write the manifest")
    split.add_argument("path", type=Path, help=LABELS_HELP)
    split.add_argument("--config", type=Path, required=True, help="a TOML file, see analysis/lab/configs/splits")
    split.add_argument("--out", type=Path, required=True, metavar="FILE", help="the manifest to write")
    patches = steps.add_parser("patches", help="cut the paper's patches into a new folder, with a manifest")
    patches.add_argument("path", type=Path, help=f"{LABELS_HELP}; the images lie beside it")
    patches.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    patches.add_argument(
        "--size", type=int, nargs="+", default=[100], metavar="PX", help="the paper's are 50 100 256 512; default: 100"
    )
    patches.add_argument(
        "--split", type=Path, metavar="FILE", help="a manifest; images in none of its parts are left out"
    )
    patches.add_argument("--mpp", type=float, help="µm per pixel of images that do not say theirs")
    patches.add_argument(
        "--random", type=float, default=PAPER_RANDOM_PER_MITOSIS, metavar="N", help="random negatives per mitosis"
    )
    patches.add_argument(
        "--off-centre", type=float, default=1.0, metavar="N", help="off-centre negatives per mitosis; the paper's: 0"
    )
    patches.add_argument("--seed", type=int, default=1)


def run(arguments: Namespace) -> int:
    """Runs one step; exit status 1 where labels are not usable."""
    steps: dict[str, Callable[[Namespace], int]] = {"check": run_check, "split": run_split, "patches": run_patches}
    return steps[arguments.step](arguments)


def run_check(arguments: Namespace) -> int:
    report = check_labels(arguments.path, arguments.split)
    print("\n".join(report.lines()))  # noqa: T201
    if arguments.json:
        write_atomically(arguments.json, json.dumps(report.as_json(), indent=1, ensure_ascii=False).encode())
    return int(report.has_errors)


def run_split(arguments: Namespace) -> int:
    split = make_split(read_labels(arguments.path), SplitConfig.from_toml(arguments.config))
    digest = write_manifest(split, arguments.out)
    for part, images in split.parts.items():
        kinds = ", ".join(f"{kind} {sum(len(i.places(kind)) for i in images):,}" for kind in ("mitosis", "look_alike"))
        print(f"{part}: {len(images)} images of {len({i.case for i in images})} patients; {kinds}")  # noqa: T201
    for reason, count in split.left_out.items():
        say(f"left out: {count} images ({reason})")
    for warning in split.warnings:
        say(f"warning: {warning}")
    print(f"{arguments.out}  sha256 {digest[:12]}")  # noqa: T201
    return 0


def run_patches(arguments: Namespace) -> int:
    recipe = PatchRecipe(tuple(arguments.size), arguments.random, arguments.off_centre, arguments.mpp, arguments.seed)
    parts = read_manifest(arguments.split) if arguments.split else None
    with tqdm(unit="image") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        manifest = extract_patches(read_labels(arguments.path), recipe, arguments.out, parts, progress)
    kinds = ", ".join(f"{group} {count:,}" for group, count in manifest["counts"].items())
    print(f"{kinds}; prevalence {manifest['prevalence']:.0%}")  # noqa: T201
    for reason, count in manifest["left_out"].items():
        say(f"left out: {count} {reason}")
    for name in manifest["broken_images"]:
        say(f"broken: {name}")
    print(f"{arguments.out}  sha256 {manifest['sha256'][:12]}")  # noqa: T201
    return 0
