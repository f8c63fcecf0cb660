"""All metrics of one set of frames, as JSON, as a table and as curves."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from analysis.lab import calibrate
from analysis.lab.calibrate import Calibration
from analysis.lab.datasets import nearest_distance
from analysis.lab.evaluate import counts, detection, froc, proposals
from analysis.lab.evaluate.frames import FrameScores, is_mitosis
from analysis.lab.evaluate.patches import has_patches, patch_metrics, pool_patches
from analysis.lab.evaluate.roc import thinned_indices
from analysis.lab.evaluate.thresholds import best_threshold, high_sensitivity, refuse_without_mitoses
from analysis.lab.matching import RADIUS_UM
from analysis.pipeline.atomic_files import write_atomically

PROTOCOL = "whole frames, 7.5 um, greedy one-to-one matching, pooled"


def report_frames(frames: list[FrameScores], calibration: Calibration, threshold: float) -> dict:
    """All metrics for one set of frames at a fixed calibration and threshold, JSON-able, with the protocol; those of
    patches at the same threshold.

    Raises PipelineRefused for frames without any labelled mitosis, and for windows of one class only.
    """
    refuse_without_mitoses(frames)
    probabilities = detection.probabilities_of(frames, calibration)
    best = best_threshold(frames, calibration)
    return (
        {"protocol": PROTOCOL, "threshold": threshold, "threshold_logit": round(calibration.margin(threshold), 3)}
        | detection_metrics(frames, probabilities, [probability >= threshold for probability in probabilities])
        | {
            "patch": patch_metrics(frames, margin=calibration.margin(threshold)) if has_patches(frames) else None,
            "best_threshold_here": best,
            "best_f1_here": round(detection.score_at_threshold(frames, calibration, best).f1, 4),
            "high_sensitivity_here": high_sensitivity(frames, calibration),
        }
    )


def detection_metrics(
    frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray], kept: Sequence[np.ndarray]
) -> dict:
    """What the detections `kept` and all detections' probabilities say, whatever way these were come by."""
    truth = np.concatenate([is_mitosis(frame) for frame in frames])
    every = np.concatenate(probabilities)
    return {
        "slides": sorted({frame.slide for frame in frames}),
        "frames": len(frames),
        "mitoses": int(sum(len(frame.mitoses) for frame in frames)),
        "area_mm2": round(sum(frame.area_mm2 for frame in frames), 3),
        "detection": detection.metrics_with_interval(frames, kept),
        "detection_amida": detection.metrics_with_interval(frames, kept, "amida"),
        "detection_without_25_px_edges": detection.score_metrics(
            detection.total_score(frames, kept, detection.EDGE_UM)
        ),
        **{f"detection_by_{group}": detection.metrics_by_group(frames, kept, group) for group in detection.GROUPS},
        "false_on_look_alikes": false_on_look_alikes(frames, kept),
        "candidate_recall_7_5_um": round(proposals.candidate_recall(frames), 4),
        "candidates_per_mm2": round(proposals.candidates_per_mm2(frames)),
        "candidates": proposals.proposal_metrics(frames),
        "calibration_error": round(calibrate.calibration_error(every, truth), 4),
        "calibration": calibrate.calibration_metrics(every, truth),
        "froc": froc.froc_metrics(frames, probabilities),
        "counts": counts.count_metrics(frames, kept),
    }


def false_on_look_alikes(frames: Sequence[FrameScores], kept: Sequence[np.ndarray]) -> dict | None:
    """How many false detections lie on places that the labels call look-alikes: the labels' doubtful cases. None where
    look-alikes are not known.
    """
    false, on_look_alikes = 0, 0
    for frame, keep in zip(frames, kept, strict=True):
        if frame.look_alikes is None:
            return None
        points = frame.points[detection.false_detections(frame, keep)]
        false += len(points)
        on_look_alikes += int((nearest_distance(points, frame.look_alikes) <= RADIUS_UM).sum())
    return {"false": false, "on_look_alikes": on_look_alikes}


def curve_points(
    frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray], kept: Sequence[np.ndarray]
) -> dict:
    """The points of the plots, JSON-able, each curve thinned to 200 points."""
    truth = np.concatenate([is_mitosis(frame) for frame in frames])
    line = froc.froc_curve(frames, probabilities)
    labelled, called = counts.count_mitoses(frames, kept).T
    found = {
        "froc": _as_columns(recall=line.recall, false_per_image=line.per_image, false_per_mm2=line.per_mm2),
        "reliability": calibrate.calibration_metrics(np.concatenate(probabilities), truth)["reliability"],
        "counts": {"slide": [f.slide for f in frames], "labelled": labelled.tolist(), "called": called.tolist()},
    }
    if has_patches(frames):
        patch = pool_patches(frames).curve()
        chosen = thinned_indices(len(patch.scores))
        found["patch"] = _as_columns(
            margin=patch.scores[chosen],
            recall=patch.recall[chosen],
            false_positive_rate=patch.false_positive_rate[chosen],
            precision=patch.precision[chosen],
        )
    if (proposed := proposals.recall_curve(frames)) is not None:
        logits, per_mm2, recall = (column[thinned_indices(len(proposed[0]))] for column in proposed)
        found["candidates"] = _as_columns(logit=logits, per_mm2=per_mm2, recall=recall)
    return found


def _as_columns(**columns: np.ndarray) -> dict[str, list[float]]:
    return {name: column.round(5).tolist() for name, column in columns.items()}


