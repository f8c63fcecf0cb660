import numpy as np
import pytest

from analysis.pipeline.spread import spread_evenly


@pytest.mark.parametrize(("count", "at_most"), [(0, 5), (3, 5), (5, 5), (1000, 7)])
def test_a_spread_takes_evenly_and_never_twice(count, at_most):
    chosen = spread_evenly(count, at_most)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, at_most)
    assert np.all((chosen >= 0) & (chosen < count))
    if count > at_most:
        assert np.ptp(np.diff(chosen)) <= 1
