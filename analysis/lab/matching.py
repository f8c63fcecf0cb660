"""Matching detections to labels as the challenges do, within 7.5 µm.

`midog`: greedy, one to one. Labels are taken in the order given; each takes its nearest free detection within the
radius (inclusive). Confidence plays no role, and a second detection on the same label is a false one. Source:
`score_detection` of evalutils / grand-challenge-metrics, which a test compares with. Where two detections are exactly
as far, that code's choice depends on its search tree; here the one listed first is taken.

`amida`: the lenient rule of AMIDA13 and TUPAC16. A label is found if any detection lies within the radius; a detection
is false only if it lies near no label, so several on one mitosis count once. Source: CODAIT/deep-histopath, which
cites the page of AMIDA13.
"""

from dataclasses import dataclass

import numpy as np

from analysis.pipeline.merge import RADIUS_UM

# As in the official evaluation, so that nothing to find and nothing found gives F1 1 and precision and recall 0.
EPSILON = 1e-6
MATCHINGS = ("midog", "amida")


@dataclass(frozen=True)
class Score:
    """Counts of one or more images, pooled by adding. Ratios in [0, 1], with the official epsilon of 1e-6."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        return self.tp / (self.tp + self.fp + EPSILON)

    @property
    def recall(self) -> float:
        return self.tp / (self.tp + self.fn + EPSILON)

    @property
    def f1(self) -> float:
        """1 where there was nothing to find and nothing was found."""
        return (2 * self.tp + EPSILON) / (2 * self.tp + self.fp + self.fn + EPSILON)


def within(labels: np.ndarray, detections: np.ndarray, radius: float = RADIUS_UM) -> list[np.ndarray]:
    """For each of (n, 2) labels the indices of the (m, 2) detections within `radius`, nearest first: n arrays of int.

    All in one unit, µm by default. Worked out once, it serves `match_greedily` at any threshold.
    """
    if not len(labels) or not len(detections):
        return [np.zeros(0, int)] * len(labels)
    squared = ((labels[:, None] - detections[None]) ** 2).sum(axis=2)
    near = [np.flatnonzero(row <= radius * radius) for row in squared]
    return [found[np.argsort(row[found], kind="stable")] for row, found in zip(squared, near, strict=True)]


def match_greedily(near: list[np.ndarray], kept: np.ndarray) -> np.ndarray:
    """For each label of `within` the index of its detection among those `kept`, bool (m,), or -1: int (n,)."""
    taken = np.full(len(near), -1)
    free = kept.copy()
    for i, found in enumerate(near):
        for j in found:
            if free[j]:
                free[j], taken[i] = False, j
                break
    return taken


def match(labels: np.ndarray, detections: np.ndarray, radius: float = RADIUS_UM) -> np.ndarray:
    """For each of (n, 2) labels the index of its detection among (m, 2), or -1: int (n,), one to one. All in one unit,
    µm by default.
    """
    return match_greedily(within(labels, detections, radius), np.ones(len(detections), bool))


def score_leniently(near: list[np.ndarray], kept: np.ndarray) -> Score:
    """Counts by the rule of AMIDA13 of the detections `kept`, bool (m,), among those of `within`."""
    found = sum(bool(kept[indices].any()) for indices in near)
    is_near = np.zeros(len(kept), bool)
    for indices in near:
        is_near[indices] = True
    return Score(found, int((kept & ~is_near).sum()), len(near) - found)


def score(labels: np.ndarray, detections: np.ndarray, radius: float = RADIUS_UM, matching: str = "midog") -> Score:
    """Counts for one image. Raises ValueError for a matching that there is not."""
    if matching not in MATCHINGS:
        raise ValueError(f"There is no matching {matching}; there are {' and '.join(MATCHINGS)}.")
    if matching == "amida":
        return score_leniently(within(labels, detections, radius), np.ones(len(detections), bool))
    tp = int((match(labels, detections, radius) >= 0).sum())
    return Score(tp, len(detections) - tp, len(labels) - tp)
