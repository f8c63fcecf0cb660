import numpy as np
import pytest

from analysis.pipeline.proposers.finder import finder_places, highest_near
from tests.pipeline.makers import planted_tissue


def hill(shape, *tops):
    """A map of -8 with single cells raised: (row, column, logit)."""
    logits = np.full(shape, -8, np.float32)
    for row, column, value in tops:
        logits[row, column] = value
    return logits


def test_a_place_is_moved_to_the_middle_of_its_nucleus():
    picture = planted_tissue(200, 160, [(102.0, 77.0)], radius=6)
    [[x, y]], [score] = finder_places(picture, hill((40, 50), (18, 24, 1.5)), 0.0)
    assert (x, y) == pytest.approx((102.5, 77.5), abs=1.0)
    assert score == 1.5


def test_a_place_without_a_nucleus_near_stays_within_its_move():
    picture = planted_tissue(200, 160, [])
    [[x, y]], _ = finder_places(picture, hill((40, 50), (18, 24, 1.5)), 0.0)
    assert np.hypot(x - 98, y - 74) <= 8 + 1


def test_a_place_at_the_very_edge_stays_on_the_image():
    picture = planted_tissue(200, 160, [(199.0, 159.0)], radius=6)
    [[x, y]], _ = finder_places(picture, hill((40, 50), (39, 49, 1.0)), 0.0)
    assert (x, y) <= (199.5, 159.5)


def test_of_two_peaks_within_five_micrometres_the_higher_stays():
    picture = planted_tissue(200, 160, [])
    _, scores = finder_places(picture, hill((40, 50), (10, 10, 1.0), (10, 12, 2.0), (30, 40, 0.5)), 0.0)
    assert scores.tolist() == [2.0, 0.5]


def test_what_lies_below_the_threshold_is_no_place():
    points, scores = finder_places(planted_tissue(200, 160, []), hill((40, 50), (10, 10, -0.1)), 0.0)
    assert points.shape == (0, 2)
    assert scores.shape == (0,)


def test_the_highest_logit_near_a_place_is_found_within_its_reach_and_not_beyond():
    logits = hill((40, 50), (10, 12, 3.0))
    cells = np.array([(11.5, 10.5), (10.5, 10.5), (60.0, -3.0)])
    assert highest_near(logits, cells).tolist() == [3.0, -8.0, -8.0]
    assert highest_near(logits, cells, reach_cells=2).tolist() == [3.0, 3.0, -8.0]


@pytest.mark.parametrize(("x", "y"), [(105.0, 74.0), (91.0, 74.0), (98.0, 81.0), (98.0, 67.0)])
def test_a_nucleus_is_reached_as_far_on_every_side_of_the_middle_of_a_cell(x, y):
    """Cell (18, 24) of 4 px has its middle at (98, 74); half a cell off, one of these would lie out of reach."""
    picture = planted_tissue(200, 160, [(x, y)], radius=6)
    [place], _ = finder_places(picture, hill((40, 50), (18, 24, 1.5)), 0.0)
    assert tuple(place) == pytest.approx((x + 0.5, y + 0.5), abs=1.0)
