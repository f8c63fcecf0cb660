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
    # Entry t: chance of t yes so far, the last answer a yes, or a no; the steps taken make up the rest.
    after_yes, after_no = np.zeros(need + 1), np.zeros(need + 1)
    after_yes[0] = 1.0
    for step in range(len(probability)):
        yes = np.arange(max(0, step - most_no + 1), min(step, first) + 1)
        above, below = first - yes, first + step - yes
        by_yes, by_no = after_yes[yes], after_no[yes]
        if by_yes.sum() + by_no.sum() < SETTLED:
            break
        asked[above] += by_yes
        asked[below] += by_no
        confirmed = by_yes * probability[above] + by_no * probability[below]
        after_yes, after_no = np.zeros(need + 1), np.zeros(need + 1)
        after_yes[yes + 1] = confirmed
        after_no[yes] = by_yes + by_no - confirmed
    return np.minimum(asked, 1.0)


def chance_to_reach(probability: np.ndarray, need: int) -> float:
    """Chance that at least `need` (>= 1) of independent points (n,) are confirmed."""
    short = np.zeros(need)  # chance of so many confirmed yet, where that is less than `need`
    short[:1] = 1.0
    for value in probability:
        short[1:] += value * (short[:-1] - short[1:])
        short[0] *= 1.0 - value
        if short.sum() < UNLIKELY:
            break
    return float(np.clip(1.0 - short.sum(), 0.0, 1.0))
