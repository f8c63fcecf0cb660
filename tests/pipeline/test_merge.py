import numpy as np

from analysis.pipeline.merge import in_reach, keep_surest


def test_of_two_within_the_radius_the_surer_stays():
    assert keep_surest(np.array([(0.0, 0.0), (7.0, 0.0)]), np.array([0.4, 0.9])).tolist() == [False, True]


def test_the_radius_itself_is_within_it():
    assert keep_surest(np.array([(0.0, 0.0), (7.5, 0.0)]), np.array([0.4, 0.9])).tolist() == [False, True]


def test_beyond_the_radius_both_stay():
    assert keep_surest(np.array([(0.0, 0.0), (7.6, 0.0)]), np.array([0.4, 0.9])).all()


def test_at_equal_scores_the_smaller_y_then_the_smaller_x_stays():
    points = np.array([(5.0, 1.0), (3.0, 1.0), (4.0, 0.5)])
    assert keep_surest(points, np.ones(3)).tolist() == [False, False, True]
    assert keep_surest(points[:2], np.ones(2)).tolist() == [False, True]


def test_the_rule_is_local_so_a_loser_still_silences_a_weaker_one():
    chain = np.array([(0.0, 0.0), (7.0, 0.0), (14.0, 0.0)])
    assert keep_surest(chain, np.array([0.9, 0.8, 0.7])).tolist() == [True, False, False]


def test_none_and_one_stay_as_they_are():
    assert keep_surest(np.zeros((0, 2)), np.zeros(0)).shape == (0,)
    assert keep_surest(np.zeros((1, 2)), np.zeros(1)).tolist() == [True]


def test_in_reach_of_a_place_are_itself_and_what_could_outdo_it():
    points = np.array([(0.0, 0.0), (7.5, 0.0), (7.6, 0.0), (40.0, 40.0)])
    assert in_reach(points, np.array([True, False, False, False])).tolist() == [True, True, False, False]
    assert not in_reach(points, np.zeros(4, bool)).any()
    assert in_reach(np.zeros((0, 2)), np.zeros(0, bool)).shape == (0,)
