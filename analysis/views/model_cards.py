"""What a model's card says, in words and figures for the models pages. Every figure names its data and matching."""

import re
from dataclasses import dataclass

from analysis.models import ModelVersion

# Thresholds carried over from other slides come first: the same figures with one fitted on the slides are too good.
DEVELOPMENT, LEFT_OUT = "development", "left_out"
TITLES = {DEVELOPMENT: "One slide left out at a time", LEFT_OUT: "Slides left out of training"}
RELIABLE = 50  # a figure from fewer labelled mitoses is shown with an open ring
HEADINGS = ("Meant for", "Not meant for", "Known faults")


@dataclass(frozen=True)
class Figure:
    """One measured number: what, how much, how sure, and from what."""

    title: str
    value: str
    interval: str = ""
    fact: str = ""


@dataclass(frozen=True)
class Bar:
    """One line of the F1 chart. Numbers in [0, 1]; low and high are None where no interval was measured."""

    label: str
    f1: float
    figures: int
    low: float | None = None
    high: float | None = None
    is_total: bool = False

    @property
    def reliable(self) -> bool:
        return self.figures >= RELIABLE


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on one set of slides."""

    name: str
    fact: str
    figures: list[Figure]
    bars: list[Bar]


def detection_f1(model: ModelVersion) -> Figure | None:
    """The figure to quote: whole frames of slides that were left out of training."""
    report = _quoted(model)
    return _detection(report) if report else None


def patch_f1(model: ModelVersion) -> Figure | None:
    report = _quoted(model)
    return _patch(report) if report else None


def evaluations(model: ModelVersion) -> list[Evaluation]:
    """The left-out slides first, then what was reported besides."""
    names = sorted(model.card.get("metrics") or {}, key=lambda name: (name not in TITLES, name))
    return [_evaluation(name, report) for name in names if (report := _report(model, name))]


def _quoted(model: ModelVersion) -> dict | None:
    return _report(model, DEVELOPMENT) or _report(model, LEFT_OUT)


def _report(model: ModelVersion, name: str) -> dict | None:
    report = (model.card.get("metrics") or {}).get(name)
    return report if isinstance(report, dict) and "detection" in report else None


def _evaluation(name: str, report: dict) -> Evaluation:
    slides = ", ".join(report.get("slides", []))
    title = TITLES.get(name, f"Reported on {slides or name}")
    fact = f"{slides}; {report['mitoses']} labelled mitoses in {report['frames']} frames; {_protocol(report)}"
    figures = [_detection(report), _patch(report), _recall(report), _calibration(report)]
    return Evaluation(title, fact, [figure for figure in figures if figure], _bars(report))


def _protocol(report: dict) -> str:
    return str(report.get("protocol", "protocol not named")).replace(" um", " µm")


def _detection(report: dict) -> Figure:
    found = report["detection"]
    fact = f"whole frames, 7.5 µm, {report['mitoses']} mitoses"
    return Figure("Detection F1", _two(found["f1"]), _range(_interval(found)), fact)


def _patch(report: dict) -> Figure | None:
    # With the margin of the other slides where there is one, as the detection F1 beside it.
    if not (patch := report.get("patch_margin_carried_over") or report.get("patch")):
        return None
    return Figure(
        "Patch F1", _two(patch["f1"]), "", f"centred patches, {patch['prevalence']:.0%} mitoses".replace("%", " %")
    )


def _recall(report: dict) -> Figure | None:
    recall = report.get("candidate_recall_7_5_um")
    return None if recall is None else Figure("Candidate recall", f"{recall:.3f}", "", "before scoring, 7.5 µm")


def _calibration(report: dict) -> Figure | None:
    error = report.get("calibration_error")
    return None if error is None else Figure("Calibration error", f"{error:.3f}", "", "10 bins, all detections")


def _bars(report: dict) -> list[Bar]:
    """All slides first; empty where there is only one."""
    low, high = _interval(report["detection"]) or (None, None)
    by_slide = report.get("detection_by_slide") or {}
    if len(by_slide) < 2:
        return []
    total = Bar("All slides", report["detection"]["f1"], report["mitoses"], low, high, is_total=True)
    return [total, *(Bar(slide, found["f1"], found["tp"] + found["fn"]) for slide, found in sorted(by_slide.items()))]


def _interval(found: dict):
    """Of F1: by case where there are several, else by frame."""
    return found.get("f1_95_bootstrap_by_case") or found.get("f1_95_bootstrap_by_frame")


def _two(value: float) -> str:
    return f"{value:.2f}"


def _range(pair) -> str:
    return f"{pair[0]:.2f} to {pair[1]:.2f}" if pair else ""


def facts(model: ModelVersion) -> list[tuple[str, str]]:
    """The card in lines of name and value."""
    card = model.card
    rows = [
        ("Network", f"{card.get('architecture', 'unknown')}, {card.get('stem_activation', '')} stem"),
        ("Parameters", f"{model.parameters:,}"),
        ("Patch", f"{card.get('patch_px')} × {card.get('patch_px')} px, {card.get('mpp')} µm/px"),
        ("Normaliser", str(card.get("normaliser", ""))),
        ("Threshold", f"{model.threshold:g}, best F1 on slides left out"),
        ("Floor", f"{card.get('floor', 0):g}"),
    ]
    calibration = card.get("calibration") or {}
    if calibration:
        rows.append(("Temperature", f"{calibration.get('temperature', 1):g}, bias {calibration.get('bias', 0):g}"))
    rows.append(("Grad-CAM", str(card.get("target_layer", ""))))
    rows.append(("Licence", str(card.get("licence", ""))))
    return rows


def notes(model: ModelVersion) -> dict[str, list[str]]:
    """The card's notes under their headings: lines that begin with "Meant for:" and the like, parts divided by ";"."""
    found: dict[str, list[str]] = {
        "Meant for": ["Finding mitotic figures for a reader to judge", f"H&E at about {model.card.get('mpp')} µm/px"],
        "Not meant for": ["A count without a reader", "Diagnosis: research use only"],
    }
    for line in str(model.card.get("notes") or "").splitlines():
        heading, _, rest = line.partition(":")
        known = heading.strip() in HEADINGS
        parts = re.split(r";\s*", rest if known else line)
        found.setdefault(heading.strip() if known else "Notes", []).extend(
            part.strip() for part in parts if part.strip()
        )
    return found
