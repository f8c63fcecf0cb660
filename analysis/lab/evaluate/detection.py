"""Detection metrics on whole frames: counts at a threshold, pooled and by group, with intervals.

Everywhere `probabilities` are the calibrated ones of each frame's detections, (n,) in [0, 1], and `kept` says which of
them are called mitoses, bool (n,): one array per frame, in the order of the frames.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from analysis.lab import matching
from analysis.lab.calibrate import Calibration
from analysis.lab.datasets import EDGE_PX, MODEL_MPP
from analysis.lab.evaluate.frames import FrameScores
from analysis.lab.matching import EPSILON, Score
from analysis.pipeline.errors import PipelineRefused

EDGE_UM = EDGE_PX * MODEL_MPP
BOOTSTRAPS = 1000
GROUPS = ("slide", "scanner", "tumour")


def probabilities_of(frames: Sequence[FrameScores], calibration: Calibration) -> list[np.ndarray]:
    return [calibration(frame.margins) for frame in frames]


def kept_at(frames: Sequence[FrameScores], calibration: Calibration, threshold: float) -> list[np.ndarray]:
    return [probability >= threshold for probability in probabilities_of(frames, calibration)]


def frame_score(frame: FrameScores, kept: np.ndarray, edge_um: float = 0.0, rule: str = "midog") -> Score:
    """Counts for one frame with the detections `kept`; labels and false detections nearer to the edge than `edge_um`
    are left out. `rule` is one of `matching.MATCHINGS`; amida knows no edge.
    """
    if rule == "amida":
        return matching.score_leniently(frame.near, kept)
    is_false = false_detections(frame, kept) & _inside_edge(frame.points, frame.size_um, edge_um)
    counts = _inside_edge(frame.mitoses, frame.size_um, edge_um)
    tp = int(((matching.match_greedily(frame.near, kept) >= 0) & counts).sum())
    return Score(tp, int(is_false.sum()), int(counts.sum()) - tp)


def false_detections(frame: FrameScores, kept: np.ndarray) -> np.ndarray:
    """Which of the detections `kept` are matched to no mitosis: bool (n,)."""
    taken = matching.match_greedily(frame.near, kept)
    is_false = kept.copy()
    is_false[taken[taken >= 0]] = False
    return is_false


def _inside_edge(points: np.ndarray, size_um: tuple[float, float], edge_um: float) -> np.ndarray:
    if not edge_um:
        return np.ones(len(points), bool)
    return np.all((points >= edge_um) & (points <= np.array(size_um) - edge_um), axis=1)


def total_score(
    frames: Sequence[FrameScores], kept: Sequence[np.ndarray], edge_um: float = 0.0, rule: str = "midog"
) -> Score:
    """Counts over all frames, which is how the official metric pools."""
    return sum((frame_score(f, k, edge_um, rule) for f, k in zip(frames, kept, strict=True)), Score())


def score_at_threshold(
    frames: Sequence[FrameScores], calibration: Calibration, threshold: float, edge_um: float = 0.0
) -> Score:
    """Counts over all frames of the detections at or above a calibrated threshold."""
    return total_score(frames, kept_at(frames, calibration, threshold), edge_um)


def sweep_thresholds(
    frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray], thresholds: np.ndarray
) -> np.ndarray:
    """True positives, false positives and misses at each threshold, pooled: int (t, 3)."""
    return sweep_by_frame(frames, probabilities, thresholds).sum(axis=1)


def sweep_by_frame(
    frames: Sequence[FrameScores], probabilities: Sequence[np.ndarray], thresholds: np.ndarray
) -> np.ndarray:
    """The same of each frame: int (t, frames, 3). The greedy matching, done at all thresholds at once."""
    counts = np.zeros((len(thresholds), len(frames), 3), int)
    for at, (frame, probability) in enumerate(zip(frames, probabilities, strict=True)):
        free = probability[None] >= thresholds[:, None]
        called, tp = free.sum(axis=1), np.zeros(len(thresholds), int)
        for near in frame.near:
            open_still = np.ones(len(thresholds), bool)
            for j in near:
                taken = open_still & free[:, j]
                free[taken, j] = False
                open_still &= ~taken
            tp += ~open_still
        counts[:, at] = np.column_stack([tp, called - tp, len(frame.near) - tp])
    return counts


def f1_of(counts: np.ndarray) -> np.ndarray:
    """F1 of counts (..., 3), with the official epsilon: (...)."""
    tp, fp, fn = np.moveaxis(np.asarray(counts, float), -1, 0)
    return (2 * tp + EPSILON) / (2 * tp + fp + fn + EPSILON)


def score_metrics(score: Score) -> dict:
    ratios = {name: round(getattr(score, name), 4) for name in ("f1", "precision", "recall")}
    return ratios | asdict(score)


def metrics_with_interval(frames: Sequence[FrameScores], kept: Sequence[np.ndarray], rule: str = "midog") -> dict:
    """Metrics and the 95 % interval of F1, under a name that says what was drawn."""
    return score_metrics(total_score(frames, kept, rule=rule)) | f1_interval(frames, kept, rule)


def metrics_by_group(frames: Sequence[FrameScores], kept: Sequence[np.ndarray], group: str) -> dict:
    """Metrics for each slide, scanner or tumour; those that are not known are left out."""
    names = sorted({getattr(frame, group) for frame in frames} - {""})
    found = {}
    for name in names:
        own = [index for index, frame in enumerate(frames) if getattr(frame, group) == name]
        found[name] = metrics_with_interval([frames[i] for i in own], [kept[i] for i in own])
    return found


def f1_interval(frames: Sequence[FrameScores], kept: Sequence[np.ndarray], rule: str = "midog") -> dict:
    """95 % interval of pooled F1 by drawing with replacement: cases, or frames where there is one case. Empty for one
    frame.

    Frames of one slide resemble each other, so an interval by frame is too narrow; few cases make one by case rough.
    """
    counts = _counts_by_frame(frames, kept, rule)
    cases = [frame.slide for frame in frames]
    if len(set(cases)) > 1:
        return {"f1_95_bootstrap_by_case": _interval_of(f1_of(_sums_of_draws(_by_case(counts, cases))))}
    if len(frames) > 1:
        return {"f1_95_bootstrap_by_frame": _interval_of(f1_of(_sums_of_draws(counts)))}
    return {}


def f1_interval_by_frame(frames: Sequence[FrameScores], calibration: Calibration, threshold: float) -> list[float]:
    """95 % interval of pooled F1 over frames drawn with replacement, also where there are several cases."""
    return _interval_of(f1_of(_sums_of_draws(_counts_by_frame(frames, kept_at(frames, calibration, threshold)))))


def f1_difference(
    frames: Sequence[FrameScores],
    kept: Sequence[np.ndarray],
    other_frames: Sequence[FrameScores],
    other_kept: Sequence[np.ndarray],
) -> dict:
    """How much higher the pooled F1 of the second is on the same frames, with paired 95 % intervals by frame and, with
    several cases, by case.

    Raises PipelineRefused when the two are not of the same frames in the same order.
    """
    if [f.frame for f in frames] != [f.frame for f in other_frames]:
        raise PipelineRefused("Two networks are compared on the same frames in the same order; these differ.")
    counts = np.concatenate([_counts_by_frame(frames, kept), _counts_by_frame(other_frames, other_kept)], axis=1)
    gain = f1_of(counts[:, 3:].sum(axis=0)[None]) - f1_of(counts[:, :3].sum(axis=0)[None])
    found = {"f1_gain": round(float(gain[0]), 4), "f1_gain_95_bootstrap_by_frame": _gain_interval(counts)}
    cases = [frame.slide for frame in frames]
    if len(set(cases)) > 1:
        found["f1_gain_95_bootstrap_by_case"] = _gain_interval(_by_case(counts, cases))
    return found


def _gain_interval(counts: np.ndarray) -> list[float]:
    drawn = _sums_of_draws(counts)
    return _interval_of(f1_of(drawn[:, 3:]) - f1_of(drawn[:, :3]))


def _counts_by_frame(frames: Sequence[FrameScores], kept: Sequence[np.ndarray], rule: str = "midog") -> np.ndarray:
    """Counts of each frame: int (n, 3)."""
    scores = [frame_score(f, k, rule=rule) for f, k in zip(frames, kept, strict=True)]
    return np.array([(s.tp, s.fp, s.fn) for s in scores]).reshape(-1, 3)


def _by_case(counts: np.ndarray, cases: list[str]) -> np.ndarray:
    return np.array([counts[[c == case for c in cases]].sum(axis=0) for case in sorted(set(cases))])


def _sums_of_draws(counts: np.ndarray) -> np.ndarray:
    """Sums of as many rows as there are, drawn with replacement, 1,000 times over: (1000, columns)."""
    drawn = np.random.default_rng(0).integers(len(counts), size=(BOOTSTRAPS, len(counts)))
    return counts[drawn].sum(axis=1)


def _interval_of(values: np.ndarray) -> list[float]:
    return np.percentile(values, (2.5, 97.5)).round(4).tolist()
