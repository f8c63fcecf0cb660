"""The walk of a field: it covers the tissue, in order, with few fields; what was looked at counts once."""

import numpy as np
import pytest

from analysis.pipeline.count import points_in_polygon, points_in_rings
from analysis.pipeline.count.fields_walk import (
    MOST_FIELDS,
    Ground,
    Looked,
    WalkRefused,
    find_fields_of,
    find_looked,
    find_unmarked,
    measure_coverage,
    order_fields,
    plan_walk,
)
from analysis.pipeline.count.search import Frame

FRAME = Frame(0.25, 0.5, 12_000, 8_000)  # pixels twice as high as wide: 3 × 4 mm
SQUARE = [[2000, 1000], [8000, 1000], [8000, 4000], [2000, 4000]]  # 1.5 × 1.5 mm
HOLE = [[4000, 2000], [6000, 2000], [6000, 3000], [4000, 3000]]
STAR = [[2000, 4000], [4800, 3400], [6000, 500], [7200, 3400], [11000, 4000], [7200, 4600], [6000, 7800], [4800, 4600]]


def looked_at(centres, field_um) -> Looked:
    return Looked(np.asarray(centres, float).reshape(-1, 2), np.full(len(centres), field_um / 2))


def seen(points, centres, field_um, frame):
    """Every point against every field."""
    away = (points[:, None] - centres) * frame.scale_um
    return (np.hypot(*np.moveaxis(away, -1, 0)) <= field_um / 2).any(axis=1)


def random_points(count=20_000, frame=FRAME):
    return np.random.default_rng(3).random((count, 2)) * [frame.width_l0, frame.height_l0]


@pytest.mark.parametrize(
    ("ring", "tissue", "field_um"),
    [
        (SQUARE, None, 550),
        (SQUARE, [SQUARE, HOLE], 300),
        (STAR, None, 420),
        (STAR, [SQUARE], 550),
        (SQUARE, None, 2000),
    ],
)
def test_the_fields_of_a_walk_cover_all_of_the_tissue(ring, tissue, field_um):
    ground = Ground([ring], FRAME, [] if tissue is None else [tissue])
    centres = plan_walk(ground, field_um)
    points = random_points(60_000)
    inside = points_in_polygon(points, ring)
    if tissue:
        inside &= points_in_rings(points, tissue)
    assert inside.sum() > 500
    assert seen(points[inside], centres, field_um, FRAME).all()
    # None is there for nothing, and the lattice is hardly denser than it must be.
    each = [seen(points[inside], centre[None], field_um, FRAME).any() for centre in centres]
    assert np.mean(each) > 0.9
    coverage = measure_coverage(ground, looked_at(centres, field_um))
    assert coverage.share == pytest.approx(1, abs=1e-9)
    assert coverage.area_mm2 == pytest.approx(inside.mean() * 12, rel=0.05)


def test_a_large_region_takes_as_many_fields_as_its_area_says():
    frame = Frame(0.25, 0.25)
    ground = Ground([[[0, 0], [40_000, 0], [40_000, 40_000], [0, 40_000]]], frame)
    least = 100 / (1.5 * 3**0.5 * 0.275**2)  # mm² over the hexagon in a field
    assert least < len(plan_walk(ground, 550)) < 1.2 * least


def test_the_walk_goes_row_by_row_there_and_back():
    at_um = plan_walk(Ground([SQUARE], FRAME), 400) * FRAME.scale_um
    rows = [at_um[at_um[:, 1] == y, 0] for y in np.unique(at_um[:, 1])]
    assert len(rows) > 2
    assert (np.diff(at_um[:, 1]) >= 0).all()
    for index, xs in enumerate(rows):
        assert (np.diff(xs) * (-1) ** index > 0).all()
    assert np.hypot(*np.diff(at_um, axis=0).T).max() <= 400  # no step leaves the field before


def test_a_small_region_is_one_field_and_slivers_are_not_lost():
    small = [[2000, 1000], [2400, 1000], [2400, 1200], [2000, 1200]]
    assert plan_walk(Ground([small], FRAME), 550) == pytest.approx(np.array([[2200, 1100]]))
    line = [[2000, 1000], [10_000, 1000], [10_000, 1020], [2000, 1020]]  # 2 mm × 10 µm
    centres = plan_walk(Ground([line], FRAME), 550)
    points = np.stack([np.linspace(2000, 10_000, 500), np.full(500, 1010.0)], axis=1)
    assert 4 <= len(centres) <= 6
    assert seen(points, centres, 550, FRAME).all()


