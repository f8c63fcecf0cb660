import numpy as np
import pytest

from analysis.lab.datasets import MITOSIS, NUCLEUS
from analysis.lab.finder.dense import FIELD_PX, dense_field, recall_in_dense_fields
from analysis.lab.finder.windows import Halved
from tests.lab.finder.test_training import source
from tests.pipeline.makers import random_finder


def crowded():
    """A frame whose nuclei are many enough that some are the densest."""
    frame = source()
    rng = np.random.default_rng(2)
    frame.points[NUCLEUS] = np.column_stack([np.zeros(40), rng.uniform(220, 380, (40, 2))]).astype(np.float32)
    return frame


def test_the_mitosis_keeps_its_pixels_and_its_surroundings_are_replaced():
    halved = Halved(crowded())
    field, where = dense_field(halved, 0, 100.0, 100.0, np.random.default_rng(1))
    assert field.shape == (FIELD_PX, FIELD_PX, 3)
    assert where.tolist() == [80.0, 80.0]
    own = halved.images[0][20:180, 20:180]
    assert (field[70:90, 70:90] == own[70:90, 70:90]).all()
    assert (field[:40, :40] != own[:40, :40]).any()


def test_every_mitosis_is_asked_for_and_a_low_enough_threshold_finds_it():
    found = recall_in_dense_fields(random_finder(), crowded(), threshold=-1e9)
    assert (found.mitoses, found.found, found.recall) == (1, 1, 1.0)
    assert recall_in_dense_fields(random_finder(), crowded(), threshold=1e9).recall == 0


def test_a_slide_without_mitoses_is_refused():
    frame = crowded()
    frame.points[MITOSIS] = frame.points[MITOSIS][:0]
    with pytest.raises(ValueError, match="has no mitoses"):
        recall_in_dense_fields(random_finder(), frame, 0.0)
