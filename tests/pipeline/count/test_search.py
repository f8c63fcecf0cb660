"""The best region of each shape, against brute force on random cases and on those that go wrong most easily."""

import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from analysis.pipeline.count.guards import Facts
from analysis.pipeline.count.protocols.reading import find_protocol
from analysis.pipeline.count.report import Effort, describe_count
from analysis.pipeline.count.search import (
    Frame,
    Search,
    SearchRefused,
    SearchTooLong,
    field_bound,
    find_regions,
    members,
)
from analysis.pipeline.count.search.field_bound import FieldBound
from analysis.pipeline.count.search.regions import find_windows
from analysis.pipeline.count.search.windows import Disc, Placed
from analysis.pipeline.count.shapes import CIRCLE, RECTANGLE, SQUARE, Shape, fields_of
from tests.pipeline.count.brute_force import find_held, find_most, find_most_fields, find_places

CASES = 1000


def cases_of(some: int):
    """So many cases each time, and all of them at night."""
    return pytest.mark.parametrize(
        "cases", [some, pytest.param(CASES, marks=[pytest.mark.nightly, pytest.mark.timeout(1200)])]
    )


PLAIN = Frame(0.25, 0.25)
SHAPES = [Shape(SQUARE, 2.0), Shape(RECTANGLE, 2.0, 4 / 3), Shape(CIRCLE, 2.0)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)


def make_case(seed):
    """Few points: scattered, in a cluster, or on a lattice, where many lie on edges; some with the slide's bounds."""
    random = np.random.default_rng(seed)
    mpp_x, mpp_y = random.uniform(0.2, 0.6, 2)
    size_l0 = random.uniform(3000, 9000, 2)
    at = random.random((random.integers(1, 13), 2))
    at = (at, 0.3 + 0.2 * at, np.round(8 * at) / 8)[seed % 3]
    weights = random.integers(0, 4, len(at)).astype(float) if seed % 2 else random.random(len(at))
    bounds = size_l0.tolist() if seed % 5 < 2 else (None, None)
    return at * size_l0, weights, Frame(mpp_x, mpp_y, *bounds), random.uniform(0.05, 0.8)


@pytest.mark.parametrize(("kind", "aspect"), [(SQUARE, 1), (RECTANGLE, 4 / 3), (CIRCLE, 1)])
def test_no_place_holds_more_than_the_region_that_is_found(kind, aspect):
    for seed in range(CASES):
        points_l0, weights, frame, area_mm2 = make_case(seed)
        shape = Shape(kind, area_mm2, aspect)
        found = find_regions(points_l0, weights, shape, frame)
        most = find_most(points_l0 * frame.scale_um, weights, find_windows(shape), frame.size_um)
        assert (most is None) == (not found), seed
        if found:
            assert found[0].count == pytest.approx(most, abs=1e-9), seed
            assert found[0].exact
            assert found[0].bound is None
            assert weights[members(points_l0, found[0], shape, frame)].sum() == found[0].count
            assert is_on_the_slide(found[0], frame)


@pytest.mark.parametrize("kind", [SQUARE, CIRCLE])
def test_among_many_points_no_place_holds_more_either(kind):
    """So many that cells are cut often before few points are in question."""
    for seed in range(2):
        points_l0 = np.random.default_rng(seed).normal(8000, [900, 1400], (110, 2))
        shape, frame = Shape(kind, 0.2), Frame(0.25, 0.22)
        (found,) = find_regions(points_l0, None, shape, frame)
        assert found.count == find_most(points_l0 * frame.scale_um, np.ones(110), find_windows(shape), frame.size_um)


def is_on_the_slide(found, frame):
    outline_um = np.array(found.polygon_l0) * frame.scale_um
    bounded = np.isfinite(frame.size_um)
    return bool((~bounded | ((outline_um >= -1e-3) & (outline_um <= frame.size_um + 1e-3))).all())


