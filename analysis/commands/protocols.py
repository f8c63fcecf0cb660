"""`mitosis protocols`: what there is to count by, or what a file of a protocol says."""

import argparse
import json
from argparse import Namespace

from analysis.pipeline.count.protocols import Protocol, find_protocol, load_protocols


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "protocols",
        nargs="*",
        metavar="NAME|FILE",
        help="to be shown with their sources, a file after it was checked; default: a list of the shipped ones",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON: name, version, shape, area_mm2, cutoffs, on and what else a file may hold",
    )


def run(arguments: Namespace) -> int:
    """Lists the shipped protocols, or shows those that are named."""
    chosen = [find_protocol(told) for told in arguments.protocols] or list(load_protocols().values())
    if arguments.json:
        print(json.dumps([protocol.as_json() for protocol in chosen], indent=1))  # noqa: T201
    else:
        lines = (_tell_all(each) if arguments.protocols else _tell_shortly(each) for each in chosen)
        print("\n".join(lines))  # noqa: T201
    return 0


def _tell_shortly(protocol: Protocol) -> str:
    of_own_field = "  also NAME:SIZE for a field's diameter in mm or an area in mm²" if protocol.rule else ""
    return f"{protocol.name}  {protocol.title}{of_own_field}{'' if protocol.on else '  (off)'}"


def _tell_all(protocol: Protocol) -> str:
    shape = protocol.shape
    fields = f", {shape.fields} of {shape.field_um:.4g} µm{' that touch' if shape.touching else ''}"
    lines = [
        f"{protocol.name}  version {protocol.version}{'' if protocol.on else '  (off)'}",
        protocol.title,
        f"{shape.kind}{fields if shape.fields else ''}, {shape.area_mm2:.4g} mm²",
        *(f"score {cutoff.score}: from {cutoff.from_count}" for cutoff in protocol.cutoffs),
        *([f"told divided by {protocol.divided_by}"] if protocol.divided_by > 1 else []),
        *([protocol.where] if protocol.where else []),
        *([protocol.notes] if protocol.notes else []),
        *(f"{name}: {source}" for name, source in protocol.sources.items()),
    ]
    return "\n  ".join(lines)
