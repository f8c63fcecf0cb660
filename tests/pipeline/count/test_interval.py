"""The interval that knows that a region was chosen as the busiest."""

from dataclasses import dataclass
from itertools import count as count_up
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.pipeline.count.interval import poisson_interval, searched_interval

CELLS, SIDE = 24, 6


@dataclass(frozen=True)
class Window:
    row: int
    column: int
    count: float


class Field:
    """A search over windows of SIDE by SIDE cells; each point lies in the cell of its index."""

    def __init__(self, cells: np.ndarray) -> None:
        self.cells, self.searches = cells, 0

    def sums(self, weights: np.ndarray) -> np.ndarray:
        grid = np.bincount(self.cells, weights, CELLS**2).reshape(CELLS, CELLS)
        table = np.zeros((CELLS + 1, CELLS + 1))
        table[1:, 1:] = grid.cumsum(0).cumsum(1)
        return table[SIDE:, SIDE:] - table[:-SIDE, SIDE:] - table[SIDE:, :-SIDE] + table[:-SIDE, :-SIDE]

    def best(self, weights: np.ndarray) -> list[Window]:
        self.searches += 1
        sums = self.sums(weights)
        row, column = np.unravel_index(sums.argmax(), sums.shape)
        return [Window(int(row), int(column), float(sums[row, column]))]

    def holds(self, window: Window) -> np.ndarray:
        row, column = np.divmod(self.cells, CELLS)
        in_rows = (row >= window.row) & (row < window.row + SIDE)
        return in_rows & (column >= window.column) & (column < window.column + SIDE)


def even_field(mean_in_window: float, seed: int) -> Field:
    counts = np.random.default_rng(seed).poisson(mean_in_window / SIDE**2, CELLS**2)
    return Field(np.repeat(np.arange(CELLS**2), counts))


def interval_of(field: Field, **options):
    weights = np.ones(len(field.cells))
    return searched_interval(weights, field.best(weights)[0], field, field.holds, **options)


def test_it_holds_the_mean_of_an_even_field_where_poissons_does_not():
    mean, held, poissons = 8.0, 0, 0
    for seed in range(60):
        field = even_field(mean, seed)
        found = interval_of(field, draws=25)
        held += found.low <= mean <= found.high
        low, high = poisson_interval(field.best(np.ones(len(field.cells)))[0].count)
        poissons += low <= mean <= high
    assert held >= 54
    assert poissons <= 20


def test_each_draw_searches_anew_and_the_same_seed_gives_the_same_interval():
    field = even_field(5, 1)
    first = interval_of(field, draws=30, seed=4)
    assert (field.searches, first.draws) == (31, 30)
    assert interval_of(field, draws=30, seed=4) == first
    assert interval_of(field, draws=30, seed=5) != first


def test_one_region_without_rivals_is_hardly_flattered():
    field = Field(np.repeat(np.arange(SIDE), 5))
    found = interval_of(field)
    assert found.optimism < 3
    assert (found.low, found.high) == poisson_interval(30 - found.optimism)


def test_no_figures_leave_poissons_interval_of_none():
    found = interval_of(Field(np.zeros(0, int)))
    assert (found.low, found.high) == poisson_interval(0)


def test_without_enough_draws_there_is_none_and_the_first_tells_whether_there_is_time(monkeypatch):
    field = even_field(5, 1)
    assert interval_of(field, draws=3) is None
    field.searches = 0
    monkeypatch.setattr("analysis.pipeline.count.interval.time", SimpleNamespace(monotonic=count_up().__next__))
    assert interval_of(field, seconds=5) is None  # of a clock that goes on by a second each time it is asked
    assert field.searches == 2
    assert interval_of(field, seconds=40).draws == 40


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.69), (7, 2.81, 14.42), (10, 4.80, 18.39)])
def test_poissons_interval_is_garwoods(count, low, high):
    assert poisson_interval(count) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_poissons_interval_refuses_what_is_no_count():
    for count in (-1, float("nan")):
        with pytest.raises(ValueError, match="at least 0"):
            poisson_interval(count)
