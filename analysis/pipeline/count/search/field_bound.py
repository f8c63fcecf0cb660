"""What no choice of fields exceeds: the dual of the linear relaxation, by column generation (Gilmore and Gomory 1961,
Operations Research 9:849).

Each point gets a price of at most its weight. Then no choice of n fields holds more than n times the best field by
price, which the search for one window gives, and what the prices leave over: of all points, or, for fields in one
cluster, of those in the best circle that is as wide as the longest cluster.

The first prices that are no weights follow how dense points lie. Those after them come from a linear programme over the
fields met so far, in which points that the same fields hold are one; while the bound is far from what the programme
says, the prices asked are half-way between its own and the best so far, since its own jump from corner to corner
(Wentges 1997, Int Trans Oper Res 4:151).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from analysis.pipeline.count.search.best_window import WindowSearch
from analysis.pipeline.count.search.errors import SearchTooLong
from analysis.pipeline.count.search.windows import APART_UM, Disc, Placed, find_held, sum_held

PRICINGS = 25  # of points at most, each with a search for the best field
MET = 24  # fields that each of them gives at most
MANY_POINTS = 2000  # from which the first prices follow density, and pricings end that gain little: they are dear
FAR = 0.01  # of the bound, above what the linear programme says
GAIN, LAST = 0.01, 3  # of the bound, in so many pricings, which these are worth among many points
ROUNDING = 1e-6  # that a bound which is a whole number may lack
CLOSE_ENOUGH = 1e-9  # of what is reached: a bound this near is met


class FieldBound:
    """search: for one field among points_um (n, 2). count: of fields. touching: in one cluster."""

    def __init__(self, search: WindowSearch, points_um: np.ndarray, count: int, touching: bool) -> None:
        self.search, self.points_um, self.count, self.touching = search, points_um, count, touching
        self.circles: WindowSearch | None = None

    def find(
        self, weights: np.ndarray, placed: Sequence[Placed], taken: Sequence[Placed], until: float | None
    ) -> float:
        """What no such fields exceed, none of which overlaps one of `taken`. Prices points anew until that is what
        those placed hold, or the time is over: each pricing gives a bound, only not as near a one."""
        reached = sum_held(self.points_um, weights, placed)
        bound = float(weights.sum())
        with suppress(SearchTooLong):  # what was proven until then holds
            for bound in self._price_anew(weights, placed, taken, until):
                if bound <= reached * (1 + CLOSE_ENOUGH):
                    break
        return max(bound, reached)

    def _price_anew(
        self, weights: np.ndarray, placed: Sequence[Placed], taken: Sequence[Placed], until: float | None
    ) -> Iterator[float]:
        """Bounds, none above the one before, until further ones would gain nothing."""
        around = self._find_around(weights, until)
        known = _Known(weights, self.count, [around])
        known.add([self._list_held(weights, one) for one in placed])
        whole, many = bool((weights == np.round(weights)).all()), len(weights) >= MANY_POINTS
        best, asked = weights, weights
        bounds = [float(weights[around].sum())]
        yield bounds[-1]
        for pricing in range(PRICINGS):
            held = self._find_best(asked, known, taken, until)
            left_over = self._find_around(weights - asked, until)
            bound = float((weights - asked)[left_over].sum()) + held * self.count
            best = asked if bound < bounds[-1] else best
            bounds.append(min(bound, bounds[-1]))
            yield _round_down(bounds[-1]) if whole else bounds[-1]
            if self.touching:
                known.around.append(left_over)
            if pricing == 0 and many:
                asked = self._price_by_density(weights, around, held)
                continue
            price, least = known.price_points(until)
            if _has_ended(bounds, least, whole, many):
                return
            asked = (price + best) / 2 if bounds[-1] > least * (1 + FAR) else price

    def _find_best(self, price: np.ndarray, known: "_Known", taken: Sequence[Placed], until: float | None) -> float:
        """What the best field holds by price; those met on the way are known from then on."""
        most = max((float(price[held].sum()) for held in known.fields), default=0.0)
        met = self.search.find_several(price, taken, most * (1 - CLOSE_ENOUGH), until, MET)
        known.add([self._list_held(known.weights, one) for one in met])
        return max([most, *(one.weight for one in met)])

    def _price_by_density(self, weights: np.ndarray, around: np.ndarray, most: float) -> np.ndarray:
        """Prices (n,) with which all fields hold much the same where points are dense: what a field about each point
        holds, cut to a level. At the level that is taken the bound is lowest, were they all the same there."""
        dense = self.search.bound_about(weights, self.points_um)
        dense = np.maximum(dense * (most / dense.max()), 1e-9 * most)
        order = around[np.argsort(dense[around], kind="stable")]
        level = dense[order]
        given = (weights[order] / level)[::-1].cumsum()[::-1]  # what is left over less for each unit of the level
        at = int(np.searchsorted(-given, -self.count))
        return weights * np.minimum(1.0, level[min(at, len(level) - 1)] / dense)

    def _list_held(self, weights: np.ndarray, placed: Placed) -> np.ndarray:
        return np.flatnonzero(find_held(self.points_um, placed) & (weights > 0))

    def _find_around(self, weights: np.ndarray, until: float | None) -> np.ndarray:
        """Indices of the points of highest weight that fields can hold together: all, or of a cluster those in a circle
        of as many times a field's radius. From the middle of its longest chain no centre is further than half of it."""
        if not self.touching or not len(self.points_um):
            return np.arange(len(self.points_um))
        if self.circles is None:
            circle = Disc((self.search.window.reach_x + APART_UM) * self.count)
            self.circles = WindowSearch(self.points_um, circle, self.points_um.min(axis=0), self.points_um.max(axis=0))
        best = self.circles.find(weights, until=until)
        return np.arange(0) if best is None else np.flatnonzero(find_held(self.points_um, best))


