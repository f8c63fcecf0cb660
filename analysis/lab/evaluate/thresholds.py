"""Choosing a threshold on left-out frames: by F1, or for a reader who wants to miss little."""

from collections.abc import Sequence

import numpy as np

from analysis.lab.calibrate import UNCALIBRATED, Calibration
from analysis.lab.evaluate.detection import (
    BOOTSTRAPS,
    f1_of,
    probabilities_of,
    score_metrics,
    sweep_by_frame,
    sweep_thresholds,
)
from analysis.lab.evaluate.frames import FrameScores
from analysis.lab.matching import Score
from analysis.pipeline.errors import PipelineRefused

STEPS = np.round(np.arange(0.05, 0.96, 0.01), 2)
SENSITIVE_STEPS = np.round(np.arange(0.01, 0.9501, 0.005), 3)
# Told from ordinary nuclei, mitoses begin some seven logits above them.
LOGIT_STEPS = np.round(np.arange(-8, 16.01, 0.05), 2)
SENSITIVE_RECALL = 0.90
# Two false ones beside each true one where mitoses are as dense as in MIDOG++ (10.9 per mm²): what is still read.
SENSITIVE_FALSE_PER_MM2 = 25.0


def best_threshold(frames: Sequence[FrameScores], calibration: Calibration) -> float:
    """The threshold of the highest pooled F1, in steps of 0.01 (the lower one at a tie)."""
    refuse_without_mitoses(frames)
    f1 = f1_of(sweep_thresholds(frames, probabilities_of(frames, calibration), STEPS)).round(6)
    return float(STEPS[f1.argmax()])


def best_logit(frames: Sequence[FrameScores]) -> tuple[float, list[float]]:
    """The threshold of the highest pooled F1 in uncalibrated logits, in steps of 0.05 (the middle one of equals), and
    its 95 % interval over frames drawn with replacement.

    What the slides' spread is measured in: the shift that one threshold for all cannot follow. The interval says how
    much of it may be chance.
    """
    refuse_without_mitoses(frames)
    counts = sweep_by_frame(frames, probabilities_of(frames, UNCALIBRATED), UNCALIBRATED(LOGIT_STEPS))
    drawn = np.random.default_rng(0).integers(len(frames), size=(BOOTSTRAPS // 5, len(frames)))
    again = [_middle_of_best(f1_of(counts[:, chosen].sum(axis=1))) for chosen in drawn]
    return _middle_of_best(f1_of(counts.sum(axis=1))), np.percentile(again, (2.5, 97.5)).round(2).tolist()


def f1_by_logit(frames: Sequence[FrameScores]) -> np.ndarray:
    """Pooled F1 at each of the LOGIT_STEPS: (t,)."""
    return f1_of(sweep_thresholds(frames, probabilities_of(frames, UNCALIBRATED), UNCALIBRATED(LOGIT_STEPS)))


def _middle_of_best(f1: np.ndarray) -> float:
    best = np.flatnonzero(f1.round(6) == f1.max().round(6))
    return float(LOGIT_STEPS[best[len(best) // 2]])


def high_sensitivity(frames: Sequence[FrameScores], calibration: Calibration) -> dict:
    """The high-sensitivity setting: the highest threshold at which at least 0.90 of the mitoses are found, but no more
    than 25 false detections per mm²; where both cannot be had, the lowest threshold within those 25.

    Returns the threshold, what it reaches on these frames, and which of the two rules set it.
    """
    refuse_without_mitoses(frames)
    counts = sweep_thresholds(frames, probabilities_of(frames, calibration), SENSITIVE_STEPS)
    false_per_mm2 = counts[:, 1] / sum(frame.area_mm2 for frame in frames)
    enough = np.flatnonzero(counts[:, 0] >= SENSITIVE_RECALL * (counts[:, 0] + counts[:, 2]))
    few = np.flatnonzero(false_per_mm2 <= SENSITIVE_FALSE_PER_MM2)
    within_budget = few[0] if len(few) else len(SENSITIVE_STEPS) - 1
    at, rule = (enough[-1], "recall") if len(enough) else (0, "lowest step")
    if at < within_budget:
        at, rule = within_budget, "false detections per mm2"
    return {
        "threshold": float(SENSITIVE_STEPS[at]),
        "set_by": rule,
        "rule": f"recall of {SENSITIVE_RECALL:.2f}, at most {SENSITIVE_FALSE_PER_MM2:g} false per mm2",
        "false_per_mm2": round(float(false_per_mm2[at]), 2),
    } | score_metrics(Score(*map(int, counts[at])))


def refuse_without_mitoses(frames: Sequence[FrameScores]) -> None:
    if not any(len(frame.mitoses) for frame in frames):
        slides = ", ".join(sorted({frame.slide for frame in frames})) or "none"
        raise PipelineRefused(
            f"The frames of {slides} hold no labelled mitosis; figures and thresholds need frames that hold some."
        )
