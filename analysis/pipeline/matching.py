"""Matching detections to labels as the MIDOG challenges do: greedy, one to one, 7.5 µm.

Labels are taken in the order given; each takes its nearest free detection within the radius (inclusive). Confidence
plays no role, and a second detection on the same label is a false one. Source: `score_detection` of evalutils /
grand-challenge-metrics, which a test compares with. Where two detections are exactly as far, that code's choice depends
on its search tree; here the one listed first is taken.
"""

from dataclasses import dataclass

import numpy as np

RADIUS_UM = 7.5


@dataclass(frozen=True)
class Score:
    """Counts of one or more images, pooled by adding."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def recall(self) -> float:
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f1(self) -> float:
        """0 to 1; 1 where there was nothing to find and nothing was found."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 1.0


def match(labels: np.ndarray, detections: np.ndarray, radius: float = RADIUS_UM) -> np.ndarray:
    """For each of (n, 2) labels the index of its detection among (m, 2), or -1: int (n,). All in one unit, µm by
    default.
    """
    taken = np.full(len(labels), -1)
    if not len(labels) or not len(detections):
        return taken
    squared = ((labels[:, None] - detections[None]) ** 2).sum(axis=2)
    free = np.ones(len(detections), bool)
    for i, row in enumerate(squared):
        near = np.flatnonzero(free & (row <= radius * radius))
        if len(near):
            taken[i] = near[row[near].argmin()]
            free[taken[i]] = False
    return taken


def score(labels: np.ndarray, detections: np.ndarray, radius: float = RADIUS_UM) -> Score:
    """Counts for one image."""
    tp = int((match(labels, detections, radius) >= 0).sum())
    return Score(tp, len(detections) - tp, len(labels) - tp)
