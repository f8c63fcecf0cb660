"""When a count has been decided, and by which verdicts soonest.

Each point is confirmed, refuted or open. The count that will be told is that of the best window over the confirmed
points once nothing is open, and the best window may then be another one than today. For answers a to the open points,

    told(a) = max over windows W of confirmed(W) + the open points in W that a confirms

An answer can only add to the sum of a window, so told(a) lies between two values that are both taken:

    low  = max over W of confirmed(W)               all open points refuted
    high = max over W of (confirmed + open)(W)      all open points confirmed

A score rises with the count. So *decided*, that told(a) has one score for every a, is the same as: low and high have
one score. Two exact searches, each over every window of the protocol, prove it for every rival; looking at one window
proves nothing, since another may overtake it. Where a search is not exact (many fields), low is what a window was found
to hold, and high what none exceeds, so that *decided* still holds for the best window there is.

What to ask next. A cut-off c with low < c <= high is open: "is there a window with c figures?" In one window with u
open points that lacks `need` figures, that is whether at least `need` of u are true: `need` confirmed ones prove it,
r = u - need + 1 refuted ones disprove it. Sort its open points by probability: the first `need` are the quickest proof,
the last r the quickest disproof, and the two share one point, the `need`-th. Asking it first, then its neighbour above
after a yes and the one below after a no, takes the fewest verdicts that can be expected (k-out-of-n testing: Salloum
& Breuer 1984, J Math Anal Appl 101:170-194).

The *effect* of an open point is the chance that on this way it is asked before its window is settled; the next one to
ask has 1. Summed over a window, effects are the verdicts that settle it, as expected. One window with c figures is
enough, so windows are tried by the chance to reach c for each verdict that it takes, which is best where they share no
point (Simon & Kadane 1975, Artificial Intelligence 6:235). Three are known: those of low, of high, and of the highest
expected sum; the cut-off is the open one nearest to that sum. Points of the other two follow, with their effect there
times the chance that the first window falls short. Ties go by probability, then by index.

On the lists of `make bench-decide` this took fewer verdicts, in the mean and at the 90th percentile, than the most
probable point in the window of high, than the window with the best chance whatever it costs, and than the point with
the most influence on the chances of its windows; weighing points by how many rivals they are in gained nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.pipeline.count.effect import chance_to_reach, effects_in_window
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import Found, Search, members
from analysis.pipeline.errors import PipelineRefused

MOST_NEXT = 20
OPEN, CONFIRMED, REFUTED = 0, 1, -1
SLACK = 1e-6  # of sums of weights


class DecideRefused(PipelineRefused):
    """Points, probabilities or labels from which nothing can be decided."""

    code = "decide"


@dataclass(frozen=True)
class Decision:
    """score_low, score_high: of the lowest and the highest count that may come out; None where a protocol has no
    cut-offs, whose count is decided when it cannot change at all. next: (index, effect in (0, 1]) of the open points to
    ask, most effect first; empty when decided. proof: plain values for JSON, the windows of both counts among them.
    """

    decided: bool
    score_low: str | None
    score_high: str | None
    next: list[tuple[int, float]]
    proof: dict[str, Any]


@dataclass
class _Held:
    """The best window under one weighing of the points, as it was found. members: indices, rising. bound: none holds
    more. is_stale: whether answers since may have made another one best, or lowered the bound.
    """

    found: Found
    members: np.ndarray
    bound: float
    is_stale: bool = False


@dataclass(frozen=True)
class _Way:
    """How one window is settled. points: its open ones, most probable first. chance: that it reaches the cut-off.
    effects (n,): chance of each point to be asked.
    """

    points: np.ndarray
    chance: float
    effects: np.ndarray

    @property
    def verdicts(self) -> float:
        """How many are expected until it is settled."""
        return float(self.effects.sum())


def decide(
    points_l0: np.ndarray,
    probability: Sequence[float] | np.ndarray,
    labels: Sequence[bool | None],
    search: Search,
    cutoffs: Sequence[Cutoff],
    most_next: int = MOST_NEXT,
) -> Decision:
    """Whether the count is decided, and what to ask next.

    points_l0: (n, 2), level-0 px, those that `search` was made of. probability: (n,) in [0, 1], of an open point to be
    confirmed; not looked at where a label stands. labels: (n,) True confirmed, False refuted, None open. cutoffs:
    rising. Raises DecideRefused with a sentence for other input, and where no window has enough tissue.
    """
    return Decider(points_l0, probability, labels, search, cutoffs).decide(most_next)


class Decider:
    """Decides again and again while verdicts come in.

    A window that was found keeps its place while only its own points gain and only points outside it lose. After other
    answers it still tells what low and high are at least, and the bound what they are at most; only where a cut-off
    lies between these is there a new search.
    """

    def __init__(
        self,
        points_l0: np.ndarray,
        probability: Sequence[float] | np.ndarray,
        labels: Sequence[bool | None],
        search: Search,
        cutoffs: Sequence[Cutoff],
    ) -> None:
        self.points_l0, self.probability, self.state = _read_points(points_l0, probability, labels)
        self.search, self.cutoffs = search, list(cutoffs)
        self._held: dict[str, _Held] = {}

    def judge(self, index: int, label: bool | None) -> None:
        """Takes an answer to a point, or takes it back (None)."""
        if not 0 <= index < len(self.state):
            raise DecideRefused(f"There is no point at index {index}; there are {len(self.state)}.")
        before = {name: self._weigh(name)[index] for name in self._held}
        self.state[index] = _state_of(label, index)
        for name, held in self._held.items():
            gain = self._weigh(name)[index] - before[name]
            is_inside = index in held.members
            # Of a search that is not exact a loss may have lowered the bound.
            keeps = is_inside if gain > 0 else not is_inside and held.found.exact
            held.is_stale |= bool(gain != 0 and not keeps)
            held.bound += max(gain, 0.0)

    def _weigh(self, name: str) -> np.ndarray:
        """Weights (n,) under which a window's sum is the count it has at least, may have, or is expected to have."""
        of_open = {"low": 0.0 * self.probability, "high": np.ones(len(self.state)), "expected": self.probability}
        return np.where(self.state == OPEN, of_open[name], self.state == CONFIRMED)

    def _sum(self, name: str, held: _Held) -> float:
        return float(self._weigh(name)[held.members].sum())

    def _find(self, name: str, anew: bool = False) -> _Held:
        """The window that was found under these weights."""
        if anew or name not in self._held:
            # Of the expected only its points are asked, so that fields need no bound.
            regions = self.search.best(self._weigh(name), prove=name != "expected")
            if not regions:
                raise DecideRefused("No window of this protocol has room with enough tissue: nothing to decide.")
            inside = np.flatnonzero(members(self.points_l0, regions[0], self.search.shape, self.search.frame))
            self._held[name] = _Held(regions[0], inside, regions[0].bound or 0.0)
            self._held[name].bound = max(regions[0].bound or 0.0, self._sum(name, self._held[name]))
        return self._held[name]

    def decide(self, most_next: int = MOST_NEXT) -> Decision:
        for name in ("low", "high"):
            self._find(name)
        for name in ("high", "low"):
            self._sharpen(name)
        low, high = self._find_fullest("low"), self._find("high")
        lowest, highest = round(self._sum("low", low)), int(high.bound + SLACK)
        crossed = self._list_crossed(lowest, highest)
        return Decision(
            decided=not crossed,
            score_low=score_of(lowest, self.cutoffs),
            score_high=score_of(highest, self.cutoffs),
            next=self._rank(crossed)[:most_next] if crossed else [],
            proof={
                "lowest": self._tell(low, lowest),
                "highest": self._tell(high, highest),
                "cutoffs": [{"score": cutoff.score, "from": cutoff.from_count} for cutoff in self.cutoffs],
                "open_cutoffs": crossed if self.cutoffs else [],
                "exact": bool(self._find("low").found.exact and high.found.exact),
                "open": int((self.state == OPEN).sum()),
                "sentence": self._say(lowest, highest, bool(crossed)),
            },
        )

    def _sharpen(self, name: str) -> None:
        """Searches anew where a cut-off lies between what low or high is at least and at most. What takes long and may
        not be exact is left where it could change nothing."""
        held = self._find(name)
        at_least, at_most = self._sum(name, self._find_fullest(name)), held.bound
        if not held.is_stale or not self._list_crossed(at_least, at_most):
            return
        low_at_most, high_at_least = self._find("low").bound, self._sum("high", self._find_fullest("high"))
        if held.found.exact or not self._list_crossed(low_at_most, high_at_least):
            self._find(name, anew=True)

    def _find_fullest(self, name: str) -> _Held:
        """Of all windows that are known the one that holds most under these weights."""
        return max([self._find(name), *self._held.values()], key=lambda held: self._sum(name, held))

    def _list_crossed(self, low: float, high: float) -> list[int]:
        """Counts above low, up to high, at which the score changes; every one where there are no cut-offs."""
        low, high = round(low), int(high + SLACK)
        if not self.cutoffs:
            return list(range(low + 1, high + 1))
        return [cutoff.from_count for cutoff in self.cutoffs if low < cutoff.from_count <= high]

    def _tell(self, held: _Held, count: int) -> dict[str, Any]:
        state = self.state[held.members]
        return {
            "count": count,
            "confirmed": int((state == CONFIRMED).sum()),
            "open": int((state == OPEN).sum()),
            "polygon_l0": [[float(value) for value in corner] for corner in held.found.polygon_l0],
            "fields_l0": held.found.fields_l0 and [[float(x), float(y)] for x, y in held.found.fields_l0],
            "exact": bool(held.found.exact),
        }

    def _say(self, lowest: int, highest: int, is_open: bool) -> str:
        count = f"{lowest}" if lowest == highest else f"at least {lowest} and at most {highest}"
        if is_open and not (self.state == OPEN).any():
            return f"All is judged, but the search has proven only that the best fields hold {count}."
        sentence = f"Whatever is still answered, the best window holds {count}"
        if not self.cutoffs:
            return f"{sentence}."
        return f"{sentence}: {'a window may still' if is_open else 'no window can'} cross a cut-off."

    def _rank(self, crossed: list[int]) -> list[tuple[int, float]]:
        """(index, effect) of the open points of the known windows that may still reach the cut-off."""
        expected = self._sum("expected", self._find("expected"))
        cutoff = min(crossed, key=lambda count: (abs(count - 0.5 - expected), count))
        if self._held["expected"].is_stale and self._lay_way(self._held["expected"].members, cutoff) is None:
            self._find("expected", anew=True)
        # Two questions may have found one window, which is dear to order where it holds thousands.
        known = {held.members.tobytes(): held for held in map(self._find, ("low", "expected", "high"))}
        ways = [way for held in known.values() if (way := self._lay_way(held.members, cutoff)) is not None]
        ways.sort(key=lambda way: (-way.chance / way.verdicts, way.verdicts))
        effect = np.zeros(len(self.state))
        for place, way in enumerate(ways or self._lay_last_way()):
            share = 1.0 if place == 0 else 1.0 - ways[0].chance
            effect[way.points] = np.maximum(effect[way.points], share * way.effects)
        listed = np.flatnonzero(effect > 0)
        order = np.lexsort((listed, -self.probability[listed], -effect[listed]))
        return [(int(point), float(effect[point])) for point in listed[order]]

    def _lay_way(self, members: np.ndarray, cutoff: int) -> _Way | None:
        """How a window is settled against a cut-off; None where it has or cannot have that count."""
        state = self.state[members]
        need = cutoff - int((state == CONFIRMED).sum())
        points = self._sort_open(members[state == OPEN])
        if not 0 < need <= len(points):
            return None
        return _Way(points, chance_to_reach(self.probability[points], need), self._find_effects(points, need))

    def _lay_last_way(self) -> list[_Way]:
        """Where a search that is not exact knows no window that can cross the cut-off, only a bound that does: all
        open points, the most probable first."""
        points = self._sort_open(np.flatnonzero(self.state == OPEN))
        return [_Way(points, 0.0, self._find_effects(points, 1))] if len(points) else []

    def _find_effects(self, points: np.ndarray, need: int) -> np.ndarray:
        return effects_in_window(self.probability[points], need)

    def _sort_open(self, points: np.ndarray) -> np.ndarray:
        return points[np.lexsort((points, -self.probability[points]))]


