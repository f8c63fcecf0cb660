"""Does the loop learn, and does the gate stop who poisons it: verdicts, data set, candidate, gate, activation.

    make bench-learning        (python -m benchmarks.bench_learning [--minutes N] [--quick] [--data DIR] [--out DIR])

Scripted readers with a known error rate (`bench_learning_readers.READERS`) judge what a version finds on slides that it
has not seen. The base is trained here, for a short time and on one slide (`bench_learning_base`), since the version
that ships has seen all of them. No glass is on two sides (`bench_learning_sides`); H05 is on none.

    rounds          three, each with further slides: all verdicts so far become a data set, that a candidate, which the
                    gate holds against the version in use on the locked set. What passes comes into use; where the gate
                    asks for a person, one here accepts what fails no clause; what fails does not. Once with honest
                    readers, once with every answer turned on a fifth of the places. F1 is of the left-out slides.
    scanner_curve   candidates of the base, which has seen nothing of Aperio, after 20, 50, 100 and 200 verdicts on two
                    slides of that scanner, one reader for each place: F1 on two others.

F1 is detection F1 on whole frames at a version's own threshold, official matching within 7.5 µm, pooled; its intervals
draw frames, and are too narrow for new slides. The labels of the data folder are the truth. So short a base gains by
more training alone, too: how much of a gain are the verdicts is seen beside the hostile readers', who train as long.

All of it takes `--minutes` (165) at most on a machine that does nothing else: the first start measures what a step
takes and gives each training so many that they fit, 900 of the finder, 640 of 64 windows of the base and 160 of 32 of
each of ten candidates where there is time. Beside them go, together as long as 120,000 windows

    reading the base's data, and its windows' hardness     once, and for each candidate
    held-out places                                        nine looks for each candidate
    the locked set, four times over                        3 to 7 versions, 5.0 mm² each time
    the left-out slides                                    3 to 7 versions, 9.9 mm², and 5 of 3.4 mm²
    the reviewed slides                                    once for each kind of readers, 10.3 mm², and 3.9 mm²

Each finished part is a file under `var/bench/learning/`, trainings have checkpoints, and a run that was killed anywhere
goes on when it is started again. To begin anew, remove that folder. Written to var/bench/learning.json and
learning.png.

`--quick` goes the whole way in some minutes with a handful of frames and steps. It has files of its own
(learning-quick), is marked so, and ranks nothing.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.commands.common import add_data
from analysis.lab.learning.candidate import machine_record
from analysis.lab.train import TrainingStopped, join_world
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import Model, load_model
from analysis.pipeline.errors import PipelineRefused
from benchmarks.bench_learning_base import BASE_FILE, FULL, QUICK, SEED, Effort, Steps, make_base, plan_steps
from benchmarks.bench_learning_loop import HONEST, HOSTILE, TURNED, Bench, measure, run_curve, run_rounds
from benchmarks.bench_learning_parts import Parts
from benchmarks.bench_learning_readers import READERS
from benchmarks.bench_learning_report import compare_with_expected, draw_report, format_report
from benchmarks.bench_learning_sides import CURVE, LOOP, make_base_data, make_locked_set, told_frames

OUT = Path(__file__).resolve().parents[1] / "var" / "bench"
SCHEMA = 1
METHOD = (
    "Detection F1 on whole frames at each version's own threshold, official matching within 7.5 µm, pooled; 95 % "
    "intervals over frames drawn with replacement."
)


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the whole way with tiny budgets; ranks nothing")
    parser.add_argument("--minutes", type=float, default=165.0, help="for all of it; default: %(default)g")
    parser.add_argument("--out", type=Path, default=OUT, help="where results and parts lie; default: var/bench")
    add_data(parser)
    arguments = parser.parse_args()
    name = "learning-quick" if arguments.quick else "learning"
    try:
        report = run(arguments.data, arguments.out / name, arguments.minutes, arguments.quick)
    except (PipelineRefused, TrainingStopped) as error:
        sys.exit(str(error))
    write_atomically(arguments.out / f"{name}.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    draw_report(report, arguments.out / f"{name}.png")
    print(format_report(report))


def run(data: Path, folder: Path, minutes: float, quick: bool) -> dict[str, Any]:
    """All that the file says; goes on with what lies in the folder."""
    effort = QUICK if quick else FULL
    settings = {"schema": SCHEMA, "quick": quick, "seed": SEED, "effort": asdict(effort)}
    settings |= {"loop": asdict(LOOP), "curve": asdict(CURVE), "readers": [asdict(reader) for reader in READERS]}
    parts = Parts(folder, settings, say)
    base_data = make_base_data(data, folder / "base-data", LOOP.base, effort.frames, effort.crops_at_most)
    steps = _plan(parts, effort, base_data, minutes, quick)
    told = told_frames(data, LOOP.base, effort.frames)
    made = parts.once("base", lambda: _describe(make_base(folder / "base", base_data, LOOP.base, steps, effort, told)))
    base = load_model(folder / "base" / BASE_FILE)
    bench = Bench(data, base_data, LOOP.base, folder, effort, steps, parts)
    locked = make_locked_set(data, folder / "locked", LOOP.locked, effort.frames)
    rounds = [row for labels in (HONEST, HOSTILE) for row in run_rounds(bench, base, locked, LOOP, labels)]
    curve = run_curve(bench, base, CURVE)
    about = parts.once("base-left-out", lambda: measure(base, bench.score(base, LOOP.left_out)).told)
    with join_world() as world:
        machine = machine_record(world.device) | {"cores": os.cpu_count()}
    return {
        "quick": quick,
        "machine": machine,
        "seconds": parts.seconds(),
        "method": METHOD,
        "base": about | made | {"slides": list(LOOP.base)},
        "locked": {"slides": list(LOOP.locked), "mitoses": locked.mitoses, "area_mm2": round(locked.area_mm2, 3)},
        "left_out": {"rounds": list(LOOP.left_out), "scanner_curve": list(CURVE.left_out)},
        "readers": [asdict(reader) for reader in READERS],
        "turned": TURNED,
        "rounds": rounds,
        "scanner_curve": curve,
        "expected": [] if quick else compare_with_expected(rounds, curve, about["f1"]),
    }


def _plan(parts: Parts, effort: Effort, base_data: Path, minutes: float, quick: bool) -> Steps:
    """Steps of all trainings: measured once, and kept by a run that goes on."""
    if quick:
        return Steps(effort.finder_steps, effort.base_steps, effort.candidate_steps)
    trainings = 2 * len(LOOP.rounds) + len(effort.verdicts)
    plan = parts.once("plan", lambda: plan_steps(effort, LOOP.base, base_data, minutes, trainings))
    say(f"steps of finder, base and each candidate: {plan['steps']}")
    return Steps(*plan["steps"])


def _describe(base: Model) -> dict[str, Any]:
    card = base.card
    training = card.training
    return {
        "name": base.name,
        "sha256": base.sha256,
        "threshold": card.threshold,
        "finder_threshold": card.finder.threshold if card.finder else None,
        "steps": training["steps_done"],
        "finder_steps": training["finder"]["steps_done"],
        "computed_in": training["computed_in"],
    }


if __name__ == "__main__":
    main()