def report_table(metrics: dict) -> str:
    """The metrics as lines of text to read: one row per group of frames, then the others."""
    rows = [_detection_row("all", metrics["detection"])]
    rows += [_detection_row("all, AMIDA matching", metrics["detection_amida"])]
    rows += [_detection_row("all, without edges", metrics["detection_without_25_px_edges"])]
    for group in detection.GROUPS:
        rows += [_detection_row(f"{group} {name}", found) for name, found in metrics[f"detection_by_{group}"].items()]
    head = ("detection", "F1", "95 %", "P", "R", "found", "false", "missed")
    lines = [metrics["protocol"], "", *_align_columns([head, *rows]), ""]
    if "by_slide" in metrics:
        lines += ["thresholds in uncalibrated logits", *_align_columns(list(_left_out_rows(metrics))), ""]
    return "\n".join(lines + _align_columns(list(_other_rows(metrics)))) + "\n"


def _detection_row(name: str, found: dict) -> tuple[str, ...]:
    by = next((key for key in found if key.startswith("f1_95_bootstrap")), None)
    interval = "" if by is None else f"{found[by][0]:.2f}-{found[by][1]:.2f} {by.removeprefix('f1_95_bootstrap_')}"
    ratios = (f"{found[key]:.3f}" for key in ("precision", "recall"))
    interval = interval.replace("_", " ")
    return name, f"{found['f1']:.3f}", interval, *ratios, *(str(found[key]) for key in ("tp", "fp", "fn"))


def _other_rows(metrics: dict) -> Iterator[tuple[str, ...]]:
    calibration, agreement = metrics["calibration"], metrics["counts"]["per_frame"]
    yield "calibration error, all detections", f"{calibration['ece']:.4f}"
    yield "calibration error, from 0.05 on", f"{calibration['ece_from_0_05']:.4f}"
    if "ece_mean_of_slides" in metrics:
        yield "calibration error, mean of slides", f"{metrics['ece_mean_of_slides']:.4f}"
        yield "the same from 0.05 on", f"{metrics['ece_from_0_05_mean_of_slides']:.4f}"
    yield "Brier score", f"{calibration['brier']:.5f}"
    yield "candidate recall, 7.5 um", f"{metrics['candidate_recall_7_5_um']:.4f}"
    yield "candidates per mm2", f"{metrics['candidates_per_mm2']}"
    for number, recall in metrics["froc"]["recall_at_false_per_mm2"].items():
        yield f"recall at {number} false per mm2", f"{recall:.3f}"
    yield "count error per frame, mean", f"{agreement['mean_difference']:+.2f}"
    if limits := agreement["limits_of_agreement_95"]:
        yield "limits of agreement, 95 %", f"{limits[0]:+.2f} to {limits[1]:+.2f}"
    if sensitive := metrics.get("high_sensitivity") or metrics.get("high_sensitivity_here"):
        yield "high sensitivity: recall", f"{sensitive['recall']:.3f}"
        yield "high sensitivity: false per mm2", f"{sensitive['false_per_mm2']:.1f}"
    if "fitted_on_the_same_frames" in metrics:
        yield "F1, one threshold fitted here", f"{metrics['fitted_on_the_same_frames']['one_threshold']['f1']:.3f}"
    if gain := metrics.get("gain_of_the_other"):
        yield "F1 gained by the other", f"{gain['f1_gain']:+.3f}"
        for unit in ("case", "frame"):
            if interval := gain.get(f"f1_gain_95_bootstrap_by_{unit}"):
                yield f"  95 % by {unit}", f"{interval[0]:+.3f} to {interval[1]:+.3f}"
    if patch := metrics.get("patch"):
        yield f"patch figures, {patch['prevalence']:.0%} mitoses", f"margin {patch['margin']:g}"
        for name in ("f1", "precision", "recall", "specificity", "accuracy", "roc_auc", "average_precision"):
            yield f"  {name.replace('_', ' ')}", f"{patch[name]:.3f}"


def _left_out_rows(metrics: dict) -> Iterator[tuple[str, ...]]:
    """What only the development metric has."""
    same = metrics["fitted_on_the_same_frames"]
    yield "slide", "threshold", "best here", "95 % by frame", "F1", "F1 at best", "ECE", "ECE from 0.05"
    for name, found in metrics["by_slide"].items():
        low, high = found["best_logit_95_bootstrap_by_frame"]
        thresholds = (f"{found[key]:+.2f}" for key in ("threshold_logit", "best_logit_here"))
        ratios = (f"{found[key]:.3f}" for key in ("f1", "best_f1_here", "ece", "ece_from_0_05"))
        yield name, *list(thresholds), f"{low:+.2f} to {high:+.2f}", *ratios
    spread = f"{metrics['spread_of_best_logit']:.2f}"
    yield "spread", "", spread, "", "", f"{same['each_slides_best']['f1']:.3f}", "", ""


def _align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def describe_data(metrics: dict) -> tuple[str, str]:
    """Data and protocol as sentences, for below a picture."""
    slides = ", ".join(metrics["slides"][:8]) + (" …" if len(metrics["slides"]) > 8 else "")
    protocol = metrics["protocol"].replace(" um", " µm")
    return (
        f"{slides}: {metrics['mitoses']} mitoses in {metrics['frames']} frames.",
        f"{protocol[:1].upper()}{protocol[1:]}.",
    )


def write_report(folder: Path, metrics: dict, text: str, points: dict) -> list[Path]:
    """Writes `figures.json`, `figures.txt` and `curves.json` into the folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "figures.json": json.dumps(metrics, indent=1, allow_nan=False) + "\n",
        "figures.txt": text,
        "curves.json": json.dumps(points, allow_nan=False) + "\n",
    }
    for name, content in contents.items():
        write_atomically(folder / name, content.encode())
    return [folder / name for name in contents]