def _read_points(
    points_l0: np.ndarray, probability: Sequence[float] | np.ndarray, labels: Sequence[bool | None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), probabilities (n,) and states (n,), or DecideRefused."""
    points_l0 = np.asarray(points_l0, float)
    points_l0 = points_l0.reshape(-1, 2) if points_l0.size == 0 else points_l0
    if points_l0.ndim != 2 or points_l0.shape[1] != 2:
        raise DecideRefused("Each point needs two coordinates, x and y.")
    state = np.array([_state_of(label, index) for index, label in enumerate(labels)], np.int8)
    probability = np.asarray(probability, float).reshape(-1)
    if not len(points_l0) == len(probability) == len(state):
        raise DecideRefused(
            f"{len(points_l0)} points, {len(probability)} probabilities and {len(state)} labels: "
            "each point needs one of each."
        )
    for index in np.flatnonzero(~np.isfinite(points_l0).all(axis=1))[:1]:
        raise DecideRefused(f"The point at index {index} has a coordinate that is not a number.")
    for index in np.flatnonzero(~((probability >= 0) & (probability <= 1)))[:1]:
        raise DecideRefused(
            f"The point at index {index} has the probability {probability[index]:g}, which is not from 0 to 1."
        )
    return points_l0, probability, state


def _state_of(label: object, index: int) -> int:
    if label is None:
        return OPEN
    if isinstance(label, bool | np.bool_):
        return CONFIRMED if label else REFUTED
    raise DecideRefused(f"The point at index {index} has the label {label!r}; a label is true, false or null.")
