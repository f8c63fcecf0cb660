"""Areas, points in outlines and intervals, by hand and against published figures."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.pipeline.count import points_in_polygon, poisson_interval, shared_area_px2


def test_the_area_that_outlines_share_leaves_out_holes_and_what_lies_beyond_the_bounds():
    tissue = [[[0, 0], [1000, 0], [1000, 800], [0, 800]], [[400, 200], [600, 200], [600, 300], [400, 300]]]
    drawn = [[[-50, 100], [700, 100], [700, 500], [-50, 500]]]
    triangle = [[[0, 0], [1000, 0], [0, 1000]]]
    bounds = (0, 0, 1200, 900)
    assert shared_area_px2([tissue], bounds) == pytest.approx(1000 * 800 - 200 * 100)
    assert shared_area_px2([drawn, tissue], bounds) == pytest.approx(700 * 400 - 200 * 100)
    assert shared_area_px2([triangle], bounds) == pytest.approx(1000 * 1000 / 2 - 100 * 100 / 2, rel=1e-6)
    assert shared_area_px2([drawn, []], bounds) == shared_area_px2([drawn], (5, 5, 5, 9)) == 0
    assert shared_area_px2([[[[0, 0], [9, 9]]]], bounds) == 0  # no ring


def test_points_in_polygon_counts_the_line_and_knows_concave_shapes():
    arrow = [[0, 0], [100, 0], [100, 100], [50, 50], [0, 100]]
    points = np.array([[50, 20], [50, 80], [10, 60], [0, 50], [100, 100], [50, 50], [-1, 50], [75, 75]])
    assert points_in_polygon(points, arrow).tolist() == [True, False, True, True, True, True, False, True]
    with pytest.raises(ValueError, match="three corners"):
        points_in_polygon(points, [[0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.69), (1, 0.025, 5.57), (7, 2.81, 14.42), (10, 4.80, 18.39), (43, 31.12, 57.92), (100, 81.36, 121.63)],
)
def test_poisson_interval_agrees_with_the_tables(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.006)


def test_poisson_interval_refuses_nonsense():
    with pytest.raises(ValueError, match="at least 0"):
        poisson_interval(-1)


def test_count_needs_no_network_library():
    code = "import sys, analysis.pipeline.count; assert 'torch' not in sys.modules and 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
