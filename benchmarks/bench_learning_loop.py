"""Rounds of learning, and the curve of a scanner that the base has not seen: review, data set, candidate, gate."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from analysis.lab import evaluate
from analysis.lab.datasets.mitos14 import Frame
from analysis.lab.errors import DatasetRefused
from analysis.lab.evaluate import FrameScores
from analysis.lab.evaluate.frames import score_labelled
from analysis.lab.gate import Found, GateReport, compare, find_in
from analysis.lab.gate.clauses import FAIL, PASS, PERSON
from analysis.lab.gate.locked_set_folder import LockedSet
from analysis.lab.learning.data_set_folder import DataSetFolder
from analysis.lab.learning.split import is_mitosis
from analysis.lab.learning.train import CANDIDATE, train_candidate
from analysis.lab.systems.measuring import Cost
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import Model, load_model
from benchmarks.bench_learning_base import SEED, Effort, Steps, candidate_recipe
from benchmarks.bench_learning_parts import Parts
from benchmarks.bench_learning_readers import (
    READERS,
    Judged,
    Place,
    judge,
    judge_in_turn,
    places_to_judge,
    take_turns,
    write_verdicts,
)
from benchmarks.bench_learning_sides import Sides, frames_of

HONEST, HOSTILE = "honest", "hostile"
# Of the places, those on which every answer is turned.
TURNED = {HONEST: 0.0, HOSTILE: 0.2}
# Of each class, where the curve begins with a handful of verdicts.
LEAST_PLACES = 2


@dataclass(frozen=True)
class Bench:
    """What all experiments share: data, where things lie, and what may be spent. base_slides: what a candidate replays
    of `base_data`.
    """

    data: Path
    base_data: Path
    base_slides: tuple[str, ...]
    folder: Path
    effort: Effort
    steps: Steps
    parts: Parts

    def frames(self, slides: Sequence[str]) -> list[Frame]:
        return frames_of(self.data, slides, self.effort.frames)

    def score(self, model: Model, slides: Sequence[str]) -> list[FrameScores]:
        """What a version makes of slides, margins uncalibrated, slide by slide; of each it is asked once."""
        return [found for slide in slides for found in self._score_slide(model, slide)]

    def _score_slide(self, model: Model, slide: str) -> list[FrameScores]:
        path = self._kept("scores", f"{slide}-{model.sha256[:12]}")
        if not path.exists():
            self.parts.say(f"{model.name} over {slide}")
            evaluate.save_scores(score_labelled(model, self.frames([slide]), windows=False), path)
        return evaluate.load_scores(path)

    def find(self, model: Model, locked: LockedSet) -> Found:
        """What a version finds in the locked set, asked once."""
        path = self._kept("found", model.sha256[:12])
        if not path.exists():
            write_atomically(path, json.dumps(_plain(find_in(model, locked, self.parts.say))).encode())
        return _found_of(json.loads(path.read_text()))

    def _kept(self, kind: str, name: str) -> Path:
        (self.folder / kind).mkdir(exist_ok=True)
        return self.folder / kind / f"{name}.json"

    def train(self, base: Model, data: DataSetFolder, out: Path, name: str, least_places: int) -> Model:
        """The candidate of a data set; a run that was stopped goes on."""
        self.parts.say(f"training {name} from {base.name} on {len(data.rows)} places")
        recipe = candidate_recipe(self.effort, self.steps.candidate, self.base_slides, least_places)
        return load_model(
            train_candidate(base, data, recipe, out, name=name, replay=self.base_data, seed=SEED, code="benchmark")
        )


def _plain(found: Found) -> dict[str, Any]:
    told = {name: getattr(found, name) for name in ("name", "sha256", "parameters", "threshold", "repeats")}
    told |= {"frames": [frame.as_json() for frame in found.frames], "cost": found.cost and asdict(found.cost)}
    return told | {"changed": {name: [frame.as_json() for frame in each] for name, each in found.changed.items()}}


def _found_of(raw: dict[str, Any]) -> Found:
    frames = list(map(FrameScores.from_json, raw["frames"]))
    changed = {name: list(map(FrameScores.from_json, each)) for name, each in raw["changed"].items()}
    cost = Cost(**raw["cost"]) if raw["cost"] else None
    return Found(
        *(raw["name"], raw["sha256"], raw["parameters"], raw["threshold"]), frames, changed, cost, raw["repeats"]
    )


@dataclass(frozen=True)
class Measured:
    """Detection F1 of one version at its own threshold, with what it calls in each frame."""

    frames: list[FrameScores]
    kept: list[np.ndarray]
    told: dict[str, Any]


def measure(model: Model, frames: list[FrameScores]) -> Measured:
    """f1: whole frames, official matching, pooled; f1_95: over frames drawn with replacement; f1_at_best_threshold: at
    the best one for these very frames, so too good, and all that ranking alone can tell.
    """
    calibration, threshold = model.card.calibration, model.card.threshold
    best = evaluate.best_threshold(frames, calibration)
    score = evaluate.score_at_threshold(frames, calibration, threshold)
    told = {
        "f1": round(score.f1, 4),
        "f1_95": evaluate.f1_interval_by_frame(frames, calibration, threshold),
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1_at_best_threshold": round(evaluate.score_at_threshold(frames, calibration, best).f1, 4),
        "threshold": threshold,
    }
    return Measured(frames, evaluate.kept_at(frames, calibration, threshold), told)


def run_rounds(bench: Bench, base: Model, locked: LockedSet, sides: Sides, labels: str) -> list[dict]:
    """The rounds of one kind of readers, each with all verdicts so far, from the version that the one before left in
    use.
    """
    rows: list[dict] = []
    judged: list[Judged] = []
    in_use = base
    for number, slides in enumerate(sides.rounds, 1):
        name = f"{labels}-{number}"
        review = bench.parts.once(f"{name}-review", _reviewing(bench, in_use, slides, number, labels))
        judged = [*judged, *map(Judged.from_json, review["judged"])]
        reviewed = [slide for of_round in sides.rounds[:number] for slide in of_round]
        make = _round(bench, in_use, locked, name, reviewed, judged, sides.left_out)
        rows.append({"round": number, "labels": labels, "slides": reviewed} | bench.parts.once(name, make))
        if rows[-1]["activated"]:
            in_use = load_model(bench.folder / name / "run" / CANDIDATE)
    return rows


def _reviewing(bench: Bench, in_use: Model, slides: Sequence[str], number: int, labels: str) -> Callable[[], dict]:
    """Of slides that the version in use was not trained on: what all readers say."""

    def make() -> dict:
        rng = np.random.default_rng([SEED, number])
        places = _places_of(bench, in_use, slides)
        return {"judged": [each.as_json() for each in judge(places, READERS, rng, TURNED[labels])]}

    return make


def _places_of(bench: Bench, model: Model, slides: Sequence[str], rng: Generator | None = None) -> list[Place]:
    """What readers are shown and may add, field after field, in an order that is drawn where there is an `rng`."""
    fields = list(zip(bench.frames(slides), bench.score(model, slides), strict=True))
    order = range(len(fields)) if rng is None else rng.permutation(len(fields)).tolist()
    return [place for at in order for place in places_to_judge(*fields[at], bench.effort.shown_per_mm2)]


def _round(
    bench: Bench, in_use: Model, locked: LockedSet, name: str, reviewed: Sequence[str], judged: Sequence[Judged],
    left_out: Sequence[str],
) -> Callable[[], dict]:  # fmt: skip
    def make() -> dict:
        folder = bench.folder / name
        data = write_verdicts(folder / "data_set", name, judged, bench.frames(reviewed))
        candidate = bench.train(in_use, data, folder / "run", name, bench.effort.least_places)
        report = compare(bench.find(in_use, locked), bench.find(candidate, locked), locked)
        write_atomically(folder / "gate.json", json.dumps(report.as_json(), indent=1).encode())
        before, after = (measure(model, bench.score(model, left_out)) for model in (in_use, candidate))
        gain = evaluate.f1_difference(before.frames, before.kept, after.frames, after.kept)
        return {
            "verdicts": sum(len(each.says) for each in judged),
            "wrong_verdicts": sum(each.wrong for each in judged),
            "places": len(data.rows),
            "mitoses": sum(map(is_mitosis, data.rows)),
            "from": in_use.name,
            "f1_before": before.told["f1"],
            "f1_after": after.told["f1"],
            "f1_after_95": after.told["f1_95"],
            "f1_gain": gain["f1_gain"],
            "f1_gain_95": gain["f1_gain_95_bootstrap_by_frame"],
            "before": before.told,
            "after": after.told,
            "gate": gate_row(report),
            "activated": is_accepted(report),
        }

    return make


def gate_row(report: GateReport) -> dict[str, Any]:
    by_answer = {
        says: [clause.code for clause in report.clauses if clause.says == says] for says in (PASS, PERSON, FAIL)
    }
    plain = {"verdict": report.verdict, "sentence": report.sentence, "failed": by_answer[FAIL]}
    return plain | {"asked": by_answer[PERSON], "passed": by_answer[PASS]}


def is_accepted(report: GateReport) -> bool:
    """What passes comes into use; of what needs a person, a person here accepts what fails no clause; nothing else."""
    failed = any(clause.says == FAIL for clause in report.clauses)
    return report.verdict == PASS or (report.verdict == PERSON and not failed)


def run_curve(bench: Bench, base: Model, sides: Sides) -> list[dict]:
    """F1 on a scanner's other slides after so many verdicts on the reviewed ones, one reader for each place; the first
    row is the base's own.
    """
    [slides] = sides.rounds
    review = bench.parts.once("curve-review", _reviewing_in_turn(bench, base, slides))
    judged = list(map(Judged.from_json, review["judged"]))
    rows = [bench.parts.once("curve-0", lambda: _unlearned(bench, base, sides))]
    for count in bench.effort.verdicts:
        name = f"curve-{count}"
        rows.append(bench.parts.once(name, _learning(bench, base, sides, name, judged[:count])))
    return rows


def _unlearned(bench: Bench, base: Model, sides: Sides) -> dict:
    told = measure(base, bench.score(base, sides.left_out)).told
    return {"verdicts": 0, "wrong_verdicts": 0, "mitoses": 0} | told


def _reviewing_in_turn(bench: Bench, base: Model, slides: Sequence[str]) -> Callable[[], dict]:
    """A place of each slide in turn, its fields in an order that is drawn, so that few verdicts are of all slides."""

    def make() -> dict:
        rng = np.random.default_rng([SEED, 0])
        places = take_turns([_places_of(bench, base, [slide], rng) for slide in slides])
        return {"judged": [each.as_json() for each in judge_in_turn(places, READERS, rng)]}

    return make


def _learning(bench: Bench, base: Model, sides: Sides, name: str, judged: Sequence[Judged]) -> Callable[[], dict]:
    def make() -> dict:
        folder, [slides] = bench.folder / name, sides.rounds
        data = write_verdicts(folder / "data_set", name, judged, bench.frames(slides))
        counted = {
            "verdicts": sum(len(each.says) for each in judged),
            "wrong_verdicts": sum(each.wrong for each in judged),
            "mitoses": sum(map(is_mitosis, data.rows)),
        }
        try:
            candidate = bench.train(base, data, folder / "run", name, LEAST_PLACES)
        except DatasetRefused as refused:
            # So few verdicts may be of one class on a slide, which a person would be told as well.
            return counted | {"f1": None, "f1_95": None, "refused": str(refused)}
        return counted | measure(candidate, bench.score(candidate, sides.left_out)).told

    return make
