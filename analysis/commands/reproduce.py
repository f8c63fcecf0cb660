"""`mitosis reproduce`: the whole chain from data to docs/MODEL.md, from one configuration file.

    mitosis reproduce analysis/lab/configs/reproduce.toml --document docs/MODEL.md
    mitosis reproduce analysis/lab/configs/reproduce.toml --quick          whether it all runs, in two minutes
    mitosis reproduce analysis/lab/configs/reproduce.toml --stages finder train --threads 2 --hours 6
    mitosis reproduce analysis/lab/configs/reproduce.toml --stages evaluation card --document docs/MODEL.md

What is finished is not done again; a chain that was stopped goes on when the same command is given again.
"""

import argparse
import math
import signal
import time
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import add_data, add_runs, say
from analysis.commands.train import add_machine, use_threads
from analysis.lab.reproduce.chain import Chain
from analysis.lab.reproduce.chain import run_stages as run_chain
from analysis.lab.reproduce.document import render_document
from analysis.lab.reproduce.metrics import Metrics
from analysis.lab.reproduce.plan import read_plan
from analysis.lab.reproduce.quick import make_small_data, quick_plan
from analysis.lab.reproduce.stages import all_stages, choose_stages
from analysis.lab.train.loop import Watcher
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused

OUT_DEFAULT = "var/reproduce"
NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a TOML file, see analysis/lab/configs/reproduce.toml")
    parser.add_argument("--quick", action="store_true", help="the same chain on a few frames and crops, tiny budgets")
    parser.add_argument(
        "--stages", nargs="+", default=[], metavar="STAGE", help="only these; `none` only renders the document"
    )
    parser.add_argument(
        "--look-at-h05", action="store_true", help="score the report slide; each look is counted in the card"
    )
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="fill the figures of this Markdown file, as of docs/MODEL.md"
    )
    parser.add_argument("--out", type=Path, default=Path(OUT_DEFAULT), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="for the model version; default: weights in --out")
    parser.add_argument(
        "--hours",
        type=float,
        default=0.0,
        metavar="H",
        help="stop after so long, to go on later; default: never",
    )
    add_machine(parser)
    add_data(parser)
    add_runs(parser)


def run(arguments: Namespace) -> int:
    """Runs what is not finished, then fills the document."""
    use_threads(arguments.threads)
    plan, out = read_plan(arguments.config), arguments.out
    data, runs, weights = arguments.data, arguments.runs, arguments.weights or out / "weights"
    if arguments.quick:
        if arguments.look_at_h05:
            raise PipelineRefused("A quick chain has no model worth a look at H05; leave out --look-at-h05.")
        plan, out = quick_plan(plan), out / "quick"
        data, runs, weights = make_small_data(data, out / "data"), out / "runs", out / "weights"
    chain = Chain(plan, data, runs, out, weights, arguments.device, stop_after(arguments.hours))
    if arguments.stages != [NONE]:
        found = choose_stages(all_stages(chain, say, report=arguments.look_at_h05), arguments.stages)
        done = run_chain(chain, found, say)
        say(f"{len(done)} of {len(found)} stages done, the others were finished before")
    if arguments.document:
        fill_document(arguments.document, chain, in_place=not arguments.quick)
    return 0


def stop_after(hours: float) -> Watcher:
    """Ends a training like Ctrl-C, whole and resumable, once the hours are over; 0 for never."""
    until = time.monotonic() + hours * 3600 if hours else math.inf

    def watch(_step: int, _loss: float) -> None:
        if time.monotonic() >= until:
            signal.raise_signal(signal.SIGINT)

    return watch


def fill_document(document: Path, chain: Chain, in_place: bool = True) -> Path:
    """Fills the metrics of a document, and lays their files into the folder `model` beside it: in place, or both in the
    chain's own folder. Returns where the document was written.
    """
    target = document if in_place else chain.out / document.name
    folder = target.parent / "model"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(chain.metrics_folder.glob("*.json")):
        write_atomically(folder / path.name, path.read_bytes())
    text, missing = render_document(document.read_text(), Metrics.at(folder, chain.released.with_suffix(".json")))
    write_atomically(target, text.encode())
    say(f"{target} is filled" + (f"; not measured yet: {', '.join(missing)}" if missing else ""))
    return target
