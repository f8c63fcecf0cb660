"""Several fields of a microscope that do not overlap, and how much no such choice can exceed.

Choosing fields is hard in general (maximum coverage is one case of it), so the best that was found is given beside a
proven bound, and is exact where both are the same. Fields that may lie anywhere: the best one, then the next best, or a
cluster of touching ones where that holds more; then each is taken up and laid anew.

The bound is the dual of the linear relaxation, by column generation (Gilmore and Gomory 1961, Operations Research
9:849). Each point gets a price of at most its weight; then no choice of n fields holds more than the weight that the
prices leave over, and n times the best field by price, which the search for one window gives.
"""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.search.best_window import Placed, WindowSearch
from analysis.pipeline.count.search.touching import grow_clusters
from analysis.pipeline.count.search.windows import Disc, find_held, leave_out, sum_held

ROUNDS = 3  # in which each field is taken up and laid anew
PRICINGS = 25  # of points, each with a search for the best field
CLOSE_ENOUGH = 1e-9  # of what is reached: a bound this near is met


class FieldSearch:
    """search: for one field among points_um (n, 2). count: of fields. touching: in one cluster."""

    def __init__(self, search: WindowSearch, points_um: np.ndarray, count: int, touching: bool) -> None:
        self.search, self.points_um, self.count, self.touching = search, points_um, count, touching
        self.around: WindowSearch | None = None

    def find(
        self, weights: np.ndarray, taken: Sequence[Placed] = (), until: float | None = None
    ) -> tuple[list[Placed], float] | None:
        """The best fields that were found, none of which overlaps one of `taken`, and what no such fields exceed; None
        where no room was found for them."""
        found = grow_clusters(self.search, self.points_um, weights, self.count, taken, until)
        if not self.touching:
            starts = [self._place_apart(weights, taken, until), *found]
            whole = [start for start in starts if start is not None]
            found = [self._lay_anew(self._pick(weights, whole), weights, taken, until)] if whole else []
        if not found:
            return None
        best = self._pick(weights, found)
        reached = sum_held(self.points_um, weights, best)
        bound = self._bound_cluster(weights, until) if self.touching else float(weights.sum())
        return best, self._bound_fields(weights, best, reached, bound, taken, until)

    def _pick(self, weights: np.ndarray, choices: Sequence[list[Placed]]) -> list[Placed]:
        return max(choices, key=lambda placed: sum_held(self.points_um, weights, placed))

    def _place_apart(self, weights: np.ndarray, taken: Sequence[Placed], until: float | None) -> list[Placed] | None:
        placed: list[Placed] = []
        while len(placed) < self.count:
            left = leave_out(self.points_um, weights, placed)
            best = self.search.find(left, [*taken, *placed], until=until)
            if best is None:
                return None
            placed.append(best)
        return placed

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

    def _bound_fields(
        self,
        weights: np.ndarray,
        placed: Sequence[Placed],
        reached: float,
        bound: float,
        taken: Sequence[Placed],
        until: float | None,
    ) -> float:
        """Lowers a bound by pricing points, until it is what was reached."""
        columns = [np.flatnonzero(find_held(self.points_um, field) & (weights > 0)) for field in placed]
        whole = bool((weights == np.round(weights)).all())
        price = weights
        for _ in range(PRICINGS):
            if bound <= reached * (1 + CLOSE_ENOUGH):
                break
            best = self.search.find(price, taken, until=until)
            most = (best.weight if best is not None else 0.0) * self.count + float((weights - price).sum())
            bound = min(bound, float(np.floor(most + 1e-6)) if whole else most)
            if best is None:
                break
            columns.append(np.flatnonzero(find_held(self.points_um, best) & (weights > 0)))
            price = _price_points(columns, weights, self.count)
        return max(bound, reached)

    def _bound_cluster(self, weights: np.ndarray, until: float | None) -> float:
        """Fields in one cluster lie in a circle of as many times their radius: from the middle of its longest chain no
        field's centre is further than half that chain."""
        if not len(self.points_um):
            return 0.0
        if self.around is None:
            circle = Disc(self.search.window.reach_x * self.count)
            self.around = WindowSearch(self.points_um, circle, self.points_um.min(axis=0), self.points_um.max(axis=0))
        best = self.around.find(weights, until=until)
        return best.weight if best is not None else 0.0


def _price_points(columns: Sequence[np.ndarray], weights: np.ndarray, count: int) -> np.ndarray:
    """Prices (n,) by which the bound would be lowest, were there no fields but the columns (indices of points)."""
    from scipy.optimize import linprog  # with the first bound, not with each start of a process
    from scipy.sparse import csr_array

    points, member = np.unique(np.concatenate(columns), return_inverse=True)
    row = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    entry = np.concatenate([np.ones(len(row)), np.full(len(columns), -1.0)])
    at = np.concatenate([row, np.arange(len(columns))]), np.concatenate([member, np.full(len(columns), len(points))])
    held = csr_array((entry, at), (len(columns), len(points) + 1))
    bounds = np.concatenate([np.stack([np.zeros(len(points)), weights[points]], axis=1), [[0, weights.sum()]]])
    cost = np.concatenate([np.full(len(points), -1.0), [count]])
    solved = linprog(cost, A_ub=held, b_ub=np.zeros(len(columns)), bounds=bounds)
    price = weights.copy()
    price[points] = np.clip(solved.x[:-1], 0, weights[points])
    return price
