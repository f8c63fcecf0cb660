"""The one window that holds most, by branch and bound over its centre.

Cells of centres are cut into quarters. Of each cell two sums are known: what every window of it holds, and what any of
them may. A cell is dropped when it may not hold more than the best window found; points that all or none of its windows
hold are not looked at again in its quarters, so that the work shrinks with the cell. It ends for every arrangement of
points, since edges count as inside: in a cell smaller than that tolerance the centre stands for all.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.pipeline.count.search.bins import Bins
from analysis.pipeline.count.search.cells import Cells, join_cells
from analysis.pipeline.count.search.errors import SearchTooLong
from analysis.pipeline.count.search.mask import Mask
from analysis.pipeline.count.search.windows import APART_UM, EDGE_UM, Placed, Window

SMALLEST_UM = EDGE_UM / 4  # half side of a cell that its centre stands for
OPEN_UM = 0.25  # half side of the smallest cell that is cut further where not all of its windows may stand
FEW_POINTS = 6  # in question in a cell: then the best of its places is worked out at once
SAME_SHARE = 1e-9
PARTS = 4  # of a cell of the grid, along each axis, of which the mask is asked
PARTS_FROM_POINTS = 30_000  # fewer are listed sooner than the mask is asked
MET_PER_REACH = 16  # from a window's centre to its edge: places nearer to one another are one
MOST_CELLS_AT_ONCE = 64  # of the grid
MOST_AT_ONCE = 50_000  # touched points that are looked at together, so that they stay in the processor's cache


class WindowSearch:
    """Keeps what does not depend on weights. points_um: (n, 2). low, high: box of the centres, (2,) each.

    mask: a window needs at least min_share of it.
    """

    def __init__(
        self,
        points_um: np.ndarray,
        window: Window,
        low: np.ndarray,
        high: np.ndarray,
        mask: Mask | None = None,
        min_share: float = 0.0,
    ) -> None:
        self.window, self.low, self.high, self.mask, self.min_share = window, low, high, mask, min_share - SAME_SHARE
        self.bins = Bins(points_um, window, low, high)

    def find(
        self,
        weights: np.ndarray,
        taken: Sequence[Placed] = (),
        more_than: float = -1.0,
        until: float | None = None,
        near: Placed | None = None,
    ) -> Placed | None:
        """The window of the highest weight of those that share no area with one of `taken`, whose points count no more;
        None where none has `more_than`. until: time.monotonic() at which SearchTooLong is raised. near: of windows that
        reach over this one alone, as far as cells tell them apart from others.

        Of windows with equal weight always the same one, for the same points in the same order.
        """
        return _Run(self, weights, taken, more_than, until).find(near)

    def find_several(
        self,
        weights: np.ndarray,
        taken: Sequence[Placed] = (),
        more_than: float = -1.0,
        until: float | None = None,
        most: int = 1,
    ) -> list[Placed]:
        """The window that `find` gives, and others that were met on the way: good ones, not the next best."""
        run = _Run(self, weights, taken, more_than, until)
        return run.list_met(run.find(None), most)

    def bound_about(self, weights: np.ndarray, points_um: np.ndarray) -> np.ndarray:
        """For each of the points (n, 2) what windows about it hold at most; of those beyond the box of the centres what
        windows on its edge do."""
        before = np.concatenate([[0.0], weights[self.bins.order].cumsum()])
        most = self.bins.bound_cells(before, range(self.bins.rows), range(self.bins.columns))
        return most[self.bins.find_cell(points_um)]

    def may_stand(self, centres: np.ndarray, taken: Sequence[Placed] = ()) -> np.ndarray:
        """Whether windows about the centres (m, 2) lie within the box, have tissue enough and overlap none: bool."""
        within = (centres >= self.low - EDGE_UM) & (centres <= self.high + EDGE_UM)
        allowed = within[:, 0] & within[:, 1]
        if self.mask is not None and len(centres):
            allowed &= self.mask.find_shares(self.window, centres) >= self.min_share
        for placed in taken:
            away = centres - [placed.x_um, placed.y_um]
            allowed &= ~self.window.overlaps(away[:, 0], away[:, 1], placed.window)
        return allowed


class _Run:
    """One search: with weights, and the best window found so far."""

    def __init__(
        self,
        search: WindowSearch,
        weights: np.ndarray,
        taken: Sequence[Placed],
        more_than: float,
        until: float | None,
    ) -> None:
        self.search, self.window, self.bins, self.mask = search, search.window, search.bins, search.mask
        self.min_share, self.taken, self.until = search.min_share, taken, until
        # How much the share can change between a cell's centre and its edge, for each µm of half side.
        self.share_per_um = 2 * np.array([self.window.reach_y, self.window.reach_x]) / self.window.area_um2
        self.weight = weights[self.bins.order]
        self.before = np.concatenate([[0.0], self.weight.cumsum()])
        self.slack = 1e-10 * float(self.before[-1])  # what sums in another order may differ by
        self.most = more_than
        self.best: Placed | None = None
        self.met: list[tuple[float, float, float]] = []  # weight and centre of good places

    def find(self, near: Placed | None) -> Placed | None:
        rows, columns = self._pick_cells(near)
        most = self.bins.bound_cells(self.before, rows, columns)
        picked = np.flatnonzero(self._may_beat(most))
        picked = picked[np.argsort(-most[picked], kind="stable")]
        most, many = most[picked], 1
        row, column = np.divmod(picked, max(len(columns), 1))
        cells = (rows.start + row) * self.bins.columns + columns.start + column
        while len(cells) and self._may_beat(most[0]):
            self._search_cells(cells[:many], most[:many])
            cells, most, many = cells[many:], most[many:], MOST_CELLS_AT_ONCE
        return self.best

    def list_met(self, best: Placed | None, most: int) -> list[Placed]:
        """The best, and of the places that were met those of the highest weight, none close to another."""
        places = [] if best is None else [best]
        apart_um = self.window.reach_x / MET_PER_REACH
        for weight, x_um, y_um in sorted(self.met, reverse=True):
            if len(places) >= most:
                break
            is_new = all(max(abs(x_um - one.x_um), abs(y_um - one.y_um)) > apart_um for one in places)
            if is_new and self.search.may_stand(np.array([[x_um, y_um]]), self.taken)[0]:
                places.append(Placed(self.window, x_um, y_um, weight))
        return places

    def _pick_cells(self, near: Placed | None) -> tuple[range, range]:
        if near is None:
            return range(self.bins.rows), range(self.bins.columns)
        centre = np.array([near.x_um, near.y_um])
        reach = np.array([self.window.reach_x, self.window.reach_y]) * 2 + APART_UM
        return self.bins.find_cells(centre - reach, centre + reach)

    def _search_cells(self, cells: np.ndarray, most: np.ndarray) -> None:
        """Looks into cells of the grid, given by their indices, the most promising first."""
        kept, is_open = self._ask_cells(self.bins.find_centres(cells), self.bins.half)
        if len(self.weight) >= PARTS_FROM_POINTS:
            kept[kept & is_open] = self._ask_parts(self.bins.find_centres(cells[kept & is_open]), self.bins.half)
        cells, most, is_open = cells[kept], most[kept], is_open[kept]
        while len(cells) and self._may_beat(most[0]):
            listed = self._list_points(cells, is_open)
            self._refine(self._look_at(listed))
            cells, most, is_open = cells[len(listed) :], most[len(listed) :], is_open[len(listed) :]

    def _ask_parts(self, centres: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Whether in some part of each cell a window may stand: told of parts the mask drops more, and before the
        points are listed, which is dearer."""
        steps = half * (2 * np.arange(PARTS)[:, None] + 1 - PARTS) / PARTS
        parts = np.stack(np.meshgrid(*steps.T), axis=-1).reshape(-1, 2)
        kept, _ = self._ask_cells((centres[:, None] + parts).reshape(-1, 2), half / PARTS)
        whole: np.ndarray = np.max(kept.reshape(-1, PARTS**2), axis=1)
        return whole

    def _may_beat(self, most: np.ndarray) -> np.ndarray:
        return most > self.most + self.slack

    def _list_points(self, cells: np.ndarray, is_open: np.ndarray) -> Cells:
        """The first of the cells of the grid, not more than have MOST_AT_ONCE touched points together, but one."""
        touched_from, held_from, held_to, touched_to = self.bins.find_runs(cells)
        starts, ends = np.concatenate([touched_from, held_to], axis=1), np.concatenate([held_from, touched_to], axis=1)
        many = (ends - starts).sum(axis=1)
        size = max(1, int(np.searchsorted(many.cumsum(), MOST_AT_ONCE)))
        starts, runs = starts[:size].ravel(), (ends - starts)[:size].ravel()
        point = np.arange(runs.sum()) + np.repeat(starts - (runs.cumsum() - runs), runs)
        many = many[:size]
        centres, weight = self.bins.find_centres(cells[:size]), self.weight[point]
        dx = self.bins.x_um[point] - np.repeat(centres[:, 0], many)
        dy = self.bins.y_um[point] - np.repeat(centres[:, 1], many)
        always = (self.before[held_to] - self.before[held_from])[:size].sum(axis=1)
        half_x, half_y = self.bins.half.tolist()
        listed = Cells(centres, half_x, half_y, centres, always, always, always, is_open[:size], many, dx, dy, weight)
        held = self.window.holds(dx, dy)
        at_place, most = (always + listed.sum_points(some) for some in (held, np.ones_like(held)))
        return replace(listed, at_place=at_place, most=most)

    def _refine(self, cells: Cells) -> None:
        """Cuts the cells into quarters until none is left that may beat the best window found meanwhile."""
        while len(cells):
            if self.until is not None and time.monotonic() > self.until:
                raise SearchTooLong
            if len(cells) > 1 and len(cells.dx) > MOST_AT_ONCE:
                first = np.zeros(len(cells), bool)
                first[np.argsort(-cells.most, kind="stable")[: len(cells) // 2]] = True
                self._refine(cells.take(first))
                cells = cells.take(~first & self._may_beat(cells.most))
            elif max(cells.half_x, cells.half_y) <= SMALLEST_UM:
                return
            else:
                cells = self._look_at(self._split(cells))

    def _look_at(self, cells: Cells) -> Cells:
        """Takes the best place of the cells; gives those that have to be cut further.

        Places are asked before cells are dropped, since the smallest may be dropped with places that are allowed.
        """
        return self._drop_forbidden(self._take_best(self._solve_few(cells)))

    def _split(self, cells: Cells) -> Cells:
        """The quarters that may beat the best."""
        half_x, half_y = cells.half_x / 2, cells.half_y / 2
        made = []
        for quarter, touched in enumerate(self.window.touch_quarters(cells.dx, cells.dy, half_x, half_y)):
            most = cells.always + cells.sum_points(touched)
            kept = self._may_beat(most)
            if not kept.any():
                continue
            shift = np.array([half_x if quarter % 2 else -half_x, half_y if quarter > 1 else -half_y])
            parent = cells.take(kept, touched)
            centres, dx, dy = parent.centres + shift, parent.dx - shift[0], parent.dy - shift[1]
            held = self.window.holds_always(dx, dy, half_x, half_y)
            always = parent.always + parent.sum_points(held)
            at_place = parent.always + parent.sum_points(self.window.holds(dx, dy))
            part = replace(
                parent, centres=centres, places=centres, half_x=half_x, half_y=half_y, dx=dx, dy=dy,
                always=always, at_place=at_place, most=most[kept],
            )  # fmt: skip
            made.append(part.take(np.ones(len(part), bool), ~held))
        return join_cells(made) if made else cells.take(np.zeros(len(cells), bool))

    def _solve_few(self, cells: Cells) -> Cells:
        """With the best place worked out, as if all were allowed, where few points are in question."""
        few = (cells.many > 0) & (cells.many <= FEW_POINTS)
        if not few.any():
            return cells
        asked = cells.take(few)
        dx, dy, weight = asked.pad_points(FEW_POINTS)
        x, y = self.window.find_places(dx, dy, cells.half_x, cells.half_y)
        held = self.window.holds(dx[:, None] - x[:, :, None], dy[:, None] - y[:, :, None])
        total = asked.always[:, None] + (held @ weight[:, :, None])[:, :, 0]
        total[(np.abs(x) > cells.half_x + EDGE_UM) | (np.abs(y) > cells.half_y + EDGE_UM)] = -np.inf
        index = np.arange(len(asked)), total.argmax(axis=1)
        places, at_place, most = cells.places.copy(), cells.at_place.copy(), cells.most.copy()
        places[few] = asked.centres + np.stack([x[index], y[index]], axis=1)
        at_place[few] = most[few] = total[index]
        return replace(cells, places=places, at_place=at_place, most=most)

    def _take_best(self, cells: Cells) -> Cells:
        """Takes the best of the cells' places where a window may stand; gives the cells that may still beat it."""
        self._note_met(cells)
        better = np.flatnonzero(self._may_beat(cells.at_place))
        if len(better):
            better = better[self.search.may_stand(cells.places[better], self.taken)]
        if len(better):
            best = better[np.argmax(cells.at_place[better])]
            self.most = float(cells.at_place[best])
            x_um, y_um = cells.places[best].tolist()
            self.best = Placed(self.window, x_um, y_um, self.most)
        kept = self._may_beat(cells.most)
        return cells if kept.all() else cells.take(kept)

    def _note_met(self, cells: Cells) -> None:
        if len(cells):
            index = int(cells.at_place.argmax())
            x_um, y_um = cells.places[index].tolist()
            self.met.append((float(cells.at_place[index]), x_um, y_um))

    def _drop_forbidden(self, cells: Cells) -> Cells:
        """Without the cells in which no window may stand, and without the smallest in which not all may."""
        if not cells.is_open.any():
            return cells
        kept, is_open = np.ones(len(cells), bool), cells.is_open.copy()
        half = np.array([cells.half_x, cells.half_y])
        kept[cells.is_open], is_open[cells.is_open] = self._ask_cells(cells.centres[cells.is_open], half)
        if half.max() <= OPEN_UM:
            kept &= ~is_open
        cells = replace(cells, is_open=is_open)
        return cells if kept.all() else cells.take(kept)

    def _ask_cells(self, centres: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of cells about the centres (m, 2), half sides (2,): whether some window may stand, whether some may not."""
        kept, is_open = np.ones(len(centres), bool), np.zeros(len(centres), bool)
        if self.mask is not None:
            share, change = self.mask.find_shares(self.window, centres), float(self.share_per_um @ half)
            kept, is_open = share + change >= self.min_share, share - change < self.min_share
        for placed in self.taken:
            away = np.abs(centres - [placed.x_um, placed.y_um])
            near, far = np.maximum(away - half, 0), away + half
            kept &= ~self.window.overlaps(far[:, 0], far[:, 1], placed.window)
            is_open |= self.window.overlaps(near[:, 0], near[:, 1], placed.window)
        return kept, is_open
