"""What several commands share: the folders they work in, and how they speak."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from analysis.pipeline.cards.card import PLACES, VIEWS, FinderUse, ViewsUse
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import find_network
from analysis.pipeline.regions import list_outside, read_geojson
from slides.wsi.metadata import SlideInfo
from slides.wsi.sets import SERIES_KIND, SINGLE_SUFFIXES, slide_sets_in

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
        "--finder-place", choices=PLACES, default=PLACES[0], help="where a peak is looked at; default: %(default)s"
    )
    for name, usual, what in (
        ("peak-um", FinderUse.peak_um, "no higher peak so near"),
        ("pair-um", FinderUse.pair_um, "of two peaks no farther apart the middle is looked at, too"),
        ("least-per-mm2", FinderUse.least_per_mm2, "a slide's threshold is lowered until it has so many places"),
        ("scored-per-mm2", FinderUse.scored_per_mm2, "of those so many are scored, the likeliest first; 0: all"),
        ("same-um", FinderUse.same_um, "of `surer`: a peak no farther from its nucleus is not looked at for itself"),
    ):
        parser.add_argument(f"--finder-{name}", type=float, default=usual, help=f"{what}; default: %(default)s")
    parser.add_argument(
        "--views",
        nargs=3,
        type=float,
        metavar=("COUNT", "LOW", "HIGH"),
        help="score patches whose margin lies between LOW and HIGH logits in COUNT symmetric views; default: one view",
    )
    parser.add_argument(
        "--in-logits",
        action="store_true",
        help="tell margins as they are, not from each slide's own nuclei (as `evaluate --nuclei-share 0`)",
    )


def uses_of(arguments: argparse.Namespace) -> dict:
    """`finder`, `use` and `views` for `release_version` and `model_of_run`. Raises PipelineRefused."""
    views = ViewsUse(int(arguments.views[0]), *arguments.views[1:]) if arguments.views else None
    if views and (views.count not in VIEWS or not views.low <= views.high):
        raise PipelineRefused("--views takes 2, 4 or 8 views, and the lower margin before the higher one.")
    if arguments.finder is None:
        return {"finder": None, "use": None, "views": views}
    use = FinderUse(
        arguments.finder_threshold,
        arguments.finder_weight,
        find_network("finder").parameters,
        arguments.finder_place,
        arguments.finder_peak_um,
        arguments.finder_pair_um,
        arguments.finder_least_per_mm2,
        arguments.finder_scored_per_mm2,
        arguments.finder_same_um,
    )
    return {"finder": arguments.runs / arguments.finder, "use": use, "views": views}


def add_picture(parser: Arguments) -> None:
    """Which picture of a file with several, counted from 1 as people do; `scene=` of the reader counts from 0."""
    parser.add_argument(
        "--picture", type=int, default=1, metavar="N", help="of a file that holds several; default: %(default)s"
    )


def say(text: str) -> None:
    """Tells the person at the terminal something; results go to standard output, this to standard error."""
    print(text, file=sys.stderr)  # noqa: T201


def read_region(path: Path) -> list[list[tuple[float, float]]]:
    """The polygons of a region file in level-0 px; says what else lies in it."""
    file = read_geojson(path)
    for sentence in file.unused:
        say(sentence)
    return file.polygons_l0


def warn_of_place(path: Path, info: SlideInfo, region: list | None) -> None:
    """Says what of a region lies beside the slide, and where one that was drawn in QuPath would lie elsewhere."""
    if region is None:
        return
    for number in list_outside(region, info.width, info.height):
        size = f"{info.width} x {info.height} px"
        say(f"{path}: polygon {number} of the region lies outside the slide, which is {size}, and is left out.")
    if info.bounds and info.bounds[:2] != (0, 0):
        x, y = info.bounds[:2]
        say(f"{path}: the region is taken in pixels of the whole slide; QuPath counts from ({x}, {y}) of it.")


@dataclasses.dataclass(frozen=True)
class GivenSlide:
    """A slide of the command line. stem: what its results are named after. path: to be shown. files: that make it."""

    stem: str
    path: Path
    files: list[Path]


def slides_at(path: Path) -> list[GivenSlide]:
    """The slide of a file, or all those of a folder; what lies beside them is left out and named.

    A folder with one slide gives its name to the results. Of several the files do; series of DICOM are numbered.
    """
    if not path.is_dir():
        return [GivenSlide(path.stem, path, [path])]
    plain = [each for each in path.rglob("*") if each.is_file() and not each.is_symlink()]
    sets, others = slide_sets_in(path, plain, SINGLE_SUFFIXES)
    if not sets:
        return [GivenSlide(path.stem, path, sorted(plain) or [path])]
    if others:
        say(f"{path}: left out, since they are no slides: {', '.join(others)}")
    if len(sets) == 1:
        return [GivenSlide(path.stem, path, [path / name for name in sets[0].files])]
    name = path.resolve().name
    return [
        GivenSlide(
            Path(each.files[0]).stem if each.kind != SERIES_KIND else f"{name}-{number}",
            path / each.files[0],
            [path / file for file in each.files],
        )
        for number, each in enumerate(sets, 1)
    ]
