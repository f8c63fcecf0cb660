"""Where the two versions call differently: a list that a person can look through, lost mitoses first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from analysis.lab.evaluate.frames import FrameScores
from analysis.lab.gate.found import Found
from analysis.lab.gate.locked_set_folder import LockedFrame, LockedSet
from analysis.lab.matching import match_greedily, within

LOST, GAINED, NEW_FALSE, GONE_FALSE = "lost", "gained", "new_false", "gone_false"
KINDS = (LOST, NEW_FALSE, GAINED, GONE_FALSE)


@dataclass(frozen=True)
class Flip:
    """A place of one frame that one version calls and the other does not. kind: a mitosis `lost` or `gained`, a false
    one that is new or gone; x_l0, y_l0: on the slide, None where the frame is of none; base, candidate: the highest
    probability that each gives within 7.5 µm, None where it has no detection there.
    """

    kind: str
    file: str
    case: str
    slide: str
    x_px: float
    y_px: float
    x_l0: float | None
    y_l0: float | None
    base: float | None
    candidate: float | None

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Flips:
    """All flips, lost mitoses first; `called` and `lost`: of each frame, the mitoses that the base calls and those of
    them that the candidate does not, int (n,).
    """

    rows: list[Flip]
    called: np.ndarray
    lost: np.ndarray


def list_flips(base: Found, candidate: Found, locked: LockedSet) -> Flips:
    rows: list[Flip] = []
    called, lost = [], []
    for i, frame in enumerate(locked.frames):
        both = base.frames[i], candidate.frames[i]
        kept = base.kept[i], candidate.kept[i]
        taken = [match_greedily(each.near, keep) for each, keep in zip(both, kept, strict=True)]
        before, after = (match >= 0 for match in taken)
        called.append(int(before.sum()))
        lost.append(int((before & ~after).sum()))
        mitoses = both[0].mitoses
        false = [each.points[_unmatched(keep, match)] for each, keep, match in zip(both, kept, taken, strict=True)]
        rows += _rows_of(LOST, mitoses[before & ~after], frame, both)
        rows += _rows_of(GAINED, mitoses[after & ~before], frame, both)
        rows += _rows_of(NEW_FALSE, _alone(false[1], both[0].points[kept[0]]), frame, both)
        rows += _rows_of(GONE_FALSE, _alone(false[0], both[1].points[kept[1]]), frame, both)
    rows.sort(key=lambda flip: KINDS.index(flip.kind))
    return Flips(rows, np.array(called), np.array(lost))


def _unmatched(kept: np.ndarray, taken: np.ndarray) -> np.ndarray:
    unmatched = kept.copy()
    unmatched[taken[taken >= 0]] = False
    return unmatched


def _alone(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Those of (n, 2) points near which there is none of the others."""
    return points[[not len(near) for near in within(points, others)]] if len(points) else points


def _rows_of(kind: str, places_um: np.ndarray, frame: LockedFrame, both: Sequence[FrameScores]) -> list[Flip]:
    probabilities = [_highest_near(places_um, each) for each in both]
    mpp = np.array(both[0].size_um) / frame.size_px
    rows = []
    for place_um, before, after in zip(places_um, *probabilities, strict=True):
        place_px = place_um / mpp
        placed = frame.to_l0(place_px[None])
        x_l0, y_l0 = (None, None) if placed is None else placed[0].round(1).tolist()
        x_px, y_px = place_px.round(1).tolist()
        rows.append(Flip(kind, frame.file, frame.case, frame.slide, x_px, y_px, x_l0, y_l0, before, after))
    return rows


def _highest_near(places: np.ndarray, found: FrameScores) -> list[float | None]:
    probability = 1 / (1 + np.exp(-found.margins))
    return [round(float(probability[near].max()), 4) if len(near) else None for near in within(places, found.points)]
