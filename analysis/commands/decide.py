"""`mitosis decide`: whether the count of a protocol can still change its score, and what to judge next."""

import argparse
import json
from argparse import Namespace
from pathlib import Path

from analysis.commands.count import find_usable, read_rings, whole_number
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.count.decide import MOST_NEXT, decide
from analysis.pipeline.count.judged_points import KINDS, read_judged_points
from analysis.pipeline.count.protocols import PLAIN
from analysis.pipeline.count.search import Frame, Search

MOST_LISTED = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=KINDS)
    parser.add_argument(
        "--protocol",
        default=PLAIN,
        metavar="NAME|FILE",
        help="one of `mitosis protocols`, or a file; without cut-offs the count itself is decided; "
        "default: %(default)s",
    )
    parser.add_argument("--tissue", type=Path, metavar="GEOJSON", help="polygons in level-0 pixels")
    parser.add_argument("--tumour", type=Path, metavar="GEOJSON", help="polygons that every window must lie in")
    parser.add_argument(
        "--next",
        type=whole_number(0, MOST_LISTED),
        default=MOST_NEXT,
        metavar="N",
        help="how many open points to list, most effect first; default: %(default)s",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the JSON; default: standard output")


def run(arguments: Namespace) -> int:
    """Writes the decision: `decided`, `score_low`, `score_high`, `next` with indices into the file's list, `proof`."""
    protocol = find_usable(arguments.protocol)
    given = read_judged_points(arguments.file)
    frame = Frame(given.mpp_x, given.mpp_y, given.width, given.height)
    search = Search(given.points_l0, protocol.shape, frame, read_rings(arguments.tissue), read_rings(arguments.tumour))
    decision = decide(
        given.points_l0, given.probability, given.labels, search, protocol.cutoffs, most_next=arguments.next
    )
    result = {
        "decided": decision.decided,
        "score_low": decision.score_low,
        "score_high": decision.score_high,
        "next": [{"index": given.index[point], "effect": round(effect, 6)} for point, effect in decision.next],
        "proof": {"protocol": protocol.name, "protocol_version": protocol.version, **decision.proof},
    }
    content = json.dumps(result, allow_nan=False, ensure_ascii=False)
    if arguments.out is None:
        print(content)  # noqa: T201
    else:
        write_atomically(arguments.out, content.encode())
    return 0