def test_coverage_counts_what_two_looks_share_once_and_what_lies_beside_never():
    ground = Ground([SQUARE], FRAME)
    centres = np.array([[3000, 1500], [3400, 1500], [3000, 1500], [2000, 1000], [11_000, 7000]], float)
    looks = Looked(centres, np.array([200.0, 150.0, 200.0, 250.0, 200.0]))
    points = random_points(400_000)
    inside = points_in_polygon(points, SQUARE)
    away = np.hypot(*np.moveaxis((points[inside][:, None] - centres) * FRAME.scale_um, -1, 0))
    share = (away <= looks.radii_um).any(axis=1).mean()
    coverage = measure_coverage(ground, looks)
    assert coverage.area_mm2 == pytest.approx(2.25)
    assert coverage.share == pytest.approx(share, rel=0.04)
    assert measure_coverage(ground, Looked()).looked_mm2 == 0


def test_a_field_is_looked_at_by_whatever_fields_saw_its_tissue():
    ground = Ground([SQUARE], FRAME)
    centres = plan_walk(ground, 300)
    assert not find_looked(ground, centres, 300, Looked()).any()
    assert find_looked(ground, centres, 300, looked_at(centres[:5], 300)).tolist() == [True] * 5 + [False] * (
        len(centres) - 5
    )
    moved = centres + [160 / 0.25, 0]
    assert not find_looked(ground, centres[:1], 300, looked_at(moved[:1], 300)).any()
    assert find_looked(ground, centres, 300, looked_at([[5000, 2500]], 3000)).all()


def test_fields_that_a_protocol_chose_are_put_in_order():
    chosen = [[6000, 3000], [2000, 1000], [6000, 1100], [2000, 3050], [4000, 1050]]
    ordered = order_fields(np.array(chosen), 550, FRAME)
    assert ordered.tolist() == [[2000, 1000], [4000, 1050], [6000, 1100], [6000, 3000], [2000, 3050]]
    assert order_fields(np.zeros((0, 2)), 550, FRAME).shape == (0, 2)


def test_a_mark_on_the_edge_marks_each_field_and_belongs_to_the_nearest():
    centres = np.array([[1000.0, 1000], [2000, 1000], [5000, 5000]])
    marks = np.array([[1000 + 400.0, 1000], [2000, 1000 + 100.0]])  # 100 µm; and 50 µm of the second
    assert find_unmarked(centres, marks[:1], 200, FRAME).tolist() == [False, True, True]
    assert find_unmarked(centres, marks, 200, FRAME).tolist() == [False, False, True]
    assert find_unmarked(centres, np.zeros((0, 2)), 200, FRAME).all()
    points = np.array([[1490.0, 1000], [1510, 1000], [9000, 1000]])
    assert find_fields_of(points, centres, 260, FRAME).tolist() == [0, 1, -1]
    assert find_fields_of(np.zeros((0, 2)), centres, 260, FRAME).tolist() == []


@pytest.mark.parametrize(
    ("rings", "field_um", "said"),
    [
        ([[[0, 0], [100, 0], [50, 0]]], 550, "no tissue"),
        ([[[0, 0], [100, 0]]], 550, "three corners"),
        ([[[0, 0], [np.nan, 0], [50, 90]]], 550, "three corners"),
        ([[[20_000, 0], [30_000, 0], [30_000, 900]]], 550, "no tissue"),  # beside the slide
        ([SQUARE], 0, "above 0"),
        ([SQUARE], -5, "above 0"),
        ([SQUARE], np.nan, "above 0"),
        ([SQUARE], np.inf, "above 0"),
        ([SQUARE], 2, f"at most {MOST_FIELDS:,}"),
    ],
)
def test_no_walk_is_made_of_no_region_no_field_and_a_million_fields(rings, field_um, said):
    with pytest.raises(WalkRefused, match=said):
        plan_walk(Ground(rings, FRAME), field_um)
