"""Fields of which each touches another, so that they are one cluster: grown from the best ones, field by field.

Where a field touches another its centre lies on a circle about the other's, and each point is held along one arc of
that circle: the best place on it is found exactly by going round once.
"""

import time
from collections.abc import Sequence

import numpy as np

from analysis.pipeline.count.search.apart import list_apart
from analysis.pipeline.count.search.best_window import WindowSearch
from analysis.pipeline.count.search.errors import SearchTooLong
from analysis.pipeline.count.search.windows import APART_UM, EDGE_UM, Placed, leave_out, sum_held

ROUNDS = 3  # in which each field is taken up and laid anew
SEEDS, SEEDED_FIELDS = 3, 60  # clusters that are grown at least; more where that makes no more fields together
Beside = dict[Placed, Placed | None]  # of each field the best that touches it; None where there is no room
BEARINGS = 32  # all around a field, of places that are asked whatever points lie there
FIRST_ASKED, MOST_ASKED = 8, 400  # places on one circle of which the mask is asked at once, the best first


def grow_clusters(
    search: WindowSearch,
    points_um: np.ndarray,
    weights: np.ndarray,
    count: int,
    taken: Sequence[Placed],
    until: float | None,
) -> list[list[Placed]]:
    """Clusters of `count` fields, none of which overlaps another or one of those taken; [] where there was no room."""
    seeds = list_apart(search, points_um, weights, 1, count_seeds(count), taken, until)
    return grow_from(seeds, search, points_um, weights, count, taken, until)


