"""Agreement of counts: ICC(A,1) (McGraw & Wong 1996, Psychol Methods 1:30; Shrout & Fleiss 1979 call it ICC(2,1)), and
Bland and Altman's limits (1986, Lancet 327:307).
"""

import math
from dataclasses import dataclass

import numpy as np

from analysis.pipeline.agreement.errors import AgreementRefused

LIMIT = 1.96


@dataclass(frozen=True)
class Icc:
    """value: absolute agreement of single counts, of readers who are a sample of readers. low, high: the 95 % interval.
    All NaN where all counts are one.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BlandAltman:
    """Of differences first - second, in figures. mean with its 95 % interval; low, high: limits between which 95 % of
    differences are expected to lie, each with its interval. n: pairs.
    """

    n: int
    mean: float
    mean_95: tuple[float, float]
    low: float
    low_95: tuple[float, float]
    high: float
    high_95: tuple[float, float]


def icc_a1(counts: np.ndarray) -> Icc:
    """Of counts (n, k), a row for what was counted and a column for a reader. Rows that lack a count are left out.

    Raises AgreementRefused with fewer than two readers, or two whole rows.
    """
    counts = np.asarray(counts, float)
    counts = counts[np.isfinite(counts).all(1)] if counts.ndim == 2 else counts
    if counts.ndim != 2 or counts.shape[0] < 2 or counts.shape[1] < 2:
        raise AgreementRefused("Counts agree or not where two readers have counted the same in two places at least.")
    n, k = counts.shape
    rows, columns, error = _mean_squares(counts)
    below = rows + (k - 1) * error + k * (columns - error) / n
    if below <= 0:
        return Icc(math.nan, math.nan, math.nan)
    value = (rows - error) / below
    return Icc(value, *_interval(value, rows, columns, error, n, k))


def _mean_squares(counts: np.ndarray) -> tuple[float, float, float]:
    """Between what was counted, between readers, and what is left: a two-way analysis of variance."""
    n, k = counts.shape
    of_row, of_column, of_all = counts.mean(1), counts.mean(0), counts.mean()
    left = counts - of_row[:, None] - of_column[None] + of_all
    rows = k * float(((of_row - of_all) ** 2).sum()) / (n - 1)
    columns = n * float(((of_column - of_all) ** 2).sum()) / (k - 1)
    return rows, columns, float((left**2).sum()) / ((n - 1) * (k - 1))


def _interval(value: float, rows: float, columns: float, error: float, n: int, k: int) -> tuple[float, float]:
    """McGraw and Wong's, by an F distribution whose degrees of freedom are Satterthwaite's."""
    from scipy.stats import f  # here, since it takes longer to load than all of a web process

    if error == 0:
        return (value, value) if columns == 0 else (math.nan, math.nan)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    above, below = f.ppf(0.975, n - 1, freedom), f.ppf(0.975, freedom, n - 1)
    spread = k * columns + (k * n - k - n) * error
    low = n * (rows - above * error) / (above * spread + n * rows)
    high = n * (below * rows - error) / (spread + n * below * rows)
    return float(low), float(high)


def bland_altman(first: np.ndarray, second: np.ndarray) -> BlandAltman:
    """Of counts (n,) of the same by two; pairs that lack one are left out. AgreementRefused with fewer than two."""
    from scipy.stats import t

    differences = np.asarray(first, float) - np.asarray(second, float)
    differences = differences[np.isfinite(differences)]
    n = len(differences)
    if n < 2:
        raise AgreementRefused("Limits of agreement take two pairs of counts at least.")
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    wide = float(t.ppf(0.975, n - 1))
    of_mean, of_limit = wide * spread / math.sqrt(n), wide * spread * math.sqrt(3 / n)
    low, high = mean - LIMIT * spread, mean + LIMIT * spread
    return BlandAltman(
        n,
        mean,
        (mean - of_mean, mean + of_mean),
        low,
        (low - of_limit, low + of_limit),
        high,
        (high - of_limit, high + of_limit),
    )
