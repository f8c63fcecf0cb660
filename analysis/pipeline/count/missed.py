"""What reader and model together may still miss, from a random sample of fields without marks.

Judging what the model shows can never tell what it does not show. So fields that hold no mark are looked at in a random
order, and what is found there speaks for those that were not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
HYPERGEOMETRIC, BINOMIAL = "hypergeometric", "binomial"


@dataclass(frozen=True)
class MissedEstimate:
    """low, estimate, high: figures that may still be missed in the fields that were not looked at; high is None where
    nothing was looked at. fields: without marks at the draw; fields_looked: of them; found: figures in those.
    method: HYPERGEOMETRIC or BINOMIAL; sentence: all of that in words.
    """

    low: int
    estimate: float
    high: int | None
    fields: int
    fields_looked: int
    found: int
    method: str

    @property
    def sentence(self) -> str:
        return describe_missed(self)


def draw_order(fields: int, seed: int) -> np.ndarray:
    """All of so many fields in a random order, each once, (n,) int: whoever looks at the first n of them has drawn n
    without replacement. The same seed gives the same order."""
    return np.random.default_rng(seed).permutation(fields)


def estimate_missed(found: Sequence[int], fields: int, confidence: float = CONFIDENCE) -> MissedEstimate:
    """found: (n,) figures in each of n fields that were drawn from `fields` without replacement.

    Where no field held more than one, the number of fields that hold one has the exact interval of the hypergeometric
    distribution (Buonaccorsi 1987, The American Statistician 41:215). Else each figure is taken to lie in any of the
    fields with the same chance, so that of a total t a binomial share n / N is found, and the interval is of t:
    independent figures in a finite population. Both are told less what was found. Raises ValueError for what is no
    sample.
    """
    looked, total = len(found), int(sum(found))
    if not 0 <= looked <= fields or not 0 < confidence < 1 or any(count < 0 for count in found):
        raise ValueError("A sample has at most as many fields as there are, with at least 0 figures in each.")
    method = HYPERGEOMETRIC if max(found, default=0) <= 1 else BINOMIAL
    if not looked:
        return MissedEstimate(0, 0.0, None if fields else 0, fields, 0, 0, method)
    bounds = _bound_fields if method == HYPERGEOMETRIC else _bound_figures
    low, high = bounds(total, looked, fields, (1 - confidence) / 2)
    more = total * (fields - looked) / looked
    return MissedEstimate(low - total, more, high - total, fields, looked, total, method)


def describe_missed(estimate: MissedEstimate) -> str:
    """The estimate as a sentence that names its interval and its method."""
    one = estimate.fields == 1
    where = f"{estimate.fields_looked} of {estimate.fields} unmarked {'field' if one else 'fields'}"
    if not estimate.fields:
        return "Every field of the region holds a mark: there is none to draw from."
    if not estimate.fields_looked:
        return f"None of {estimate.fields} unmarked {'field' if one else 'fields'} was looked at: nothing is known yet."
    figures = f"{estimate.found or 'no'} {'figure was' if estimate.found <= 1 else 'figures were'} found"
    if estimate.fields_looked == estimate.fields:
        return f"In all {estimate.fields} unmarked {'field' if one else 'fields'} {figures}: each was looked at."
    ways = {HYPERGEOMETRIC: "hypergeometric", BINOMIAL: "binomial, for figures that lie independently"}
    about = f"about {estimate.estimate:.0f} more ({estimate.low} to {estimate.high}) may be missed"
    if not estimate.found:
        about = f"up to {estimate.high} may be missed"
    return f"In {where} {figures}: {about}. Exact, {ways[estimate.method]}, 95 %."


def _bound_fields(found: int, looked: int, fields: int, tail: float) -> tuple[int, int]:
    """The least and most fields that may hold one, found included."""
    from scipy.stats import hypergeom  # with the first estimate, not with each start of a process

    totals = np.arange(found, fields - (looked - found) + 1)
    at_least = hypergeom.sf(found - 1, fields, totals, looked)
    at_most = hypergeom.cdf(found, fields, totals, looked)
    return _ends(totals, at_least, at_most, tail)


def _bound_figures(found: int, looked: int, fields: int, tail: float) -> tuple[int, int]:
    """The least and most figures there may be, found included."""
    if looked == fields:
        return found, found
    from scipy.stats import binom

    most = int(2 * (found + 3 * found**0.5 + 10) * fields / looked)  # well beyond the interval's end
    totals = np.arange(found, most + 1)
    share = looked / fields
    return _ends(totals, binom.sf(found - 1, totals, share), binom.cdf(found, totals, share), tail)


def _ends(totals: np.ndarray, at_least: np.ndarray, at_most: np.ndarray, tail: float) -> tuple[int, int]:
    """Of rising totals the first that makes as many found no rarity, and the last that makes as few none."""
    low = int(totals[np.argmax(at_least >= tail)])
    high = int(totals[len(totals) - 1 - np.argmax(at_most[::-1] >= tail)])
    return low, high
