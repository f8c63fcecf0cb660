"""Reports of the gate as its job leaves them."""

from typing import Any

from django.utils import timezone

from analysis.models import GateReport, ModelVersion
from analysis.services.learning import locked_set

MEASURED = {"base": 0.7, "candidate": 0.72, "change": 0.02, "low": -0.01, "high": 0.05, "kind": "difference"}


def clause(code: str = "f1", says: str = "pass", number: int = 1, **values) -> dict[str, Any]:
    plain = {
        "code": code,
        "number": number,
        "title": f"Clause {code}",
        "sentence": f"It is so of {code}.",
        "says": says,
    }
    return plain | {"bound": "at least −0.01", "limit": -0.01, "measured": dict(MEASURED), "more": {}} | values


def told(verdict: str, clauses: list[dict], small: str = "") -> dict[str, Any]:
    about = {"name": "x", "sha256": "0" * 64, "parameters": 1, "threshold": 0.3}
    return {
        "verdict": verdict,
        "sentence": f"{len(clauses)} clauses were judged.",
        "small": small,
        "base": about,
        "candidate": about,
        "locked": {"hash": "1" * 64, "cases": 3, "frames": 4, "mitoses": 60, "area_mm2": 2.5},
        "method": {"words": "whole frames", "unit": "case", "draws": 2000, "protocol": "nottingham-area"},
        "clauses": clauses,
        "flips": [],
        "curves": {},
        "pictures": {"f1": "f1.png", "froc": "froc.png", "calibration": "calibration.png"},
    }


def made_report(
    candidate: ModelVersion,
    base: ModelVersion,
    verdict: str = "pass",
    clauses: list[dict] | None = None,
    small: str = "",
) -> GateReport:
    """A report that is done, by whose clauses it is told."""
    found = told(verdict, [clause()] if clauses is None else clauses, small)
    return GateReport.objects.create(
        candidate=candidate,
        base=base,
        look=locked_set.record_look("a look of a test", "1" * 64),
        verdict=verdict,
        sentence=found["sentence"],
        report=found,
        done=timezone.now(),
    )
