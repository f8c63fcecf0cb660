"""Readers' answers to the same places, and all that is told of how they agree.

answers = Answers(given, readers, cases)
answers.kappa_of(0, 1)       # Told(value, low, high, n)
answers.fleiss()
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.pipeline.agreement.draws import draw_cases, interval_of
from analysis.pipeline.agreement.errors import AgreementRefused
from analysis.pipeline.agreement.kappas import cohen_kappa, fleiss_kappa
from analysis.pipeline.agreement.pairs import f1_between

UNANSWERED, OTHER, MITOSIS = -1, 0, 1


@dataclass(frozen=True)
class Told:
    """A statistic with its 95 % interval by drawn cases, None each where nothing can be told; n: places behind it."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Answers:
    """given: (n, readers) int8, MITOSIS, OTHER or UNANSWERED. readers: names, one for each column. cases: the case of
    each place, (n,). Raises AgreementRefused where these do not fit together.
    """

    given: np.ndarray
    readers: Sequence[str]
    cases: Sequence[Hashable]

    def __post_init__(self) -> None:
        given = np.asarray(self.given, np.int8)
        object.__setattr__(self, "given", given)
        if given.ndim != 2 or given.shape != (len(self.cases), len(self.readers)):
            raise AgreementRefused("There is one row of answers for each place and one column for each reader.")
        if not np.isin(given, (UNANSWERED, OTHER, MITOSIS)).all():
            raise AgreementRefused("An answer is a mitosis, another cell, or none.")

    def list_pairs(self) -> list[tuple[int, int]]:
        """Columns of any two readers."""
        return list(combinations(range(len(self.readers)), 2))

    def kappa_of(self, one: int, other: int) -> Told:
        """Cohen's kappa of two readers over places that both answered."""
        rows, cases = self._shared(one, other)
        tables = np.zeros((len(rows), 2, 2))
        tables[np.arange(len(rows)), rows[:, 0], rows[:, 1]] = 1
        draws = draw_cases(cases)
        return _tell(cohen_kappa(tables.sum(0)), None if draws is None else cohen_kappa(draws.sums(tables)), len(rows))

    def f1_of(self, one: int, other: int) -> Told:
        """F1 between two readers over places that both answered."""
        rows, cases = self._shared(one, other)
        parts = np.stack([rows.all(1), rows[:, 0] > rows[:, 1], rows[:, 1] > rows[:, 0]], axis=1)
        draws = draw_cases(cases)
        drawn = None if draws is None else f1_between(*draws.sums(parts).T)
        return _tell(f1_between(*parts.sum(0)), drawn, len(rows))

    def share_of(self, one: int, other: int) -> Told:
        """The share of places that both answered alike, of those that both answered."""
        rows, cases = self._shared(one, other)
        alike = rows[:, 0] == rows[:, 1]
        draws = draw_cases(cases)
        drawn = None if draws is None else draws.sums(alike) / np.maximum(draws.sums(np.ones(len(rows))), 1)
        return _tell(float(alike.mean()) if len(alike) else math.nan, drawn, len(rows))

    def fleiss(self) -> Told:
        """Fleiss' kappa of all readers, over places that two or more answered."""
        counts = np.stack([(self.given == kind).sum(1) for kind in (OTHER, MITOSIS)], axis=1)
        is_told = counts.sum(1) >= 2
        counts, cases = counts[is_told], [case for case, told in zip(self.cases, is_told, strict=True) if told]
        draws = draw_cases(cases)
        drawn = None if draws is None else fleiss_kappa(counts, draws.times_of_rows())
        return _tell(fleiss_kappa(counts), drawn, len(counts))

    def _shared(self, one: int, other: int) -> tuple[np.ndarray, list[Hashable]]:
        """Answers (m, 2) to places that both answered, and their cases."""
        pair = self.given[:, [one, other]]
        both = (pair != UNANSWERED).all(1)
        return pair[both], [case for case, told in zip(self.cases, both, strict=True) if told]


def _tell(value: np.ndarray | float, drawn: np.ndarray | None, n: int) -> Told:
    found = None if drawn is None else interval_of(drawn)
    low, high = found or (None, None)
    return Told(float(value) if np.isfinite(value) else None, low, high, n)