def count_seeds(count: int) -> int:
    """About how many of the best fields clusters of `count` are grown."""
    return max(SEEDS, SEEDED_FIELDS // count)


def grow_from(
    seeds: Sequence[Placed],
    search: WindowSearch,
    points_um: np.ndarray,
    weights: np.ndarray,
    count: int,
    taken: Sequence[Placed],
    until: float | None,
) -> list[list[Placed]]:
    """As grow_clusters, about each of the seeds."""
    cluster = _Cluster(search, points_um, weights, taken, until)
    grown = [cluster.grow([seed], count) for seed in seeds]
    return [placed for placed in grown if placed is not None]


def improve_cluster(
    placed: list[Placed],
    search: WindowSearch,
    points_um: np.ndarray,
    weights: np.ndarray,
    taken: Sequence[Placed],
    until: float | None,
) -> list[Placed]:
    """A cluster with its fields at the rim laid anew where that holds more."""
    return _Cluster(search, points_um, weights, taken, until).grow(placed, len(placed)) or placed


def _pick_best(beside: Beside) -> Placed | None:
    return max((one for one in beside.values() if one is not None), key=lambda one: one.weight, default=None)


class _Cluster:
    def __init__(
        self,
        search: WindowSearch,
        points_um: np.ndarray,
        weights: np.ndarray,
        taken: Sequence[Placed],
        until: float | None,
    ) -> None:
        order = np.argsort(points_um[:, 0], kind="stable")
        self.search, self.points_um, self.weights = search, points_um[order], weights[order]
        self.taken, self.until = taken, until
        self.disc = search.window
        self.apart_um = 2 * self.disc.reach_x + 2 * APART_UM

    def grow(self, placed: list[Placed], count: int) -> list[Placed] | None:
        """With fields added up to `count`; then those at the rim are taken up and laid anew, as long as that helps."""
        beside = self._look_beside({}, placed, placed)
        while len(placed) < count:
            following = _pick_best(beside)
            if following is None:
                return None
            placed = [*placed, following]
            beside = self._look_beside(beside, placed, [following])
        for _ in range(ROUNDS):
            before = self._sum_held(placed)
            for index in range(count):
                placed, beside = self._move_one(index, placed, beside)
            if self._sum_held(placed) <= before:
                break
        return placed

    def _move_one(self, index: int, placed: list[Placed], beside: Beside) -> tuple[list[Placed], Beside]:
        """With the field laid where it holds more beside the others, where these are one cluster without it."""
        one, others = placed[index], placed[:index] + placed[index + 1 :]
        if not others or not self._is_one(others):
            return placed, beside
        without = self._look_beside(beside, others, [one])
        better = _pick_best(without)
        if better is None or better.weight <= self._sum_held(placed) - self._sum_held(others):
            return placed, beside
        return [*others, better], self._look_beside(without, [*others, better], [better])

    def _look_beside(self, known: Beside, placed: Sequence[Placed], changed: Sequence[Placed]) -> Beside:
        """The best field beside each of those placed; looked for anew where one near it was added or taken up."""
        if self.until is not None and time.monotonic() > self.until:
            raise SearchTooLong
        left = leave_out(self.points_um, self.weights, placed)
        at = np.array([[one.x_um, one.y_um] for one in changed])
        centres = np.array([[one.x_um, one.y_um] for one in placed])
        is_near = (np.linalg.norm(centres[:, None] - at, axis=2) <= 2 * self.apart_um + 1.0).any(axis=1)
        return {
            one: self._go_round(one, placed, left) if near or one not in known else known[one]
            for one, near in zip(placed, is_near.tolist(), strict=True)
        }

    def _sum_held(self, placed: Sequence[Placed]) -> float:
        return sum_held(self.points_um, self.weights, placed)

    def _is_one(self, placed: Sequence[Placed]) -> bool:
        """Whether they are one cluster."""
        centres = np.array([[one.x_um, one.y_um] for one in placed])
        away = np.linalg.norm(centres[:, None] - centres, axis=2) <= self.apart_um + 1e-3
        reached = away[0]
        for _ in placed:
            reached = away[reached].any(axis=0)
        return bool(reached.all())

    def _go_round(self, middle: Placed, placed: Sequence[Placed], left: np.ndarray) -> Placed | None:
        """The best field that touches `middle`: where an arc begins in which a point is held, or one ends in which
        another field is in the way, or at one of BEARINGS. None where there is no room."""
        centre = np.array([middle.x_um, middle.y_um])
        points_um, left = self._find_near(centre, left)
        bearing, half = self._find_arcs(points_um - centre, self.disc.reach_x + EDGE_UM / 2)
        others = [one for one in (*placed, *self.taken) if one is not middle]
        away = np.array([[one.x_um, one.y_um] for one in others]).reshape(-1, 2) - centre
        reached = np.hypot(*away.T) < 2 * self.apart_um
        others = [one for one, near in zip(others, reached.tolist(), strict=True) if near]
        between, blocked = self._find_arcs(away[reached], self.apart_um)
        around = np.arange(BEARINGS) * 2 * np.pi / BEARINGS
        turned = np.concatenate([around, (bearing - half)[half > 0], between - blocked, between + blocked])
        centres = centre + self.apart_um * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        free = np.ones(len(centres), bool)
        for one in others:
            free &= ~self.disc.overlaps(centres[:, 0] - one.x_um, centres[:, 1] - one.y_um, one.window)
        centres, turned = centres[free], turned[free]
        total = _sum_arcs(turned, bearing[half > 0], half[half > 0], left[half > 0])
        order = np.argsort(-total, kind="stable")
        first = self._find_first(centres[order])
        if first is None:
            return None
        x_um, y_um = first.tolist()
        return Placed(self.disc, x_um, y_um, sum_held(points_um, left, [Placed(self.disc, x_um, y_um, 0.0)]))

    def _find_first(self, centres: np.ndarray) -> np.ndarray | None:
        """The first of the centres (m, 2) about which a field may stand."""
        start, many = 0, FIRST_ASKED
        while start < len(centres):
            asked = centres[start : start + many]
            allowed: np.ndarray = asked[self.search.may_stand(asked)]
            if len(allowed):
                return allowed[0]
            start, many = start + many, MOST_ASKED
        return None

    def _find_near(self, centre: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (m, 2) that a field beside the one about `centre` could hold, with what is left of their weights."""
        reach = self.apart_um + self.disc.reach_x
        first, last = np.searchsorted(self.points_um[:, 0], [centre[0] - reach, centre[0] + reach])
        points_um, left = self.points_um[first:last], left[first:last]
        near = (left > 0) & (np.abs(points_um[:, 1] - centre[1]) <= reach)
        return points_um[near], left[near]

    def _find_arcs(self, away: np.ndarray, within_um: float) -> tuple[np.ndarray, np.ndarray]:
        """Of the circle about the middle: bearing and half the angle (m,) of the arc that is at most within_um from
        each of the points `away` (m, 2) from the middle; -1 where none is."""
        distance = np.maximum(np.hypot(*away.T), 1e-9)
        cosine = (self.apart_um**2 + distance**2 - within_um**2) / (2 * self.apart_um * distance)
        half = np.where(cosine <= 1, np.arccos(np.clip(cosine, -1, 1)), -1.0)
        return np.arctan2(away[:, 1], away[:, 0]), half


def _sum_arcs(turned: np.ndarray, bearing: np.ndarray, half: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Summed weights (k,) of the arcs in which each of the angles lies, ends included."""
    slack = 1e-12
    start = np.mod(bearing - half - slack, 2 * np.pi)
    end = start + 2 * half + 2 * slack
    starts, ends = np.concatenate([start, start + 2 * np.pi]), np.concatenate([end, end + 2 * np.pi])
    both = np.concatenate([weights, weights])
    begun, over = np.argsort(starts), np.argsort(ends)
    before = np.concatenate([[0.0], both[begun].cumsum()])
    gone = np.concatenate([[0.0], both[over].cumsum()])
    at = np.mod(turned, 2 * np.pi) + 2 * np.pi
    return before[np.searchsorted(starts[begun], at, "right")] - gone[np.searchsorted(ends[over], at, "left")]
