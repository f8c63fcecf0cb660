"""`mitosis gate`: is a candidate at least as good as the version in use, on a locked set?

Exit status: 0 passed, 1 something could not be done, 3 failed, 4 a person is needed.
"""

import argparse
import json
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import say
from analysis.commands.count import find_usable
from analysis.lab.gate import GateReport, compare, find_in
from analysis.lab.gate.clauses import FAIL, FEW, PASS, PERSON
from analysis.lab.gate.comparing import PROTOCOL, WORDS, refuse_same
from analysis.lab.gate.locked_set_folder import read_locked_set
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import find_model, load_model

STATUS = {PASS: 0, FAIL: 3, PERSON: 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", help="the version in use: its name, or a path to weights")
    parser.add_argument("candidate", help="the version that is to follow it, likewise")
    parser.add_argument("locked", type=Path, metavar="LOCKED_FOLDER", help="the folder with locked_set.json")
    parser.add_argument("--protocol", default=PROTOCOL, metavar="NAME|FILE", help="of counts; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of in words")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write gate.json and pictures here")


def run(arguments: Namespace) -> int:
    """Compares, tells the verdict and every clause, and answers with it as exit status."""
    protocol = find_usable(arguments.protocol)
    locked = read_locked_set(arguments.locked)
    base, candidate = (load_model(find_model(name)) for name in (arguments.base, arguments.candidate))
    refuse_same(base, candidate)
    report = compare(find_in(base, locked, say), find_in(candidate, locked, say), locked, protocol)
    content = json.dumps(report.as_json(), indent=1, allow_nan=False, ensure_ascii=False)
    if arguments.out is not None:
        from analysis.lab.gate.pictures import draw_report

        draw_report(report, locked, arguments.out)
        write_atomically(arguments.out / "gate.json", (content + "\n").encode())
        say(f"{arguments.out}: gate.json and pictures")
    print(content if arguments.json else tell_report(report))  # noqa: T201
    return STATUS[report.verdict]


def tell_report(report: GateReport) -> str:
    """The report in words, a line for each clause."""
    head = f"{report.candidate['name']} against {report.base['name']}: {WORDS[report.verdict]}. {report.sentence}"
    words = {PASS: "pass", FAIL: "FAIL", PERSON: "a person", FEW: "too few"}
    lines = [f"{clause.number:>2} {words[clause.says]:9}{clause.sentence}" for clause in report.clauses]
    return "\n".join([head, f"{report.method['words']}.", *lines])
