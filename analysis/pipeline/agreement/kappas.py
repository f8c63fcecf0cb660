"""Agreement beyond chance: Cohen's kappa of two readers (Cohen 1960, Educ Psychol Meas 20:37; weighted: 1968, Psychol
Bull 70:213), Fleiss' of several (Fleiss 1971, Psychol Bull 76:378).

Both are told of tables rather than of answers, so that a thousand draws are one multiplication. What scikit-learn has
of this (cohen_kappa_score) goes by lists of answers, one table at a time; tests hold both equal.
"""

import numpy as np

from analysis.pipeline.agreement.errors import AgreementRefused

NONE, LINEAR, QUADRATIC = "none", "linear", "quadratic"


def cohen_kappa(tables: np.ndarray, weights: str = NONE) -> np.ndarray:
    """Kappa of tables (…, k, k), how often one reader said i where the other said j, at least 0: float (…).

    NaN where chance alone would agree wholly, as where both give one answer throughout: nothing can be told then.
    weights: how far apart answers are that differ, by their order. Raises AgreementRefused for what is no table.
    """
    tables = np.asarray(tables, float)
    if tables.ndim < 2 or tables.shape[-1] != tables.shape[-2] or not (tables >= 0).all():
        raise AgreementRefused("A table of two readers has as many rows as columns, and no number below 0.")
    apart = _distances(tables.shape[-1], weights)
    total = tables.sum((-2, -1))
    rows, columns = tables.sum(-1), tables.sum(-2)
    seen = (tables * apart).sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        by_chance = (rows[..., :, None] * columns[..., None, :] * apart).sum((-2, -1)) / total
        return np.where(by_chance > 0, 1 - seen / by_chance, np.nan)


def _distances(kinds: int, weights: str) -> np.ndarray:
    """(k, k): how far two answers are apart, 0 for the same."""
    steps = np.abs(np.subtract.outer(np.arange(kinds), np.arange(kinds))).astype(float)
    if weights == NONE:
        return (steps > 0).astype(float)
    if weights not in (LINEAR, QUADRATIC):
        raise AgreementRefused(f"Weights are {NONE}, {LINEAR} or {QUADRATIC}, not {weights!r}.")
    return steps if weights == LINEAR else steps**2


def fleiss_kappa(given: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """Kappa of answers to n places: given (n, k), how many readers gave each of k answers. times: (…, n) how often each
    place counts, None for once; float (…).

    Places that fewer than two readers answered tell nothing and are left out; the number of readers may differ from
    place to place. NaN where all answers are one. Raises AgreementRefused for what is no count.
    """
    given = np.asarray(given, float)
    if given.ndim != 2 or not (given >= 0).all():
        raise AgreementRefused("Answers are counts of readers, one row for a place and one column for an answer.")
    times = np.ones(len(given)) if times is None else np.asarray(times, float)
    readers = given.sum(1)
    is_told = readers >= 2
    given, readers, times = given[is_told], readers[is_told], times[..., is_told]
    of_place = (given * (given - 1)).sum(1) / (readers * (readers - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        seen = times @ of_place / times.sum(-1)
        shares = times @ given
        shares = shares / shares.sum(-1, keepdims=True)
        by_chance = (shares**2).sum(-1)
        return np.where(by_chance < 1, (seen - by_chance) / (1 - by_chance), np.nan)
