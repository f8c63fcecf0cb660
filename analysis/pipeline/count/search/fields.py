"""Several fields of a microscope that do not overlap, and how much no such choice can exceed.

Choosing fields is hard in general (maximum coverage is one case of it), so the best that was found is given beside a
proven bound, and is exact where both are the same. Fields that may lie anywhere: the best one, then the next best, or a
cluster of touching ones where that holds more; then each is taken up and laid anew. Where fields laid so leave no room
for the others, those of a packing that was found without weights are laid anew instead.
"""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.search.apart import list_apart
from analysis.pipeline.count.search.best_window import Placed, WindowSearch
from analysis.pipeline.count.search.field_bound import CLOSE_ENOUGH, FieldBound
from analysis.pipeline.count.search.packing import find_packing
from analysis.pipeline.count.search.touching import count_seeds, grow_from, improve_cluster
from analysis.pipeline.count.search.windows import find_held, leave_out, sum_held

ROUNDS = 3  # in which each field is taken up and laid anew


class FieldSearch:
    """search: for one field among points_um (n, 2). count: of fields. touching: in one cluster."""

    def __init__(self, search: WindowSearch, points_um: np.ndarray, count: int, touching: bool) -> None:
        self.search, self.points_um, self.count, self.touching = search, points_um, count, touching
        self.bound = FieldBound(search, points_um, count, touching)
        self.packing: list[Placed] | None = None
        self.has_packed = False
        self.last: tuple[np.ndarray, list[Placed]] | None = None  # weights that were asked last, and what was placed

    def find(
        self, weights: np.ndarray, taken: Sequence[Placed] = (), until: float | None = None, prove: bool = True
    ) -> tuple[list[Placed], float] | None:
        """The best fields that were found, none of which overlaps one of `taken`, and what no such fields exceed; None
        where no room was found for them, which does not depend on weights. prove: False spares the bound its time; it
        is then what all points weigh. Where nothing weighs anything one place is as good as another."""
        if self.last is not None and not taken and (not weights.any() or np.array_equal(weights, self.last[0])):
            best = self.last[1]
        elif (found := self._place(weights, taken, until)) is None:
            return None
        else:
            best = found
        if not taken:
            self.last = weights.copy(), best
        return best, self.bound.find(weights, best, taken, until) if prove else float(weights.sum())

    def _place(self, weights: np.ndarray, taken: Sequence[Placed], until: float | None) -> list[Placed] | None:
        seeds, least = count_seeds(self.count), 1 if self.touching else self.count
        apart = list_apart(self.search, self.points_um, weights, least, max(seeds, least), taken, until)
        begun = [one for index, one in enumerate(apart[:seeds]) if not index or one.weight > 0]
        found = grow_from(begun, self.search, self.points_um, weights, self.count, taken, until)
        if not self.touching and len(apart) >= self.count:
            found = [apart[: self.count], *found]
        start = self._pick(weights, found) if found else self._find_packing(taken, until)
        if start is None:
            return None
        if not self.touching:
            return self._lay_anew(start, weights, taken, until)
        return start if found else improve_cluster(start, self.search, self.points_um, weights, taken, until)

    def _find_packing(self, taken: Sequence[Placed], until: float | None) -> list[Placed] | None:
        """Kept where nothing is taken, as it is the same for all weights."""
        if taken:
            return find_packing(self.search, self.points_um, self.count, self.touching, taken, until)
        if not self.has_packed:
            self.packing = find_packing(self.search, self.points_um, self.count, self.touching, (), until)
            self.has_packed = True
        return self.packing

    def _pick(self, weights: np.ndarray, choices: Sequence[list[Placed]]) -> list[Placed]:
        return max(choices, key=lambda placed: sum_held(self.points_um, weights, placed))

    def _lay_anew(
        self, placed: list[Placed], weights: np.ndarray, taken: Sequence[Placed], until: float | None
    ) -> list[Placed]:
        """Each field is taken up and laid where it then holds most: over the place where it lay, or apart from all."""
        for _ in range(ROUNDS):
            before, (left, aside) = list(placed), self._look_aside(placed, weights, taken, until)
            for index, one in enumerate(before):
                held, others = find_held(self.points_um, one), [*placed[:index], *placed[index + 1 :]]
                now = float(weights[held].sum()) * (1 + CLOSE_ENOUGH)
                apart = aside if aside is not None and aside.weight > now else None
                without, least = np.where(held, weights, left), now if apart is None else apart.weight
                better = self.search.find(without, [*taken, *others], least, until, near=one) or apart
                if better is not None:
                    placed = [*placed[:index], better, *placed[index + 1 :]]
                    left, aside = self._look_aside(placed, weights, taken, until)
            if placed == before:
                break
        return placed

    def _look_aside(
        self, placed: Sequence[Placed], weights: np.ndarray, taken: Sequence[Placed], until: float | None
    ) -> tuple[np.ndarray, Placed | None]:
        """What the fields placed leave of the weights (n,); the best field apart from all of them, where it holds more
        than one of them does."""
        left = leave_out(self.points_um, weights, placed)
        least = min(sum_held(self.points_um, weights, [one]) for one in placed) * (1 + CLOSE_ENOUGH)
        return left, self.search.find(left, [*taken, *placed], least, until)
