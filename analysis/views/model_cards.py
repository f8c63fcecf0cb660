"""What a model's card says, in words and metrics for the models pages. Every metric names its data and matching."""

import re
from dataclasses import dataclass

from analysis.models import ModelVersion
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import CASCADE, find_network, kind_of_version
from mitoweb.lib.natural_order import natural_key

# Thresholds carried over from other slides come first: the same metrics with one fitted on the slides are too good.
DEVELOPMENT, LEFT_OUT = "development", "left_out"
TITLES = {DEVELOPMENT: "One slide left out at a time", LEFT_OUT: "Slides left out of training"}
RELIABLE = 50  # a metric from fewer labelled mitoses is shown with an open ring
HEADINGS = ("Meant for", "Not meant for", "Known faults")


@dataclass(frozen=True)
class Metric:
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
    mitoses: int
    low: float | None = None
    high: float | None = None
    is_total: bool = False

    @property
    def is_reliable(self) -> bool:
        return self.mitoses >= RELIABLE


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on one set of slides."""

    name: str
    fact: str
    metrics: list[Metric]
    bars: list[Bar]


def detection_f1(model: ModelVersion) -> Metric | None:
    """The metric to quote: whole frames of slides that were left out of training."""
    report = _find_quoted_report(model)
    return _make_detection_f1(report) if report else None


def patch_f1(model: ModelVersion) -> Metric | None:
    report = _find_quoted_report(model)
    return _make_patch_f1(report) if report else None


def list_evaluations(model: ModelVersion) -> list[Evaluation]:
    """The left-out slides first, then what was reported besides."""
    names = sorted(model.card.get("metrics") or {}, key=lambda name: (name not in TITLES, name))
    return [_make_evaluation(name, report) for name in names if (report := _find_report(model, name))]


def _find_quoted_report(model: ModelVersion) -> dict | None:
    return _find_report(model, DEVELOPMENT) or _find_report(model, LEFT_OUT)


def _find_report(model: ModelVersion, name: str) -> dict | None:
    report = (model.card.get("metrics") or {}).get(name)
    return report if isinstance(report, dict) and "detection" in report else None


def _make_evaluation(name: str, report: dict) -> Evaluation:
    slides = ", ".join(report.get("slides", []))
    protocol = str(report.get("protocol", "protocol not named")).replace(" um", " µm")
    title = TITLES.get(name, f"Reported on {slides or name}")
    fact = f"{slides}; {report['mitoses']} labelled mitoses in {report['frames']} frames; {protocol}"
    metrics = [_make_detection_f1(report)]
    if patch := _make_patch_f1(report):
        metrics.append(patch)
    if (recall := report.get("candidate_recall_7_5_um")) is not None:
        metrics.append(Metric("Candidate recall", f"{recall:.3f}", "", "before scoring, 7.5 µm"))
    if (error := report.get("calibration_error")) is not None:
        metrics.append(Metric("Calibration error", f"{error:.3f}", "", "10 bins, all detections"))
    return Evaluation(title, fact, metrics, _make_bars(report))


def _make_detection_f1(report: dict) -> Metric:
    found = report["detection"]
    fact = f"whole frames, 7.5 µm, {report['mitoses']} mitoses"
    pair = _find_interval(found)
    interval = f"{pair[0]:.2f} to {pair[1]:.2f}" if pair else ""
    return Metric("Detection F1", f"{found['f1']:.2f}", interval, fact)


def _make_patch_f1(report: dict) -> Metric | None:
    # With the margin of the other slides where there is one, as the detection F1 beside it.
    if not (patch := report.get("patch_margin_carried_over") or report.get("patch")):
        return None
    return Metric(
        "Patch F1", f"{patch['f1']:.2f}", "", f"centred patches, {patch['prevalence']:.0%} mitoses".replace("%", " %")
    )


def _make_bars(report: dict) -> list[Bar]:
    """All slides first; empty where there is only one."""
    low, high = _find_interval(report["detection"]) or (None, None)
    by_slide = report.get("detection_by_slide") or {}
    if len(by_slide) < 2:
        return []
    total = Bar("All slides", report["detection"]["f1"], report["mitoses"], low, high, is_total=True)
    ordered = sorted(by_slide.items(), key=lambda named: natural_key(named[0]))
    return [total, *(Bar(slide, found["f1"], found["tp"] + found["fn"]) for slide, found in ordered)]


def _find_interval(found: dict):
    """Of F1: by case where there are several, else by frame."""
    return found.get("f1_95_bootstrap_by_case") or found.get("f1_95_bootstrap_by_frame")


def list_card_facts(model: ModelVersion) -> list[tuple[str, str]]:
    """The card in lines of name and value."""
    card = model.card
    rows = [
        ("Network", describe_network(card)),
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


def describe_network(card: dict) -> str:
    """ "cascade of finder and hybrid, relu6 stem"; a network that this version does not know by its name alone."""
    name, has_finder = card.get("architecture", "unknown"), bool(card.get("finder"))
    try:
        kind = kind_of_version(name, has_finder)
        stem = f", {card['stem_activation']} stem" if find_network(name).stem_activations else ""
    except PipelineRefused:
        return name
    return f"{kind} of finder and {name}{stem}" if kind == CASCADE else f"{name}, {kind}{stem}"


def list_card_notes(model: ModelVersion) -> dict[str, list[str]]:
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
