"""`mitosis count`: mitoses in the region that a protocol asks for, with its score, how sure it is, and its guards."""

import argparse
import errno
import json
import math
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import say
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.count.guards import Facts
from analysis.pipeline.count.interval import DRAWS, SEED
from analysis.pipeline.count.point_files import KINDS, PointFile, read_points
from analysis.pipeline.count.protocols import PLAIN, Protocol, ProtocolRefused, find_protocol
from analysis.pipeline.count.report import Effort, describe_count
from analysis.pipeline.regions import read_area

MOST_ALTERNATES, MOST_DRAWS = 1000, 10_000
SECONDS = 60.0
DRAW_SECONDS = 10.0  # a mean of the draws made by then serves as well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=KINDS)
    parser.add_argument(
        "--protocol",
        default=PLAIN,
        metavar="NAME|FILE",
        help="one of `mitosis protocols`, with the laboratory's own field as in nottingham:0.50, or a file; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--tissue", type=Path, metavar="GEOJSON", help="polygons in level-0 pixels; without, nothing is told per mm²"
    )
    parser.add_argument("--tumour", type=Path, metavar="GEOJSON", help="polygons that the region must lie in")
    parser.add_argument(
        "--alternates",
        type=whole_number(0, MOST_ALTERNATES),
        default=0,
        metavar="N",
        help="how many of the next best regions, none over another; default: %(default)s",
    )
    parser.add_argument(
        "--draws",
        type=whole_number(0, MOST_DRAWS),
        default=DRAWS,
        metavar="N",
        help="searches behind the interval that knows that the region was chosen, 0 for none; default: %(default)s",
    )
    parser.add_argument("--seed", type=whole_number(0, 2**32 - 1), default=SEED, help="of these; default: %(default)s")
    parser.add_argument(
        "--seconds", type=_positive, default=SECONDS, help="limit of the search for the regions; default: 60"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the JSON; default: standard output")


def run(arguments: Namespace) -> int:
    """Counts, and says on standard error what stands in the way; 1 where nothing could be counted."""
    if arguments.out is not None and not arguments.out.parent.is_dir():
        raise NotADirectoryError(errno.ENOENT, "there is no such folder to write to", str(arguments.out.parent))
    protocol = find_usable(arguments.protocol)
    points = read_points(arguments.file)
    effort = Effort(arguments.alternates, arguments.draws, arguments.seed, arguments.seconds, DRAW_SECONDS)
    result = describe_count(
        points.points_l0,
        protocol,
        _facts_of(points),
        (points.width, points.height),
        read_rings(arguments.tissue),
        read_rings(arguments.tumour),
        effort,
    )
    content = json.dumps(result, allow_nan=False)
    if arguments.out is None:
        print(content)  # noqa: T201
    else:
        write_atomically(arguments.out, content.encode())
    for guard in result["guards"]:
        if guard["blocks"]:
            say(f"mitosis count: {guard['sentence']}")
    return 0 if result["regions"] else 1


def find_usable(name: str) -> Protocol:
    """The protocol of a name or file. Raises ProtocolRefused, also for one that is switched off."""
    protocol = find_protocol(name)
    if not protocol.on:
        raise ProtocolRefused(
            f"The protocol {protocol.name} is switched off. {protocol.notes} A copy in a file with on = true is used."
        )
    return protocol


def _facts_of(points: PointFile) -> Facts:
    return Facts(
        points.mpp_x,
        points.mpp_y,
        doubts=points.doubts,
        grade=points.grade,
        reasons=points.reasons,
        tumour=points.tumour,
        meant_for=points.meant_for,
        open_calls=len(points.points_l0) if points.are_calls else 0,
        outside=points.outside,
    )


def read_rings(path: Path | None) -> list[list[tuple[float, float]]] | None:
    """The rings of an area file; says what else lies in it."""
    if path is None:
        return None
    file = read_area(path)
    for sentence in file.unused:
        say(sentence)
    return file.polygons_l0


def whole_number(low: int, high: int):  # type: ignore[no-untyped-def]
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return read


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number
