"""What a model's card says, in words and metrics for the models pages. Every metric names its data and matching."""

import re
from dataclasses import dataclass

from analysis.models import ModelVersion
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import PATCH_CLASSIFIER, find_network, kind_of_version
from analysis.services.model_versions import list_meant_for
from analysis.views.model_plots import (
    BarChart,
    Plot,
    draw_calibration,
    draw_charts,
    draw_precision_recall,
    find_interval,
    list_measured_faults,
)

# Thresholds carried over from other slides come first: the same metrics with one fitted on the slides are too good.
DEVELOPMENT, LEFT_OUT = "development", "left_out"
TITLES = {DEVELOPMENT: "One slide left out at a time", LEFT_OUT: "Slides left out of training"}
HEADINGS = ("Meant for", "Not meant for", "Known faults")


@dataclass(frozen=True)
class Metric:
    """One measured number: what, how much, how sure, and from what."""

    title: str
    value: str
    interval: str = ""
    fact: str = ""


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on one set of slides."""

    name: str
    fact: str
    metrics: list[Metric]
    charts: list[BarChart]
    plots: list[Plot]


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
    plots = [draw_precision_recall(report), draw_calibration(report)]
    return Evaluation(title, fact, list_metrics(report), draw_charts(report), plots)


def map_reports(model: ModelVersion) -> dict[str, dict]:
    """What was measured, by the name of the set of slides."""
    return {name: report for name in model.card.get("metrics") or {} if (report := _find_report(model, name))}


def list_metrics(report: dict) -> list[Metric]:
    """The numbers of one set of slides, the one to quote first."""
    metrics = [_make_detection_f1(report)]
    if patch := _make_patch_f1(report):
        metrics.append(patch)
    if (recall := report.get("candidate_recall_7_5_um")) is not None:
        metrics.append(Metric("Candidate recall", f"{recall:.3f}", "", "before scoring, 7.5 µm"))
    if (error := report.get("calibration_error")) is not None:
        metrics.append(Metric("Calibration error", f"{error:.3f}", "", "10 bins, all detections"))
    return metrics


def _make_detection_f1(report: dict) -> Metric:
    found = report["detection"]
    fact = f"whole frames, 7.5 µm, {report['mitoses']} mitoses"
    pair, _ = find_interval(found)
    interval = f"{pair[0]:.2f} to {pair[1]:.2f}" if pair else ""
    return Metric("Detection F1", f"{found['f1']:.2f}", interval, fact)


def _make_patch_f1(report: dict) -> Metric | None:
    # With the margin of the other slides where there is one, as the detection F1 beside it.
    if not (patch := report.get("patch_margin_carried_over") or report.get("patch")):
        return None
    return Metric(
        "Patch F1", f"{patch['f1']:.2f}", "", f"centred patches, {patch['prevalence']:.0%} mitoses".replace("%", " %")
    )


def list_card_facts(model: ModelVersion) -> list[tuple[str, str]]:
    """The card in lines of name and value."""
    card = model.card
    rows = [
        ("Network", describe_network(card)),
        ("Parameters", f"{model.parameters:,}"),
        describe_input(card),
        ("Normaliser", str(card.get("normaliser", ""))),
        ("Threshold", f"{model.threshold:g}, best F1 on slides left out"),
        ("Floor", f"{card.get('floor', 0):g}"),
    ]
    calibration = card.get("calibration") or {}
    if calibration:
        rows.append(("Temperature", f"{calibration.get('temperature', 1):g}, bias {calibration.get('bias', 0):g}"))
    rows.append(("Grad-CAM", str(card.get("target_layer", ""))))
    meant_for = list_meant_for(model)
    rows.append(("Made for", ", ".join(meant_for).capitalize() if meant_for else "Not said"))
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
    return f"{kind} of finder and {name}{stem}" if has_finder else f"{name}, {kind}{stem}"


def describe_input(card: dict) -> tuple[str, str]:
    """What the network looks at: the name of the row, and the fact."""
    px, mpp = card.get("patch_px"), card.get("mpp")
    try:
        sees_patches = find_network(card.get("architecture", "")).kind == PATCH_CLASSIFIER
    except PipelineRefused:
        sees_patches = True
    if sees_patches:
        return "Patch", f"{px} × {px} px, {mpp} µm/px"
    return "Looks at", f"whole tiles and {px} px about them, {mpp} µm/px"


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
    found["Known faults"] = [*found.get("Known faults", []), *_list_measured_faults(model)]
    return found


def _list_measured_faults(model: ModelVersion) -> list[str]:
    """Of the quoted metric, then what was reported besides and is worse."""
    report = _find_quoted_report(model)
    if report is None:
        return []
    faults = list_measured_faults(report)
    for name in sorted(set(model.card["metrics"]) - set(TITLES)):
        other = _find_report(model, name)
        if other and other["detection"]["f1"] < report["detection"]["f1"]:
            slides = ", ".join(other.get("slides", [])) or name
            faults.append(f"F1 {other['detection']['f1']:.2f} on {slides}, reported besides")
    return faults
