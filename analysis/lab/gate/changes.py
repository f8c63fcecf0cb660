"""How much a figure changes from base to candidate, with its paired 95 % interval: one function for each figure.

Each takes what both versions found in the same frames and gives a `Change`; all figures by the official matching within
7.5 µm, pooled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.lab.calibrate import BINS, SHOWN_FROM
from analysis.lab.datasets import nearest_distance
from analysis.lab.evaluate.detection import f1_of, frame_score, sweep_by_frame
from analysis.lab.evaluate.frames import FrameScores, is_mitosis
from analysis.lab.evaluate.froc import area_as_midog25, froc_curve
from analysis.lab.gate.draws import Draws, draw_units, interval_of
from analysis.lab.gate.found import Found, probabilities_of
from analysis.lab.matching import RADIUS_UM

DIFFERENCE, RATIO, SHARE = "difference", "ratio", "share"


@dataclass(frozen=True)
class Change:
    """base, candidate: the figure of each; None for the base where there is but one. change: what is judged: by `kind`
    their difference, candidate by base, or a share of the candidate's alone; interval: 95 % of it, None where nothing
    could be drawn; unit: what was drawn, "" for nothing; count: of what the figure is, such as labelled mitoses.
    """

    base: float | None
    candidate: float
    change: float
    interval: tuple[float, float] | None
    unit: str
    kind: str = DIFFERENCE
    count: int = 0

    def as_json(self) -> dict:
        low, high = self.interval or (None, None)
        found = {"base": self.base, "candidate": self.candidate, "change": self.change, "low": low, "high": high}
        rounded = {name: None if value is None else round(float(value), 5) for name, value in found.items()}
        return rounded | {"unit": self.unit, "kind": self.kind, "count": self.count}


def cases_of(frames: Sequence[FrameScores]) -> list[str]:
    return [frame.slide for frame in frames]


def f1_change(
    base: Sequence[FrameScores], candidate: Sequence[FrameScores], thresholds: tuple[float, float], cases: list[str]
) -> Change:
    """Of pooled F1. The frames of both in one order, and the threshold of each."""
    counts = [_counts(frames, threshold) for frames, threshold in zip((base, candidate), thresholds, strict=True)]
    (before, after), draws = (float(f1_of(count.sum(axis=0))) for count in counts), draw_units(cases)
    labelled = int(counts[0][:, 0].sum() + counts[0][:, 2].sum())
    drawn = [f1_of(draws.sums(count)) for count in counts] if draws else None
    return _difference(before, after, drawn, draws, labelled)


def _counts(frames: Sequence[FrameScores], threshold: float) -> np.ndarray:
    """True, false and missed of each frame: int (n, 3)."""
    scores = [
        frame_score(frame, probability >= threshold)
        for frame, probability in zip(frames, probabilities_of(frames), strict=True)
    ]
    return np.array([(score.tp, score.fp, score.fn) for score in scores]).reshape(-1, 3)


def _difference(
    before: float, after: float, drawn: Sequence[np.ndarray] | None, draws: Draws | None, count: int
) -> Change:
    interval = interval_of(drawn[1] - drawn[0]) if drawn else None
    return Change(before, after, after - before, interval, draws.unit if draws and interval else "", count=count)


def recall_change(base: Found, candidate: Found) -> tuple[Change, float]:
    """Of recall where each calls as many false ones per mm² as the base does at its threshold, and that number."""
    area_mm2 = np.array([frame.area_mm2 for frame in base.frames])
    curves = [_false_and_found(found) for found in (base, candidate)]
    own = _counts(base.frames, base.threshold)
    draws = draw_units(cases_of(base.frames))

    def recalls(sums: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        """Of base and candidate in what was drawn."""
        own_false, *each = sums
        found = []
        for curve in each:
            labelled = max(1.0, float(curve[0, 0] + curve[0, 2]))
            found.append(np.interp(own_false, curve[:, 1], curve[:, 0] / labelled, left=0.0))
        return np.array(found)

    whole = recalls((own[:, 1].sum(), *(curve.sum(axis=0) for curve in curves)))
    drawn = None
    if draws is not None:
        sums = [draws.sums(each) for each in (own[:, 1], *curves)]
        drawn = list(np.array([recalls(each) for each in zip(*sums, strict=True)]).T)
    labelled = int(own[:, 0].sum() + own[:, 2].sum())
    before, after = whole.tolist()
    return _difference(before, after, drawn, draws, labelled), float(own[:, 1].sum() / area_mm2.sum())


def _false_and_found(found: Found) -> np.ndarray:
    """Counts of each frame along the curve of a version, its own threshold included, highest first: int (n, t, 3)."""
    probabilities = found.probabilities
    steps = froc_curve(found.frames, probabilities).thresholds
    steps = np.unique([*steps, found.threshold])[::-1]
    return np.moveaxis(sweep_by_frame(found.frames, probabilities, steps), 0, 1)


def froc_areas(base: Found, candidate: Found) -> tuple[float, float]:
    """The areas of MIDOG 2025's evaluation, 0 to 8."""
    before, after = (area_as_midog25(found.frames, found.probabilities) for found in (base, candidate))
    return before, after


