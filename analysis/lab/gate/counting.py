"""How far a count is off: on each slide of a locked set, in the region that the protocol asks for.

The readers' count is of the region where they agree on most, a version's of the region where it calls most, as the
product chooses them. Frames that say where they lie on their slide are counted together, others each by itself. Where
the protocol's region has no room in what was reviewed, all of it is counted and there is no score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from analysis.lab.datasets import MODEL_MPP
from analysis.lab.gate.changes import Change
from analysis.lab.gate.draws import draw_units, interval_of
from analysis.lab.gate.found import Found
from analysis.lab.gate.locked_set_folder import LockedFrame, LockedSet
from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import MIN_TISSUE_FRACTION, Frame, Search

# A frame is at most 512 µm wide, so most of what is searched is small.
SECONDS = 60.0


@dataclass(frozen=True)
class Counted:
    """One count: how many, the score (None without the protocol's region), and the middle of the region in µm."""

    count: int
    score: str | None
    middle_um: tuple[float, float] | None


@dataclass(frozen=True)
class SlideCounts:
    """Counts of one slide, or of a frame that lies on none: the readers', the base's and the candidate's."""

    case: str
    name: str
    readers: Counted
    base: Counted
    candidate: Counted

    def as_json(self) -> dict:
        counts = {name: getattr(self, name) for name in ("readers", "base", "candidate")}
        told = {name: {"count": each.count, "score": each.score} for name, each in counts.items()}
        shifts = {name: _shift_um(self.readers, each) for name, each in counts.items() if name != "readers"}
        return {"case": self.case, "slide": self.name, **told, "shift_um": shifts}


def count_slides(base: Found, candidate: Found, locked: LockedSet, protocol: Protocol) -> list[SlideCounts]:
    """The counts of every slide of the set, in order of their first frames. Raises SearchTooLong."""
    planes: dict[str, list[int]] = {}
    for i, frame in enumerate(locked.frames):
        planes.setdefault(frame.slide if frame.corner_l0 and frame.step_l0 else frame.file, []).append(i)
    called = [
        [frame.points[kept] / MODEL_MPP for frame, kept in zip(found.frames, found.kept, strict=True)]
        for found in (base, candidate)
    ]
    counted = []
    for name, members in planes.items():
        frames = [locked.frames[i] for i in members]
        each = [
            _count([points[i] for i in members], frames, protocol)
            for points in ([frame.mitoses_px for frame in locked.frames], *called)
        ]
        counted.append(SlideCounts(frames[0].case, name, *each))
    return counted


def _count(points_px: Sequence[np.ndarray], frames: Sequence[LockedFrame], protocol: Protocol) -> Counted:
    """Of points of each frame (n, 2), in one plane."""
    steps = frames[0].step_l0 or (1.0, 1.0)
    mpp_x, mpp_y = (MODEL_MPP / step for step in steps)
    places = [_on_plane(frame, points) for frame, points in zip(frames, points_px, strict=True)]
    points_l0 = np.concatenate(places) if places else np.zeros((0, 2))
    has_room = sum(frame.area_mm2 for frame in frames) >= MIN_TISSUE_FRACTION * protocol.shape.area_mm2
    found = []
    if has_room:
        search = Search(points_l0, protocol.shape, Frame(mpp_x, mpp_y), _reviewed_rings(frames))
        found = search.best(None, 0, SECONDS)
    if not found:
        return Counted(len(points_l0), None, None)
    middle = np.mean(found[0].polygon_l0, axis=0) * (mpp_x, mpp_y)
    count = int(found[0].count)
    return Counted(count, score_of(count, protocol.cutoffs), (float(middle[0]), float(middle[1])))


def _on_plane(frame: LockedFrame, points_px: np.ndarray) -> np.ndarray:
    placed = frame.to_l0(points_px)
    return points_px if placed is None else placed


def _reviewed_rings(frames: Sequence[LockedFrame]) -> list[list[tuple[float, float]]]:
    """What was reviewed, as rings under the even-odd rule."""
    pieces = [shapely.Polygon(_on_plane(frame, ring)) for frame in frames for ring in frame.outlines_px()]
    joined = shapely.union_all([shapely.make_valid(piece) for piece in pieces])
    polygons = [part for part in shapely.get_parts(joined) if isinstance(part, shapely.Polygon)]
    return [list(ring.coords) for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]


def _shift_um(one: Counted, other: Counted) -> float | None:
    if one.middle_um is None or other.middle_um is None:
        return None
    return round(float(np.hypot(*np.subtract(one.middle_um, other.middle_um))), 1)


def error_change(counts: Sequence[SlideCounts]) -> Change:
    """Of the mean absolute difference from the readers' count."""
    errors = np.array([[abs(each.count - slide.readers.count) for each in _both(slide)] for slide in counts], float)
    before, after = errors.mean(axis=0).tolist()
    draws = draw_units([slide.case for slide in counts])
    interval = None
    if draws is not None:
        many = draws.sums(np.ones(len(counts)))
        mean = draws.sums(errors) / many[:, None]
        interval = interval_of(mean[:, 1] - mean[:, 0])
    return Change(before, after, after - before, interval, draws.unit if draws else "", count=len(counts))


def kappas(counts: Sequence[SlideCounts], protocol: Protocol) -> tuple[float, float] | None:
    """Cohen's kappa with quadratic weights (Cohen 1968) of each version's scores with the readers'; None where fewer
    than two slides have scores, or all have the same, which agreement cannot be told of.
    """
    names = [cutoff.score for cutoff in protocol.cutoffs]
    rows = [(slide.readers.score, *(each.score for each in _both(slide))) for slide in counts]
    told = np.array([[names.index(score) for score in row] for row in rows if None not in row])  # type: ignore[arg-type]
    if len(told) < 2 or len(np.unique(told)) < 2:
        return None
    before, after = (_quadratic_kappa(told[:, 0], told[:, column]) for column in (1, 2))
    return before, after


def _both(slide: SlideCounts) -> tuple[Counted, Counted]:
    return slide.base, slide.candidate


def _quadratic_kappa(one: np.ndarray, other: np.ndarray) -> float:
    """1 where both always say the same."""
    expected = ((one[:, None] - other[None]) ** 2).mean()
    return 1.0 if expected == 0 else float(1 - ((one - other) ** 2).mean() / expected)
