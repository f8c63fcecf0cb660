"""In which order the open points of one window are asked, and how likely each is asked at all.

The question is whether at least `need` of the points are confirmed. They come sorted, most probable first. The policy
(k-out-of-n testing, see `decide`): first the `need`-th; after a yes the nearest above what was asked, after a no the
nearest below. After t yes and f no the next is thus point need - t or point need + f, counted from 1.
"""

import numpy as np

SETTLED = 1e-3  # what is still unsettled with less chance than this orders nothing
UNLIKELY = 1e-12


def effects_in_window(probability: np.ndarray, need: int) -> np.ndarray:
    """Chance (n,) that each point is asked before the question is settled; that of the first asked is 1.

    probability: (n,), falling, independent. 1 <= need <= n.
    """
    first = need - 1
    most_no = len(probability) - first  # so many refuted ones settle it
    asked = np.zeros(len(probability))
    # Chances of low, low + 1, … yes so far, the last answer a yes, or a no; the steps taken make up the rest.
    low, after_yes, after_no = 0, np.ones(1), np.zeros(1)
    for step in range(len(probability)):
        chance = after_yes + after_no
        kept = _find_likely(chance, max(0, step - most_no + 1) - low, min(step, first) + 1 - low)
        if chance[kept].sum() < SETTLED:
            break
        low, by_yes, by_no = low + kept.start, after_yes[kept], after_no[kept]
        yes = np.arange(low, low + len(by_yes))
        above, below = first - yes, first + step - yes
        asked[above] += by_yes
        asked[below] += by_no
        confirmed = by_yes * probability[above] + by_no * probability[below]
        after_yes = np.concatenate([[0.0], confirmed])
        after_no = np.concatenate([by_yes + by_no - confirmed, [0.0]])
    return np.minimum(asked, 1.0)


def _find_likely(chance: np.ndarray, start: int, stop: int) -> slice:
    """Of the entries from start to stop those between the first and the last that are likely enough to matter: of
    thousands of points a few hundred."""
    start, stop = max(0, start), max(0, stop)
    likely = np.flatnonzero(chance[start:stop] > UNLIKELY)
    return slice(start + int(likely[0]), start + int(likely[-1]) + 1) if len(likely) else slice(0, 0)


def chance_to_reach(probability: np.ndarray, need: int) -> float:
    """Chance that at least `need` (>= 1) of independent points (n,) are confirmed."""
    low, short = 0, np.ones(1)  # chances of low, low + 1, … confirmed yet, of those that are less than `need`
    for value in probability:
        confirmed = short * value
        short = np.concatenate([short - confirmed, [0.0]]) + np.concatenate([[0.0], confirmed])
        kept = _find_likely(short, 0, need - low)
        low, short = low + kept.start, short[kept]
        if not len(short):
            break
    return float(np.clip(1.0 - short.sum(), 0.0, 1.0))