def _has_ended(bounds: Sequence[float], least: float, whole: bool, many: bool) -> bool:
    """Whether further prices gain nothing, since the bound is what a linear programme of some fields says already, or
    nothing that would be worth their time."""
    if bounds[-1] <= least * (1 + CLOSE_ENOUGH) or (whole and _round_down(bounds[-1]) == _round_down(least)):
        return True
    return many and len(bounds) > LAST + 1 and bounds[-1] > bounds[-1 - LAST] * (1 - GAIN)


def _round_down(bound: float) -> float:
    """What whole weights cannot exceed."""
    return float(np.floor(bound + ROUNDING))


@dataclass
class _Known:
    """What the bound was asked of so far, as indices of points (n,) with weights: fields, and what is left over."""

    weights: np.ndarray
    count: int
    around: list[np.ndarray]
    fields: list[np.ndarray] = field(default_factory=list)

    def add(self, fields: Sequence[np.ndarray]) -> None:
        self.fields += [one for one in fields if not any(np.array_equal(one, other) for other in self.fields)]

    def price_points(self, until: float | None) -> tuple[np.ndarray, float]:
        """Prices (n,) by which the bound would be lowest, were there no other fields and circles around them than
        these, and how low. Unknown are the prices of points in fields, the best field, and what is left over."""
        from scipy.optimize import linprog  # with the first bound, not with each start of a process
        from scipy.sparse import csr_array

        points = np.unique(np.concatenate(self.fields))
        sets = [np.searchsorted(points, one) for one in self.fields]
        sets += [np.flatnonzero(np.isin(points, one)) for one in self.around]
        joined, weights = _join_alike(sets, self.weights[points])
        sets = [np.unique(joined[one]) for one in sets]
        sign = np.repeat([1.0, -1.0], [len(self.fields), len(self.around)])
        many = [len(one) for one in sets]
        entry = np.concatenate([np.repeat(sign, many), np.full(len(sets), -1.0)])
        row = np.concatenate([np.repeat(np.arange(len(sets)), many), np.arange(len(sets))])
        column = np.concatenate([*sets, np.where(sign > 0, len(weights), len(weights) + 1)])
        most = np.where(sign > 0, 0.0, [-float(weights[one].sum()) for one in sets])
        solved = linprog(
            np.concatenate([np.zeros(len(weights)), [self.count, 1.0]]),
            A_ub=csr_array((entry, (row, column)), (len(sets), len(weights) + 2)),
            b_ub=most,
            bounds=np.stack([np.zeros(len(weights) + 2), [*weights, np.inf, np.inf]], axis=1),
            options={} if until is None else {"time_limit": max(until - time.monotonic(), 0.01)},
        )
        if solved.x is None:
            raise SearchTooLong
        price = self.weights.copy()
        price[points] *= np.clip(solved.x[:-2] / weights, 0.0, 1.0)[joined]
        return price, float(solved.fun)


def _join_alike(sets: Sequence[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of points (n,), which lie in sets of their indices: for each the number of those that lie in the same sets, and
    what these weigh together."""
    mark = np.zeros(len(weights), np.uint64)
    drawn = np.random.default_rng(0).integers(1, 2**63, len(sets), dtype=np.uint64)  # no two sums of them are the same
    for one, number in zip(sets, drawn, strict=True):
        mark[one] += number
    _, joined = np.unique(mark, return_inverse=True)
    return joined, np.bincount(joined, weights)