@cases_of(62)
@pytest.mark.parametrize("kind", [SQUARE, CIRCLE])
def test_in_tissue_with_holes_the_region_is_the_best_of_those_with_enough(kind, cases):
    places = 0
    for seed in range(cases):
        points_l0, weights, frame, area_mm2 = make_case(seed)
        shape, (ring, hole) = Shape(kind, area_mm2 / 3), make_tissue(seed, points_l0)
        search = Search(points_l0, shape, frame, [ring, hole])
        found = search.best(weights)
        most = find_most(
            points_l0 * frame.scale_um, weights, search.windows, frame.size_um, mask=search.tissue, least=0.951
        )
        places += bool(found)
        if found:
            assert found[0].tissue_fraction >= 0.95 - 1e-9, seed
            assert found[0].count == weights[members(points_l0, found[0], shape, frame)].sum()
        if most is not None:
            assert found, seed
            assert found[0].count >= most - 1e-9, seed
    assert places > cases // 2


def make_tissue(seed, points_l0):
    random = np.random.default_rng(seed)
    middle = points_l0.mean(axis=0)
    angle = np.sort(random.uniform(0, 2 * np.pi, 7))
    ring = middle + random.uniform(2500, 6000, (7, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    hole = middle + random.uniform(50, 400) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return ring.tolist(), hole.tolist()


@cases_of(100)
@pytest.mark.parametrize("kind", [SQUARE, CIRCLE])
def test_alternates_do_not_overlap_and_no_place_beside_those_before_holds_more(kind, cases):
    for seed in range(cases):
        points_l0, weights, frame, area_mm2 = make_case(seed)
        shape, taken = Shape(kind, area_mm2 / 3), []
        (window,) = find_windows(shape)
        for found in find_regions(points_l0, weights, shape, frame, alternates=2):
            most = find_most(points_l0 * frame.scale_um, weights, [window], frame.size_um, taken=taken, gap_um=1.0)
            assert most is None or found.count >= most - 1e-9, seed
            centre = np.mean(found.polygon_l0, axis=0) * frame.scale_um
            assert not any(window.overlaps(*(centre - other), window) for other in taken), seed
            taken.append(centre)


@cases_of(24)
@pytest.mark.parametrize("touching", [False, True])
def test_of_fields_none_overlap_and_the_bound_holds(touching, cases):
    exact = 0
    for seed in range(cases):
        points_l0, weights, frame, _ = make_case(seed)
        shape = fields_of(2 + seed % 2, 500.0, touching)
        found = find_regions(points_l0, weights, shape, frame)
        most = find_most_fields(points_l0 * frame.scale_um, weights, shape, frame.size_um)
        if not found:
            continue
        (found,) = found
        centres = np.array(found.fields_l0) * frame.scale_um
        away = np.linalg.norm(centres[:, None] - centres, axis=2) + 1e9 * np.eye(len(centres))
        assert len(centres) == shape.fields
        assert away.min() >= 500.0
        assert not touching or (away.min(axis=1) < 500.01).all()
        assert weights[members(points_l0, found, shape, frame)].sum() == pytest.approx(found.count)
        assert found.exact == (found.bound is None)
        assert found.exact or found.bound > found.count
        if not touching:
            assert (found.count if found.exact else found.bound) >= most - 1e-9, seed
        exact += found.exact
    assert exact > cases * (0.5 if touching else 0.85)


@pytest.mark.parametrize("touching", [False, True])
def test_no_other_choice_of_fields_holds_more_than_the_bound_of_many_points(touching, monkeypatch):
    """Where prices follow density and end early: beside many choices, laid where single points lie."""
    monkeypatch.setattr(field_bound, "MANY_POINTS", 200)
    random = np.random.default_rng(5)
    points_um = np.concatenate([random.normal(middle, 400, (110, 2)) for middle in ([1500, 1500], [3200, 2600])])
    shape = fields_of(3, 500.0, touching)
    (found,) = find_regions(points_um, None, shape, Frame(1.0, 1.0))
    bound = found.bound or found.count
    assert found.count <= bound < 1.25 * found.count
    for _ in range(500):
        first, turn = random.choice(points_um), random.uniform(0, 2 * np.pi)
        beside = first + 500.1 * np.array([[0, 0], [np.cos(turn), np.sin(turn)], [-np.cos(turn), -np.sin(turn)]])
        centres = beside if touching else np.concatenate([[first], random.choice(points_um, 2)])
        if pdist(centres).min() > 500:
            held = (np.linalg.norm(points_um[:, None] - centres, axis=2) <= 250).any(axis=1)
            assert held.sum() <= bound


def test_the_best_window_near_another_is_found_without_looking_elsewhere():
    for seed in range(CASES // 10):
        points_l0, weights, frame, area_mm2 = make_case(seed)
        found_search = Search(points_l0, Shape(CIRCLE, area_mm2 / 3), frame).searches
        points_um = points_l0 * frame.scale_um
        for search in found_search:
            near = Placed(search.window, *points_um[-1].tolist(), 0.0)
            found = search.find(weights, near=near)
            places = find_places(points_um, search.window, frame.size_um)
            reaching = places[np.linalg.norm(places - points_um[-1], axis=1) < 2 * search.window.reach_x]
            most = (find_held(points_um, search.window, reaching) @ weights).max(initial=0.0)
            assert most - 1e-9 <= found.weight <= search.find(weights).weight + 1e-9, seed
            held = find_held(points_um, search.window, np.array([[found.x_um, found.y_um]]))
            assert found.weight == pytest.approx((held @ weights)[0]), seed


@each_shape
def test_points_on_the_edge_are_inside(shape):
    window = find_windows(shape)[0]
    width_um, height_um = (
        (2 * window.reach_x, 0.0) if isinstance(window, Disc) else (2 * window.reach_x, 2 * window.reach_y)
    )
    for mpp_x, mpp_y in ((0.25, 0.25), (0.2273, 0.2431), (1 / 3, 0.7)):
        corners = np.array([[0.1, 0.1], [0.1 + width_um, 0.1 + height_um]]) / [mpp_x, mpp_y]
        frame = Frame(mpp_x, mpp_y)
        assert find_regions(corners, None, shape, frame)[0].count == 2
        apart = corners + [[0, 0], [1e-4 / mpp_x, 0]]
        assert find_regions(apart, None, shape, frame)[0].count == 1


@each_shape
def test_very_many_points_at_one_place_are_one_place(shape):
    place = np.tile([[4000.0, 4000.0]], (100_000, 1))
    assert find_regions(place, None, shape, PLAIN, seconds=30)[0].count == 100_000
    jittered = place[:10_000] + np.random.default_rng(0).normal(0, 1e-7, (10_000, 2))
    assert find_regions(jittered, None, shape, PLAIN, seconds=30)[0].count == 10_000


@each_shape
def test_a_lattice_that_fits_the_window_to_a_hair_has_its_full_square(shape):
    side_um = 1000 * np.sqrt(2)
    lattice = np.stack(np.meshgrid(*[np.arange(30) * side_um / 10 / 0.25] * 2), axis=-1).reshape(-1, 2)
    found = find_regions(lattice, None, shape, PLAIN, seconds=30)[0]
    assert found.count == {SQUARE: 121, RECTANGLE: 108, CIRCLE: 104}[shape.kind]


@each_shape
def test_without_points_a_place_that_holds_none_is_found(shape):
    none = np.zeros((0, 2))
    (found,) = find_regions(none, None, shape, PLAIN, alternates=3)
    assert (found.count, found.exact, found.tissue_fraction) == (0, True, None)
    (found,) = find_regions(none, None, shape, Frame(0.25, 0.25, 9000, 8000))
    assert is_on_the_slide(found, Frame(0.25, 0.25, 9000, 8000))
    tissue = [[[0, 0], [9000, 0], [9000, 9000], [0, 9000]]]
    (found,) = find_regions(none, None, shape, PLAIN, tissue)
    assert found.tissue_fraction >= 0.95
    assert find_regions(np.array([[20000.0, 20000.0]]), None, shape, PLAIN, tissue)[0].count == 0


@each_shape
def test_a_window_that_has_no_place_is_not_found(shape):
    point = np.array([[1200.0, 1200.0]])
    assert find_regions(point, None, shape, Frame(0.25, 0.25, 9000, 4000)) == []
    small = [[[0, 0], [1200, 0], [1200, 1200], [0, 1200]]]  # 0.1 mm²
    assert find_regions(point, None, shape, PLAIN, small) == []
    assert find_regions(point, None, shape, PLAIN, []) == []
    large = [[[0, 0], [9000, 0], [9000, 9000], [0, 9000]]]
    assert find_regions(point, None, shape, PLAIN, large)[0].count == 1
    assert find_regions(point, None, shape, PLAIN, large, tumour=small) == []
    assert find_regions(point, None, shape, PLAIN, small, min_tissue_fraction=0.04)[0].tissue_fraction >= 0.04


def test_a_window_as_large_as_the_slide_has_one_place():
    side_l0 = 1000 * np.sqrt(2) / 0.25
    frame = Frame(0.25, 0.25, side_l0, side_l0)
    corners = np.array([[0, 0], [side_l0, side_l0], [side_l0 + 1, 5]])
    (found,) = find_regions(corners, None, SHAPES[0], frame)
    assert found.count == 2
    assert np.array(found.polygon_l0) == pytest.approx(side_l0 * np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), abs=1e-3)


def test_tissue_and_tumour_both_bind_and_the_fraction_is_that_of_tissue():
    tissue = [[[0, 0], [40000, 0], [40000, 9000], [0, 9000]]]
    tumour = [[[20000, 0], [40000, 0], [40000, 9000], [20000, 9000]]]
    points = np.concatenate([np.full((5, 2), 4000.0), np.full((3, 2), [30000.0, 4000.0])])
    assert find_regions(points, None, SHAPES[0], PLAIN, tissue)[0].count == 5
    (found,) = find_regions(points, None, SHAPES[0], PLAIN, tissue, tumour)
    assert (found.count, found.tissue_fraction) == (3, pytest.approx(1.0))
    (found,) = find_regions(points, None, SHAPES[0], PLAIN, None, tumour)
    assert (found.count, found.tissue_fraction) == (3, None)


def test_a_search_is_asked_with_many_weights():
    points_l0, _, frame, area_mm2 = make_case(7)
    shape, random = Shape(CIRCLE, area_mm2), np.random.default_rng(0)
    search = Search(points_l0, shape, frame)
    for _ in range(20):
        weights = random.poisson(1.0, len(points_l0)).astype(float)
        assert search.best(weights) == find_regions(points_l0, weights, shape, frame)


def box_of(width, height):
    return [[(0, 0), (width, 0), (width, height), (0, height)]]


ROOM = {
    "the best field lies in the middle of room for two": (fields_of(2, 8.0), [(4.6, 4), (12, 4)], box_of(16.6, 8)),
    "four fit in the corners only": (fields_of(4, 8.0), [(8, 8)], box_of(16.2, 16.2)),
    "one end of a strip is left": (fields_of(2, 8.0, True), [(9, 4), (9, 5)], box_of(17, 8)),
    "a strip goes down": (fields_of(2, 8.0, True), [(4, 9)], box_of(8, 17)),
    "an edge slants": (
        fields_of(2, 8.0, True),
        [(18, 30), (3, 28)],
        [[(-20, -20), (18, -20), (22, 22), (18, 60), (-20, 60)]],
    ),
    "two in a square": (fields_of(2, 8.0, True), [(8, 8)], box_of(16.2, 16.2)),
}


@pytest.mark.parametrize("case", ROOM)
def test_whether_fields_have_room_does_not_depend_on_what_they_hold(case):
    shape, points, tissue = ROOM[case]
    search = Search(np.array(points, float), shape, Frame(1.0, 1.0), tissue)
    for weights in product([0.0, 1.0], repeat=len(points)):
        found = search.best(np.array(weights), prove=False)
        assert len(found) == 1, weights
        apart = pdist(np.array(found[0].fields_l0))
        assert len(found[0].fields_l0) == shape.fields
        assert apart.min() >= 8
        assert not shape.touching or apart.min() == pytest.approx(8, abs=1e-3)
        assert found[0].tissue_fraction >= 0.95


def test_fields_that_leave_no_room_for_others_are_exchanged_for_some_that_hold_as_much():
    shape, points, tissue = ROOM["the best field lies in the middle of room for two"]
    found = find_regions(np.array(points), None, shape, Frame(1.0, 1.0), tissue)
    assert (found[0].count, found[0].exact) == (2, True)


@pytest.mark.parametrize("touching", [False, True])
def test_without_a_proof_the_same_fields_are_found_and_no_points_are_priced(touching, monkeypatch):
    points_l0 = np.random.default_rng(3).normal(6000, 2500, (25, 2))
    search = Search(points_l0, fields_of(3, 500.0, touching), PLAIN)
    (proven,) = search.best()
    monkeypatch.setattr(FieldBound, "find", None)
    (found,) = search.best(prove=False)
    assert (found.fields_l0, found.count) == (proven.fields_l0, proven.count)
    assert (found.exact, found.bound) == (False, 25)


def test_draws_of_an_interval_price_no_points_of_fields(monkeypatch):
    random = np.random.default_rng(3)
    protocol = replace(find_protocol("nottingham"), shape=fields_of(3, 500.0, touching=True))
    proofs, prove = [], FieldBound.find
    monkeypatch.setattr(FieldBound, "find", lambda *given: proofs.append(given) or prove(*given))
    effort = Effort(draws=10)
    told = describe_count(random.normal(6000, 2500, (25, 2)), protocol, Facts(0.25, 0.25), effort=effort)
    assert told["regions"][0]["interval_95_searched"]["draws"] == 10
    assert len(proofs) == 1


def test_a_search_that_takes_too_long_says_so_and_gives_nothing():
    points = np.random.default_rng(0).normal(20000, 5000, (20000, 2))
    for shape in (*SHAPES, fields_of(3, 500.0), fields_of(3, 500.0, touching=True)):
        with pytest.raises(SearchTooLong, match="time limit"):
            find_regions(points, None, shape, PLAIN, seconds=0.0)


@pytest.mark.parametrize(
    ("points", "weights", "shape", "sentence"),
    [
        ([[np.nan, 1.0]], None, SHAPES[0], "finite"),
        ([[np.inf, 1.0]], None, SHAPES[2], "finite"),
        ([[1.0, 1.0, 1.0]], None, SHAPES[0], "pairs"),
        ([[1.0, 1.0]], [np.nan], SHAPES[0], "weight"),
        ([[1.0, 1.0]], [-1.0], SHAPES[2], "weight"),
        ([[1.0, 1.0]], [1.0, 1.0], SHAPES[2], "weight"),
        ([[1.0, 1.0]], None, Shape(SQUARE, 0.0), "area"),
        ([[1.0, 1.0]], None, Shape("star", 1.0), "shape"),
        ([[1.0, 1.0]], None, Shape(RECTANGLE, 1.0, 0.0), "ratio"),
        ([[1.0, 1.0]], None, fields_of(0, 500.0), "area"),
        ([[1.0, 1.0]], None, Shape(CIRCLE, np.nan), "area"),
    ],
)
def test_what_means_nothing_is_refused(points, weights, shape, sentence):
    with pytest.raises(SearchRefused, match=sentence):
        find_regions(np.array(points), weights, shape, PLAIN)


def test_outlines_and_shares_that_mean_nothing_are_refused():
    with pytest.raises(SearchRefused, match="Outlines"):
        Search(np.zeros((1, 2)), SHAPES[0], PLAIN, [[[0, 0], [np.nan, 5], [9, 9]]])
    with pytest.raises(SearchRefused, match="share"):
        Search(np.zeros((1, 2)), SHAPES[0], PLAIN, min_tissue_fraction=np.nan)


def test_fields_are_laid_without_points_too():
    for touching in (False, True):
        (found,) = find_regions(np.zeros((0, 2)), None, fields_of(10, 500.0, touching), PLAIN)
        assert (found.count, found.exact, len(found.fields_l0)) == (0, True, 10)


@pytest.mark.parametrize("sizes", [(0.0, 0.25), (0.25, np.nan), (0.25, -1.0), (0.25, 0.25, 0, 100)])
def test_a_frame_without_a_size_is_refused(sizes):
    with pytest.raises(SearchRefused, match="above 0"):
        Frame(*sizes)


def test_a_rectangle_is_laid_both_ways():
    long_l0, short_l0 = (side / 0.25 for side in SHAPES[1].sides_um)
    for along, across in ((0, 1), (1, 0)):
        points = np.zeros((2, 2))
        points[1, along], points[1, across] = long_l0, short_l0
        (found,) = find_regions(points, None, SHAPES[1], PLAIN)
        assert found.count == 2
        sides = np.ptp(found.polygon_l0, axis=0)
        assert (sides[along], sides[across]) == pytest.approx((long_l0, short_l0))


def test_the_search_starts_quickly_where_it_is_not_used():
    code = "import sys, analysis.pipeline.count.search; assert not {'torch', 'django', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
