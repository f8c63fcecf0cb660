"""The count's mathematics, against brute force and against published figures."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.pipeline.count import (
    best_square,
    points_in_polygon,
    poisson_interval,
    shared_area_px2,
    tissue_map,
)
from analysis.pipeline.count.polygons import EDGE_PX
from analysis.pipeline.count.square import SAME_FRACTION

BOUNDS = (0.0, 0.0, 200.0, 160.0)
WHOLE = tissue_map(None, BOUNDS)
coordinate = st.floats(0, 200, allow_nan=False) | st.integers(0, 20).map(lambda value: value * 10.0)
some_points = st.lists(st.tuples(coordinate, coordinate.filter(lambda y: y <= 160)), max_size=14).map(
    lambda points: np.array(points, float).reshape(-1, 2)
)


def count_at(points, weights, x, y, width, height):
    inside = (
        (points[:, 0] >= x - EDGE_PX)
        & (points[:, 0] <= x + width + EDGE_PX)
        & (points[:, 1] >= y - EDGE_PX)
        & (points[:, 1] <= y + height + EDGE_PX)
    )
    return weights[inside].sum()


def brute_force(points, weights, width, height, tissue, min_fraction):
    """Every crossing of every line at which a point, or a line of the raster, meets an edge of the window."""
    x0, y0, x1, y1 = tissue.bounds
    xs = np.concatenate([points[:, 0], points[:, 0] - width, tissue.lines_x, tissue.lines_x - width, [x0, x1 - width]])
    ys = np.concatenate(
        [points[:, 1], points[:, 1] - height, tissue.lines_y, tissue.lines_y - height, [y0, y1 - height]]
    )
    xs, ys = np.unique(xs[(xs >= x0) & (xs <= x1 - width)]), np.unique(ys[(ys >= y0) & (ys <= y1 - height)])
    fractions = tissue.fractions(xs, ys, width, height)
    best = None
    for j, i in np.argwhere(fractions >= min_fraction - SAME_FRACTION):
        found = (count_at(points, weights, xs[i], ys[j], width, height), round(fractions[j, i], 9), -ys[j], -xs[i])
        best = found if best is None or found > best else best
    return best


def assert_same(square, truth):
    assert square.count == truth[0]
    assert square.tissue_fraction == pytest.approx(truth[1], abs=1e-8)
    assert (square.y_l0, square.x_l0) == pytest.approx((-truth[2], -truth[3]), abs=1e-5)


@settings(max_examples=150, deadline=None)
@given(points=some_points, width=st.floats(5, 150), height=st.floats(5, 150))
def test_best_square_is_the_best_of_every_position(points, width, height):
    square = best_square(points, None, width, height, WHOLE)
    assert_same(square, brute_force(points, np.ones(len(points)), width, height, WHOLE, 0.95))


@settings(max_examples=100, deadline=None)
@given(points=some_points, side=st.floats(10, 90), seed=st.integers(0, 10_000), least=st.sampled_from([0.5, 0.8, 0.95]))
def test_best_square_keeps_to_tissue_and_is_exact_there(points, side, seed, least):
    generator = np.random.default_rng(seed)
    rings = [(generator.random(2) * [160, 120] + generator.random((5, 2)) * 90).tolist() for _ in range(2)]
    tissue = tissue_map(rings, BOUNDS)
    weights = generator.integers(0, 4, len(points)).astype(float)
    truth = brute_force(points, weights, side, side, tissue, least)
    square = best_square(points, weights, side, side, tissue, least)
    assert square.enough_tissue is (truth is not None)
    assert_same(square, truth or brute_force(points, weights, side, side, tissue, 0.0))


@settings(max_examples=60, deadline=None)
@given(points=some_points, seed=st.integers(0, 10_000))
def test_no_random_position_beats_the_best_square(points, seed):
    ring = [[10, 5], [190, 20], [170, 150], [30, 140]]
    tissue = tissue_map([ring], BOUNDS)
    square = best_square(points, None, 40.0, 30.0, tissue)
    corners = np.random.default_rng(seed).random((300, 2)) * [160, 130]
    for x, y in corners:
        if tissue.fractions(np.array([x]), np.array([y]), 40.0, 30.0)[0, 0] >= 0.95:
            assert count_at(points, np.ones(len(points)), x, y, 40.0, 30.0) <= square.count


def test_among_many_points_the_square_is_still_the_best():
    """Dense, so that most points lie in every window of a rectangle and only few are asked one by one."""
    generator = np.random.default_rng(3)
    points, weights = generator.random((1500, 2)) * [200, 160], generator.integers(1, 3, 1500).astype(float)
    square = best_square(points, weights, 60.0, 50.0, WHOLE)
    assert square.count == count_at(points, weights, square.x_l0, square.y_l0, 60.0, 50.0)
    meets = generator.integers(0, 1500, (4000, 2))  # windows that begin or end at points are where the best ones are
    xs, ys = np.clip(points[meets[:, 0], 0], 0, 140), np.clip(points[meets[:, 1], 1], 0, 110)
    for x, y in zip(xs, ys, strict=True):
        assert count_at(points, weights, x, y, 60.0, 50.0) <= square.count


def test_ties_go_to_more_tissue_then_higher_up_then_further_left():
    corners = np.array([[10.0, 10.0], [150.0, 10.0], [10.0, 120.0]])
    square = best_square(corners, None, 30.0, 30.0, WHOLE)
    assert (square.x_l0, square.y_l0) == (0, 0)
    right_half = tissue_map([[[100, 0], [200, 0], [200, 160], [100, 160]]], BOUNDS)
    square = best_square(corners, None, 30.0, 30.0, right_half, 0.0)
    assert square.tissue_fraction == pytest.approx(1.0)
    assert (square.x_l0, square.y_l0) == (120.0, 0.0)


def test_points_on_the_edge_of_the_square_are_in_it():
    points = np.array([[0.1, 0.1], [0.1 + 30.3, 0.1], [0.1, 0.1 + 30.3], [0.1 + 30.3, 0.1 + 30.3]])
    assert best_square(points, None, 30.3, 30.3, WHOLE).count == 4


def test_without_enough_tissue_anywhere_the_square_says_so():
    strip = tissue_map([[[0, 0], [200, 0], [200, 16], [0, 16]]], BOUNDS)
    square = best_square(np.array([[50.0, 10.0], [60.0, 10.0]]), None, 40.0, 40.0, strip)
    assert square.count == 2
    assert not square.enough_tissue
    assert square.tissue_fraction == pytest.approx(0.4)


def test_a_window_larger_than_the_slide_has_no_place():
    assert best_square(np.zeros((0, 2)), None, 201.0, 10.0, WHOLE) is None
    assert best_square(np.array([[200.0, 160.0]]), None, 200.0, 160.0, WHOLE).count == 1


def test_best_square_refuses_what_is_no_point_or_no_window():
    with pytest.raises(ValueError, match="finite"):
        best_square(np.array([[np.nan, 1.0]]), None, 10, 10, WHOLE)
    with pytest.raises(ValueError, match="weight"):
        best_square(np.array([[1.0, 1.0]]), np.array([-1.0]), 10, 10, WHOLE)
    with pytest.raises(ValueError, match="window"):
        best_square(np.array([[1.0, 1.0]]), None, 0, 10, WHOLE)


def test_tissue_map_measures_area_and_leaves_holes_out():
    outer = [[10, 10], [1900, 10], [1900, 1500], [10, 1500]]
    hole = [[500, 500], [900, 500], [900, 900], [500, 900]]
    tissue = tissue_map([outer, hole], (0, 0, 2000, 1600))
    assert tissue.area_px2 == pytest.approx(1890 * 1490 - 400 * 400, rel=0.02)
    assert tissue.fractions(np.array([600.0]), np.array([600.0]), 200, 200)[0, 0] == 0
    assert tissue.fractions(np.array([1000.0]), np.array([1000.0]), 200, 200)[0, 0] == pytest.approx(1)


def test_a_window_that_hangs_over_the_slide_holds_no_tissue_there():
    everywhere = tissue_map(None, (0, 0, 2000, 1600))
    hanging = everywhere.fractions(np.array([-50.0, 1900.0, -300.0]), np.array([-100.0, 0.0]), 200, 200)
    assert hanging == pytest.approx(np.array([[0.375, 0.25, 0], [0.75, 0.5, 0]]))


def test_tissue_map_keeps_to_the_region():
    region = [[0, 0], [1000, 0], [0, 1000]]
    tissue = tissue_map([[[0, 0], [2000, 0], [2000, 400], [0, 400]]], (0, 0, 2000, 1600), within=region)
    assert tissue.area_px2 == pytest.approx(400 * 600 + 400 * 400 / 2, rel=0.03)


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


def montage(data_dir):
    """Mitoses and frames of the montage of slide H05, laid out as its builder does: 9 x 8 frames of 1663 x 1485 px."""
    frames = sorted(path.name for path in (data_dir / "mitos14" / "frames").glob("H05_*.jpg"))
    quadrant = {"A": (0, 0), "B": (1, 0), "C": (0, 1), "D": (1, 1)}
    cells = {
        name: tuple(2 * big + small for big, small in zip(quadrant[name[6]], quadrant[name[7].upper()], strict=True))
        for name in frames
        if name.startswith("H05_03")
    }
    free = [(x, y) for y in range(8) for x in range(9) if x > 3 or y > 3]
    cells |= dict(zip((name for name in frames if name not in cells), free, strict=False))
    with (data_dir / "mitos14" / "annotations.csv").open(newline="") as file:
        points = [
            (float(row["x"]) + cells[row["frame"]][0] * 1663, float(row["y"]) + cells[row["frame"]][1] * 1485)
            for row in csv.DictReader(file)
            if row["frame"] in cells and row["label"] == "mitosis"
        ]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    rings = [((corners + cell) * [1663, 1485]).tolist() for cell in cells.values()]
    return np.array(points), rings


@pytest.mark.needs_data
def test_best_square_of_the_montage_is_the_busiest_of_all(data_dir):
    points, rings = montage(data_dir)
    assert len(points) == 147
    side = np.sqrt(2e6) / 0.2273
    tissue = tissue_map(rings, (0, 0, 9 * 1663, 8 * 1485))
    assert tissue.area_px2 * 0.2273**2 / 1e6 == pytest.approx(8.68, abs=0.05)
    square = best_square(points, None, side, side, tissue)
    assert square.enough_tissue
    assert square.count == count_at(points, np.ones(147), square.x_l0, square.y_l0, side, side)
    assert_same(square, brute_force(points, np.ones(147), side, side, tissue, 0.95))


def test_count_needs_no_network_library():
    code = "import sys, analysis.pipeline.count; assert 'torch' not in sys.modules and 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
