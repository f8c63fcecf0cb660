import numpy as np

from analysis.lab.hardness import LEAST, finder_hardness
from tests.lab.finder.test_training import source
from tests.pipeline.makers import random_finder


def test_each_nucleus_gets_the_finders_chance_and_none_vanishes():
    frame = source()
    found = finder_hardness(random_finder(), [frame])["frame"]
    assert found.shape == (1,)
    assert LEAST <= found[0] <= 1


def test_a_source_without_nuclei_has_no_hardness():
    frame = source()
    frame.points["nucleus"] = np.zeros((0, 3), np.float32)
    assert finder_hardness(random_finder(), [frame])["frame"].shape == (0,)
