"""FROC: recall against false detections, per image and per mm²."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.lab.evaluate.detection import sweep_thresholds
from analysis.lab.evaluate.frames import FrameScores

POINTS = 200
PER_IMAGE, PER_MM2 = (1, 2, 4, 8), (5, 10, 20, 50)
# MIDOG 2025: 40 thresholds, 50 points of 0 to 8 false detections per image; the area is not normalised.
MIDOG25_THRESHOLDS, MIDOG25_POINTS, MIDOG25_MOST = 40, 50, 8.0


@dataclass(frozen=True)
class Froc:
    """(t,) arrays, highest threshold first; false detections per image (the mean) and per mm²."""

    thresholds: np.ndarray
    recall: np.ndarray
    per_image: np.ndarray
    per_mm2: np.ndarray

    def recall_at(self, false: float, per: str) -> float:
        """Recall at so many false detections per `per_image` or `per_mm2`, between points linearly; 0 left of the
        first point, the last one's to the right.
        """
        return float(np.interp(false, getattr(self, per), self.recall, left=0.0))


def froc_curve(frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray]) -> Froc:
    """The curve at up to 200 of the detections' own probabilities, densest where they are highest."""
    scores = np.unique(np.concatenate([*probabilities, np.zeros(0)]))[::-1]
    if not len(scores):
        scores = np.ones(1)
    ranks = np.unique(np.geomspace(1, len(scores), POINTS).round().astype(int)) - 1
    return _curve_at(frames, probabilities, scores[ranks])


def _curve_at(frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray], thresholds: np.ndarray) -> Froc:
    counts = sweep_thresholds(frames, probabilities, thresholds)
    labelled = max(1, sum(len(frame.mitoses) for frame in frames))
    area_mm2 = sum(frame.area_mm2 for frame in frames)
    return Froc(thresholds, counts[:, 0] / labelled, counts[:, 1] / len(frames), counts[:, 1] / area_mm2)


def area_as_midog25(frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray]) -> float:
    """The area of MIDOG 2025's evaluation (DeepMicroscopy/MIDOG25_T1_evaluation_docker, evaluate.py), 0 to 8."""
    scores = np.concatenate([*probabilities, np.zeros(0)])
    if not len(scores):
        return 0.0
    found = _curve_at(frames, probabilities, np.linspace(scores.min(), scores.max(), MIDOG25_THRESHOLDS))
    order = np.lexsort((found.recall, found.per_image))
    false = np.linspace(0, MIDOG25_MOST, MIDOG25_POINTS)
    recall = np.interp(false, found.per_image[order], found.recall[order], left=0.0)
    return float(np.trapezoid(recall, false))


def froc_metrics(frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray]) -> dict:
    found = froc_curve(frames, probabilities)
    return {
        "recall_at_false_per_image": {str(n): round(found.recall_at(n, "per_image"), 4) for n in PER_IMAGE},
        "recall_at_false_per_mm2": {str(n): round(found.recall_at(n, "per_mm2"), 4) for n in PER_MM2},
        "area_0_to_8_midog25": round(area_as_midog25(frames, probabilities), 4),
    }
