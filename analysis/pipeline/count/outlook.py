"""All that pages tell of a count beside the count itself, worked out together: the best regions, whether any answer can
still change the score, what to judge next, and an interval that knows of the search.

What takes too long is left out and named, so that the rest can be told.
"""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from analysis.pipeline.count.decide import CONFIRMED, OPEN, Decision, decide
from analysis.pipeline.count.interval import DRAWS, SEED, searched_interval
from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import Found, Frame, Search, SearchTooLong, members
from analysis.pipeline.count.shapes import FIELDS, Shape

REGIONS, DECISION, ALTERNATES, INTERVAL = "regions", "decision", "alternates", "interval"
LABEL_OF_STATE = {CONFIRMED: True, OPEN: None}
MOST_SEARCHES, MOST_KNOWN = 8, 32
FIELDS_SHARE = 0.25  # of the time, that one bound of fields may take: it is as near as there is time for


@dataclass(frozen=True)
class OutlookTask:
    """What is asked.

    points_l0: (n, 2), finite, level-0 px. counted: (n,) bool, what regions are searched by. state: (n,) int8,
    CONFIRMED, REFUTED or OPEN. probability: (n,) in [0, 1], of an open point to be confirmed. tissue, tumour: rings in
    level-0 px; None where not known. alternates: regions beside the best. wants_interval: told where nothing counted is
    open in the best region. seconds: for regions and decision together; draw_seconds: for the interval beside.
    """

    points_l0: np.ndarray
    counted: np.ndarray
    state: np.ndarray
    probability: np.ndarray
    shape: Shape
    cutoffs: tuple[Cutoff, ...]
    frame: Frame
    tissue: list[Ring] | None = None
    tumour: list[Ring] | None = None
    alternates: int = 2
    wants_interval: bool = False
    most_next: int = 50
    seconds: float = 8.0
    draw_seconds: float = 4.0


@dataclass(frozen=True)
class OutlookInterval:
    """As SearchedInterval, in figures."""

    low: float
    high: float
    optimism: float


@dataclass(frozen=True)
class Outlook:
    """What is answered.

    regions: best first; empty where no window has room. has_score_confirmed: whether they were searched by confirmed
    points alone, since the score is decided and the region that holds most with all that is open does not show it.
    decided: None where nothing was decided. score: the one decided on. next: (index, effect), most effect first.
    verdicts_to_go: expected until the nearest open cut-off is settled. lowest, highest, sentence: of Decision.proof.
    mask_cell_um: of the grid over which regions are exact, as Search says it.
    late: which parts did not end in time, of REGIONS, DECISION, ALTERNATES and INTERVAL.
    """

    regions: list[Found] = field(default_factory=list)
    has_score_confirmed: bool = False
    decided: bool | None = None
    score: str | None = None
    next: list[tuple[int, float]] = field(default_factory=list)
    verdicts_to_go: int | None = None
    lowest: dict[str, Any] | None = None
    highest: dict[str, Any] | None = None
    sentence: str = ""
    interval: OutlookInterval | None = None
    mask_cell_um: tuple[float, float] | None = None
    late: tuple[str, ...] = ()


# By weights: how many alternates were looked for, whether the bound was, and the regions.
Known = OrderedDict[bytes, tuple[int, bool, list[Found]]]


class SearchMemory:
    """Searches of the last tasks with what they found. A verdict leaves half of what is asked as it was, and with
    nothing open several questions are one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[Search, Known]] = OrderedDict()

    def recall(self, task: OutlookTask) -> tuple[Search, Known]:
        """The search of the task's places, and what is known by it."""
        digest = hashlib.sha256(repr((task.shape, task.frame)).encode() + task.points_l0.tobytes())
        for rings in (task.tissue, task.tumour):
            digest.update(b"none" if rings is None else b"rings")
            for ring in rings or ():
                digest.update(np.asarray(ring, float).tobytes())
        key = digest.digest()
        if key not in self._kept:
            search = Search(task.points_l0, task.shape, task.frame, task.tissue, task.tumour)
            self._kept[key] = search, OrderedDict()
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_SEARCHES:
            self._kept.popitem(last=False)
        return self._kept[key]


