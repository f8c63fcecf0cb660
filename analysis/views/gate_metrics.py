"""What a report of the gate measured of both of its versions, in the form that cards have: a candidate's own card holds
nothing that was measured on whole slides.
"""

import numpy as np
from django.db.models import Q

from analysis.models import GateReport, ModelVersion
from analysis.views.gate_rows import list_rows

FALSE_PER_MM2 = (5, 10, 20, 50)  # as cards have them, worked out alike: linearly between points


def find_report_of_both(first: ModelVersion, second: ModelVersion) -> GateReport | None:
    """The newest that is done, whichever of them was held against the other."""
    either = Q(candidate=first, base=second) | Q(candidate=second, base=first)
    return GateReport.objects.filter(either).done().order_by("-done").first()


def name_locked_set(report: GateReport) -> str:
    locked, method = report.report["locked"], report.report["method"]["words"]
    cases = "1 case" if locked["cases"] == 1 else f"{locked['cases']} cases"
    return f"{cases}, {locked['mitoses']} mitoses that two readers agree on, {locked['area_mm2']:.2f} mm²; {method}"


def map_figures(report: GateReport, model: ModelVersion) -> dict[str, str]:
    """The figure of each clause, by its title; empty where a clause measures none of it."""
    side = _side_of(report, model)
    return {row.title: getattr(row, side) for row in list_rows(report.report, {}) if row.candidate}


def as_card_report(report: GateReport, model: ModelVersion) -> dict:
    """Curves as a card holds them, to be drawn alike."""
    locked, curves = report.report["locked"], report.report["curves"].get(_side_of(report, model), {})
    line = curves.get("froc")
    recalls = {
        str(most): round(float(np.interp(most, line["false_per_mm2"], line["recall"], left=0.0)), 4)
        for most in (FALSE_PER_MM2 if line else ())
    }
    return {
        "detection": {},
        "mitoses": locked["mitoses"],
        "area_mm2": locked["area_mm2"],
        "froc": {"recall_at_false_per_mm2": recalls},
        "calibration": {"reliability": curves.get("reliability", [])},
    }


def _side_of(report: GateReport, model: ModelVersion) -> str:
    return "candidate" if report.candidate_id == model.pk else "base"