def poor_change(base: Found, candidate: Found) -> tuple[Change, float]:
    """Of false ones per mm² in frames without an agreed mitosis, as a ratio, and the mm² of these. Fewer than one false
    one of the base counts as one, since a ratio to none is nothing.
    """
    poor = [i for i, frame in enumerate(base.frames) if not len(frame.mitoses)]
    if not poor:
        return Change(0.0, 0.0, 1.0, None, "", RATIO), 0.0
    area_mm2 = sum(base.frames[i].area_mm2 for i in poor)
    false = [_counts([found.frames[i] for i in poor], found.threshold)[:, 1] for found in (base, candidate)]
    before, after = (int(each.sum()) for each in false)
    draws = draw_units([base.frames[i].slide for i in poor])
    interval = None
    if draws is not None:
        drawn = [draws.sums(each) for each in false]
        interval = interval_of(np.maximum(drawn[1], 1) / np.maximum(drawn[0], 1))
    ratio = max(after, 1) / max(before, 1)
    unit = draws.unit if draws else ""
    return Change(before / area_mm2, after / area_mm2, ratio, interval, unit, RATIO, after), area_mm2


def candidate_recall_change(base: Found, candidate: Found) -> Change:
    """Of the share of mitoses that the first stage proposes; judged is the candidate's own."""
    hits = [_proposed(found.frames) for found in (base, candidate)]
    before, after = (float(hit[:, 0].sum() / max(1, hit[:, 1].sum())) for hit in hits)
    draws = draw_units(cases_of(base.frames))
    interval = None
    if draws is not None:
        found, labelled = draws.sums(hits[1]).T
        interval = interval_of(found / np.where(labelled > 0, labelled, np.nan))
    return Change(before, after, after, interval, draws.unit if draws else "", SHARE, int(hits[1][:, 1].sum()))


def _proposed(frames: Sequence[FrameScores]) -> np.ndarray:
    """Proposed and labelled mitoses of each frame: int (n, 2)."""
    return np.array(
        [
            ((nearest_distance(frame.mitoses, frame.candidates) <= RADIUS_UM).sum(), len(frame.mitoses))
            for frame in frames
        ]
    )


def calibration_change(base: Found, candidate: Found) -> Change:
    """Of the expected calibration error over what readers see: detections from a probability of 0.05 on."""
    bins = [np.array([_bins_of(frame) for frame in found.frames]) for found in (base, candidate)]
    draws = draw_units(cases_of(base.frames))
    drawn = [_error_of(draws.sums(each)) for each in bins] if draws else None
    before, after = (float(_error_of(each.sum(axis=0))) for each in bins)
    return _difference(before, after, drawn, draws, int(bins[1][..., 0].sum()))


def _bins_of(frame: FrameScores) -> np.ndarray:
    """Number, summed probability and mitoses of a frame's detections, by bins of equal width: float (10, 3)."""
    [probability], truth = probabilities_of([frame]), is_mitosis(frame)
    shown = probability >= SHOWN_FROM
    which = np.minimum((probability[shown] * BINS).astype(int), BINS - 1)
    sums = np.zeros((BINS, 3))
    np.add.at(sums, which, np.column_stack([np.ones(shown.sum()), probability[shown], truth[shown]]))
    return sums


def _error_of(bins: np.ndarray) -> np.ndarray:
    """Of sums by bin (..., 10, 3): (...)."""
    gaps = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1)
    error: np.ndarray = gaps / np.maximum(bins[..., 0].sum(axis=-1), 1)
    return error


def lost_share(before: np.ndarray, lost: np.ndarray, cases: list[str]) -> Change:
    """Of the mitoses that the base called, the share that the candidate does not: counts (n,) by frame."""
    total, gone = int(before.sum()), int(lost.sum())
    draws = draw_units(cases)
    interval = None
    if draws is not None:
        called = draws.sums(before)
        interval = interval_of(draws.sums(lost) / np.where(called > 0, called, np.nan))
    share = gone / max(1, total)
    return Change(None, share, share, interval, draws.unit if draws else "", SHARE, gone)