class _LimitedSearch:
    """A search that ends in time and remembers."""

    def __init__(self, search: Search, known: Known, seconds: float) -> None:
        self.search, self.shape, self.frame, self._known = search, search.shape, search.frame, known
        self.until, self.field_seconds = time.monotonic() + seconds, FIELDS_SHARE * seconds

    def best(self, weights: np.ndarray, alternates: int = 0, prove: bool = True) -> list[Found]:
        """prove: as of Search.best."""
        weights = np.asarray(weights, float)
        asked = hashlib.sha256(weights.tobytes()).digest()
        many, is_proven, found = self._known.get(asked, (-1, False, []))
        if many < alternates or (prove and not is_proven):
            found = self._search(weights, alternates, prove)
            self._known[asked] = alternates, prove or self.shape.kind != FIELDS, found
        self._known.move_to_end(asked)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found[: alternates + 1]

    def _search(self, weights: np.ndarray, alternates: int, prove: bool) -> list[Found]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise SearchTooLong
        if self.shape.kind != FIELDS:
            return self.search.best(weights, alternates, left)
        if not prove:
            return self.search.best(weights, alternates, left, prove=False)
        if not alternates:
            return self._search_fields(weights, left)
        best = self.best(weights)
        try:
            # Places are the same without a proof; of what the others cannot exceed nothing is told.
            found = self.search.best(weights, alternates, max(0.0, self.until - time.monotonic()), prove=False)
        except SearchTooLong:
            return best
        return [*best, *(replace(other, exact=False, bound=None) for other in found[1:])]

    def _search_fields(self, weights: np.ndarray, seconds: float) -> list[Found]:
        """Fields without a near bound are better than none: they are placed first, which the search remembers."""
        found = self.search.best(weights, 0, seconds, prove=False)
        left = max(0.0, self.until - time.monotonic())
        return self.search.best(weights, 0, min(left, self.field_seconds)) if found else found


def work_out(task: OutlookTask, memory: SearchMemory | None = None) -> Outlook:
    """Raises SearchRefused and DecideRefused for what means nothing."""
    search, known = (memory or SearchMemory()).recall(task)
    limited = _LimitedSearch(search, known, task.seconds)
    try:
        regions = limited.best(task.counted, 0 if task.shape.kind == FIELDS else task.alternates)
    except SearchTooLong:
        return Outlook(late=(REGIONS, DECISION, *([INTERVAL] if task.wants_interval else [])))
    if not regions:
        return Outlook()
    found = _add_alternates(task, limited, _decide(task, limited, Outlook(regions, mask_cell_um=search.mask_cell_um)))
    return _add_interval(task, search, found) if task.wants_interval else found


def wants_draws(task: OutlookTask, regions: list[Found]) -> bool:
    """Whether the interval of the best region takes searches: where something is counted there, and nothing is open."""
    if not regions:
        return False
    inside = members(task.points_l0, regions[0], task.shape, task.frame) & task.counted
    return bool(inside.any() and not (task.state[inside] == OPEN).any())


def _decide(task: OutlookTask, limited: _LimitedSearch, found: Outlook) -> Outlook:
    labels = [LABEL_OF_STATE.get(state, False) for state in task.state.tolist()]
    try:
        # The search is what decide asks of one: best regions for weights, its shape and frame.
        decision = decide(task.points_l0, task.probability, labels, limited, task.cutoffs, len(labels))  # type: ignore[arg-type]
        regions = _choose_regions(task, limited, found.regions, decision)
    except SearchTooLong:
        return replace(found, late=(*found.late, DECISION))
    lowest, highest = decision.proof["lowest"], decision.proof["highest"]
    return replace(
        found,
        regions=regions,
        has_score_confirmed=regions is not found.regions,
        decided=decision.decided,
        score=decision.score_low if decision.decided else None,
        next=decision.next[: task.most_next],
        verdicts_to_go=0 if decision.decided else max(1, ceil(sum(effect for _, effect in decision.next) - 1e-6)),
        lowest=lowest,
        highest=highest,
        sentence=decision.proof["sentence"],
    )


def _choose_regions(
    task: OutlookTask, limited: _LimitedSearch, regions: list[Found], decision: Decision
) -> list[Found]:
    """Once a score is decided, regions whose confirmed points have it; until then those that hold most if all that is
    open is confirmed."""
    if not (decision.decided and task.cutoffs):
        return regions
    inside = members(task.points_l0, regions[0], task.shape, task.frame)
    confirmed = int((task.state[inside] == CONFIRMED).sum())
    if score_of(confirmed, task.cutoffs) == decision.score_low:
        return regions
    return limited.best(task.state == CONFIRMED)


def _add_alternates(task: OutlookTask, limited: _LimitedSearch, found: Outlook) -> Outlook:
    weights = task.state == CONFIRMED if found.has_score_confirmed else task.counted
    try:
        return replace(found, regions=limited.best(weights, task.alternates))
    except SearchTooLong:
        return replace(found, late=(*found.late, ALTERNATES))


def _add_interval(task: OutlookTask, search: Search, found: Outlook) -> Outlook:
    if not wants_draws(task, found.regions):
        return found
    holds = partial(members, task.points_l0, shape=task.shape, frame=task.frame)
    until = time.monotonic() + task.draw_seconds
    try:
        searched = searched_interval(
            task.counted, found.regions[0], _DrawnSearch(search, until), holds, DRAWS, SEED, task.draw_seconds
        )
    except SearchTooLong:
        searched = None
    if searched is None:
        return replace(found, late=(*found.late, INTERVAL))
    return replace(found, interval=OutlookInterval(searched.low, searched.high, searched.optimism))


@dataclass(frozen=True)
class _DrawnSearch:
    """A search as draws need it, which compare what was found and use no bound."""

    search: Search
    until: float

    def best(self, weights: np.ndarray) -> list[Found]:
        return self.search.best(weights, seconds=max(0.0, self.until - time.monotonic()), prove=False)
