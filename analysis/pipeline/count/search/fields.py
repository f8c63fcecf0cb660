"""Several fields of a microscope that do not overlap, and how much no such choice can exceed.

Choosing fields is hard in general (maximum coverage is one case of it), so the best that was found is given beside a
proven bound, and is exact where both are the same. Fields that may lie anywhere: the best one, then the next best, or a
cluster of touching ones where that holds more; then each is taken up and laid anew. Where fields laid so leave no room
for the others, those of a packing that was found without weights are laid anew instead.

The bound is the dual of the linear relaxation, by column generation (Gilmore and Gomory 1961, Operations Research
9:849). Each point gets a price of at most its weight. Then no choice of n fields holds more than n times the best field
by price, which the search for one window gives, and what the prices leave over: of all points, or, for fields in one
cluster, of those in the best circle that is as wide as the longest cluster.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from analysis.pipeline.count.search.best_window import Placed, WindowSearch
from analysis.pipeline.count.search.errors import SearchTooLong
from analysis.pipeline.count.search.packing import find_packing, place_apart
from analysis.pipeline.count.search.touching import grow_clusters, improve_cluster
from analysis.pipeline.count.search.windows import APART_UM, Disc, find_held, leave_out, sum_held

ROUNDS = 3  # in which each field is taken up and laid anew
PRICINGS = 25  # of points, each with a search for the best field
CLOSE_ENOUGH = 1e-9  # of what is reached: a bound this near is met


class FieldSearch:
    """search: for one field among points_um (n, 2). count: of fields. touching: in one cluster."""

    def __init__(self, search: WindowSearch, points_um: np.ndarray, count: int, touching: bool) -> None:
        self.search, self.points_um, self.count, self.touching = search, points_um, count, touching
        self.around: WindowSearch | None = None
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
        return best, self._bound(weights, best, taken, until) if prove else float(weights.sum())

    def _place(self, weights: np.ndarray, taken: Sequence[Placed], until: float | None) -> list[Placed] | None:
        found = grow_clusters(self.search, self.points_um, weights, self.count, taken, until)
        if not self.touching:
            apart = place_apart(self.search, self.points_um, weights, self.count, taken, until)
            found = [apart, *found] if apart else found
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
        for _ in range(ROUNDS):
            before = list(placed)
            for index in range(self.count):
                others = placed[:index] + placed[index + 1 :]
                left = leave_out(self.points_um, weights, others)
                now = sum_held(self.points_um, left, [placed[index]])
                better = self.search.find(left, [*taken, *others], now * (1 + CLOSE_ENOUGH), until)
                placed = [*placed[:index], better or placed[index], *placed[index + 1 :]]
            if placed == before:
                break
        return placed

    def _bound(
        self, weights: np.ndarray, placed: Sequence[Placed], taken: Sequence[Placed], until: float | None
    ) -> float:
        """What no such fields exceed. Prices points anew until that is what those placed hold, or the time is over:
        each pricing gives a bound, only not as near a one."""
        reached = sum_held(self.points_um, weights, placed)
        try:
            around = [self._find_around(weights, until)]
        except SearchTooLong:
            return max(float(weights.sum()), reached)
        bound = np.inf
        for bound in self._price_anew(weights, placed, around, taken, until):
            if bound <= reached * (1 + CLOSE_ENOUGH):
                break
        return max(bound, reached)

    def _price_anew(
        self,
        weights: np.ndarray,
        placed: Sequence[Placed],
        around: list[np.ndarray],
        taken: Sequence[Placed],
        until: float | None,
    ) -> Iterator[float]:
        """Bounds, none above the one before."""
        fields = [self._list_held(weights, one) for one in placed]
        bound = float(weights[around[0]].sum())
        yield bound
        whole = bool((weights == np.round(weights)).all())
        price = weights
        for _ in range(PRICINGS):
            try:
                best = self.search.find(price, taken, until=until)
                left_over = self._find_around(weights - price, until)
                most = float((weights - price)[left_over].sum()) + (best.weight if best else 0.0) * self.count
                bound = min(bound, float(np.floor(most + 1e-6)) if whole else most)
                yield bound
                if best is None:
                    return
                fields.append(self._list_held(weights, best))
                around.append(left_over)
                price = _price_points(fields, around, weights, self.count, until)
            except SearchTooLong:
                return

    def _list_held(self, weights: np.ndarray, placed: Placed) -> np.ndarray:
        return np.flatnonzero(find_held(self.points_um, placed) & (weights > 0))

    def _find_around(self, weights: np.ndarray, until: float | None) -> np.ndarray:
        """Indices of the points of highest weight that fields can hold together: all, or of a cluster those in a circle
        of as many times a field's radius. From the middle of its longest chain no centre is further than half of it."""
        if not self.touching or not len(self.points_um):
            return np.arange(len(self.points_um))
        if self.around is None:
            circle = Disc((self.search.window.reach_x + APART_UM) * self.count)
            self.around = WindowSearch(self.points_um, circle, self.points_um.min(axis=0), self.points_um.max(axis=0))
        best = self.around.find(weights, until=until)
        return np.arange(0) if best is None else np.flatnonzero(find_held(self.points_um, best))


def _price_points(
    fields: Sequence[np.ndarray], around: Sequence[np.ndarray], weights: np.ndarray, count: int, until: float | None
) -> np.ndarray:
    """Prices (n,) by which the bound would be lowest, were there no other fields and circles around them than these,
    each the indices of its points. Unknown are the prices of points in fields, the best field, and what is left over.
    """
    from scipy.optimize import linprog  # with the first bound, not with each start of a process
    from scipy.sparse import csr_array

    points = np.unique(np.concatenate(fields))
    sets = [*(np.searchsorted(points, one) for one in fields), *(_find_places(points, one) for one in around)]
    sign = np.repeat([1.0, -1.0], [len(fields), len(around)])
    many = [len(one) for one in sets]
    entry = np.concatenate([np.repeat(sign, many), np.full(len(sets), -1.0)])
    row = np.concatenate([np.repeat(np.arange(len(sets)), many), np.arange(len(sets))])
    column = np.concatenate([*sets, np.where(sign > 0, len(points), len(points) + 1)])
    most = np.where(sign > 0, 0.0, [-float(weights[points[one]].sum()) for one in sets])
    solved = linprog(
        np.concatenate([np.zeros(len(points)), [count, 1.0]]),
        A_ub=csr_array((entry, (row, column)), (len(sets), len(points) + 2)),
        b_ub=most,
        bounds=np.stack([np.zeros(len(points) + 2), [*weights[points], np.inf, np.inf]], axis=1),
        options={} if until is None else {"time_limit": max(until - time.monotonic(), 0.01)},
    )
    if solved.x is None:
        raise SearchTooLong
    price = weights.copy()
    price[points] = np.clip(solved.x[:-2], 0, weights[points])
    return price


def _find_places(points: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Where in the rising `points` those of `some` are that are among them."""
    return np.flatnonzero(np.isin(points, some))
