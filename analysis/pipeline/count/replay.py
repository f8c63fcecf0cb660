"""A count told anew from other places, or by another protocol, beside what it was.

    question = Question(shape, cutoffs, frame, tissue, tumour)
    before, after = question.tell(calls_l0), question.tell(other_calls_l0)
    is_lost = find_alone(calls_l0, other_calls_l0, frame.scale_um)    # called before, by nobody near it after

Each is told in its own best window, as the product tells a count: another version does not only call otherwise in the
window of the one before, it may also move the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import Frame, Search, members, outline_fields
from analysis.pipeline.count.shapes import Shape
from analysis.pipeline.merge import RADIUS_UM

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Told:
    """count: places in the best window. score: of the protocol's cut-offs, None without any. rings_l0: the window's
    outlines, one for each field. inside: which places it holds, bool (n,).
    """

    count: int
    score: str | None
    rings_l0: list[list[tuple[float, float]]]
    inside: np.ndarray


@dataclass(frozen=True)
class Question:
    """By what and where is counted. tissue, tumour: rings in level-0 px under the even-odd rule, None where unknown;
    seconds: that a search may take.
    """

    shape: Shape
    cutoffs: Sequence[Cutoff]
    frame: Frame
    tissue: list[Ring] | None = None
    tumour: list[Ring] | None = None
    seconds: float = 60.0

    def tell(self, places_l0: np.ndarray) -> Told | None:
        """The count of places (n, 2), finite, level-0 px; None where no window has room.

        Raises SearchTooLong, and SearchRefused for places that are none.
        """
        search = Search(places_l0, self.shape, self.frame, self.tissue, self.tumour)
        # Of fields the best that are found are told, here as in the product.
        found = search.best(None, seconds=self.seconds, prove=False)
        if not found:
            return None
        inside = members(places_l0, found[0], self.shape, self.frame)
        count = int(inside.sum())
        is_one = found[0].fields_l0 is None
        rings = [found[0].polygon_l0] if is_one else outline_fields(found[0], self.shape, self.frame)
        outlines = [[(float(x), float(y)) for x, y in ring] for ring in rings]
        return Told(count, score_of(count, self.cutoffs), outlines, inside)


def find_alone(mine_l0: np.ndarray, others_l0: np.ndarray, um_per_px: np.ndarray) -> np.ndarray:
    """Which of my places (n, 2) have none of the others (m, 2) within 7.5 µm: bool (n,). um_per_px: (2,), x and y."""
    alone = np.ones(len(mine_l0), bool)
    if not len(others_l0):
        return alone
    for start in range(0, len(mine_l0), ROWS_AT_ONCE):
        rows = mine_l0[start : start + ROWS_AT_ONCE]
        away_um = np.linalg.norm((rows[:, None] - others_l0[None]) * um_per_px, axis=2)
        alone[start : start + ROWS_AT_ONCE] = away_um.min(1) > RADIUS_UM
    return alone
