"""All clauses together, and what they say: pass, fail, or needs a person."""

from dataclasses import dataclass, field
from typing import Any

from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.evaluate.detection import probabilities_of
from analysis.lab.evaluate.reports import curve_points
from analysis.lab.gate import clauses as judging
from analysis.lab.gate import counting
from analysis.lab.gate.changes import cases_of
from analysis.lab.gate.clauses import FAIL, FEW, PASS, PERSON, Clause
from analysis.lab.gate.draws import CASE, DRAWS, FRAME
from analysis.lab.gate.flips import Flip, list_flips
from analysis.lab.gate.found import Found
from analysis.lab.gate.locked_set_folder import LockedSet
from analysis.lab.tolerances import LEAST_CASES, LEAST_MITOSES
from analysis.pipeline.cards.store import Model
from analysis.pipeline.count.protocols import Protocol, find_protocol
from analysis.pipeline.errors import PipelineRefused

SCHEMA = 1
PROTOCOL = "nottingham-area"
WORDS = {PASS: "passed", FAIL: "failed", PERSON: "needs a person"}


@dataclass(frozen=True)
class GateReport:
    """verdict: pass, fail or person; sentence: why; small: why the locked set is too small to decide, "" where it is
    not, which no look at a single clause settles; curves: FROC and calibration of both, JSON-able.
    """

    base: dict[str, Any]
    candidate: dict[str, Any]
    locked: dict[str, Any]
    method: dict[str, Any]
    clauses: list[Clause]
    flips: list[Flip]
    verdict: str
    sentence: str
    small: str = ""
    curves: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("base", "candidate", "locked", "method")}
        judged = {name: getattr(self, name) for name in ("verdict", "sentence", "small")}
        return (
            {"schema": SCHEMA}
            | plain
            | judged
            | {"clauses": [clause.as_json() for clause in self.clauses]}
            | {"flips": [flip.as_json() for flip in self.flips], "curves": self.curves}
        )


def compare(base: Found, candidate: Found, locked: LockedSet, protocol: Protocol | None = None) -> GateReport:
    """Judges a candidate against a base by what both found in a locked set, counts by `protocol` (2 mm² and the
    Nottingham scores where none is given). Deterministic.

    Raises PipelineRefused where the two are not of the same frames, or are the same version.
    """
    names = [[frame.frame for frame in found.frames] for found in (base, candidate)]
    if names[0] != names[1] or len(names[0]) != len(locked.frames):
        raise PipelineRefused("Two versions are compared on the same frames in the same order; these differ.")
    refuse_same(base, candidate)
    protocol = protocol or find_protocol(PROTOCOL)
    flips = list_flips(base, candidate, locked)
    found = [
        judging.judge_f1(base, candidate),
        *judging.judge_domains(base, candidate),
        judging.judge_recall(base, candidate),
        judging.judge_poor(base, candidate),
        judging.judge_candidates(base, candidate),
        judging.judge_calibration(base, candidate),
        judging.judge_counts(counting.count_slides(base, candidate, locked, protocol), protocol),
        judging.judge_flips(flips, cases_of(base.frames)),
        *judging.judge_changed(base, candidate),
        *judging.judge_cost(base, candidate),
    ]
    small = why_too_small(locked)
    verdict, sentence = conclude(found, small)
    curves = {"base": _curves(base), "candidate": _curves(candidate)}
    about = _about(base), _about(candidate), _about_set(locked), _method(locked, protocol)
    return GateReport(*about, found, flips.rows, verdict, sentence, small, curves)


def refuse_same(base: Found | Model, candidate: Found | Model) -> None:
    """Raises PipelineRefused for two versions of the same weights."""
    if base.sha256 == candidate.sha256:
        raise PipelineRefused(f"{candidate.name} has the weights of {base.name}; there is nothing to compare.")


def why_too_small(locked: LockedSet) -> str:
    """A sentence where a locked set may not decide, else nothing."""
    cases, mitoses = len(locked.cases), locked.mitoses
    if cases >= LEAST_CASES and mitoses >= LEAST_MITOSES:
        return ""
    some = f"{cases} case{'' if cases == 1 else 's'} and {mitoses} agreed mitos{'is' if mitoses == 1 else 'es'}"
    return f"The locked set holds {some}; it decides from {LEAST_CASES} cases and {LEAST_MITOSES} mitoses on."


def conclude(clauses: list[Clause], small: str) -> tuple[str, str]:
    """The verdict and its sentence. What fails is named also where the set is too small to decide."""
    judged = [clause for clause in clauses if clause.says != FEW]
    failed = [clause.title for clause in judged if clause.says == FAIL]
    asked = [clause.title for clause in judged if clause.says == PERSON]
    passed = sum(clause.says == PASS for clause in judged)
    told = f"{passed} of {len(judged)} clauses passed."
    told += f" Failed: {'; '.join(failed)}." if failed else ""
    told += f" A person is asked: {'; '.join(asked)}." if asked else ""
    if small:
        return PERSON, f"{small} {told}"
    return (FAIL if failed else PERSON if asked else PASS), told


def _about(found: Found) -> dict[str, Any]:
    return {"name": found.name, "sha256": found.sha256, "parameters": found.parameters, "threshold": found.threshold}


def _about_set(locked: LockedSet) -> dict[str, Any]:
    counted = {"cases": len(locked.cases), "frames": len(locked.frames), "mitoses": locked.mitoses}
    return {"hash": locked.hash} | counted | {"area_mm2": round(locked.area_mm2, 3)}


def _method(locked: LockedSet, protocol: Protocol) -> dict[str, Any]:
    unit = CASE if len(locked.cases) > 1 else FRAME
    words = f"whole frames, official matching within 7.5 µm, paired bootstrap by {unit}, {DRAWS:,} draws"
    return {"words": words, "unit": unit, "draws": DRAWS, "protocol": protocol.name}


def _curves(found: Found) -> dict[str, Any]:
    points = curve_points(found.frames, probabilities_of(found.frames, UNCALIBRATED), found.kept)
    return {name: points[name] for name in ("froc", "reliability")}
