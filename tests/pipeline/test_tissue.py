import numpy as np
import pytest
from shapely.geometry import box

from analysis.pipeline.tissue import find_tissue
from tests.pipeline.makers import STROMA


def thumbnail(rows, columns, tissue=(slice(0), slice(0))):
    picture = np.full((rows, columns, 3), 243, np.uint8)
    picture[tissue] = STROMA
    return picture


def test_glass_alone_holds_no_tissue():
    mask = find_tissue(thumbnail(60, 80), 2560, 1920, 0.25, 0.25)
    assert not mask.mask.any()
    assert mask.outline() == []
    assert mask.area_l0(None) == 0


def test_a_field_that_is_tissue_throughout_is_tissue_throughout():
    picture = thumbnail(60, 80, (slice(None), slice(None)))
    picture[::7, ::5] = (90, 50, 130)
    mask = find_tissue(picture, 2561, 1921, 0.25, 0.25)
    assert mask.area_l0(None) == pytest.approx(2561 * 1921)
    [ring] = mask.outline()
    assert sorted(map(tuple, ring)) == [(0, 0), (0, 1921), (2561, 0), (2561, 1921)]


def test_tissue_within_a_region_is_measured_exactly_at_the_regions_edge():
    mask = find_tissue(thumbnail(60, 80, (slice(None), slice(None))), 2560, 1920, 0.25, 0.25)
    assert mask.area_l0(box(3.5, 7.25, 1003.5, 507.25)) == pytest.approx(1000 * 500)


def test_a_piece_of_tissue_is_found_where_it_lies_and_specks_are_not():
    picture = thumbnail(100, 100, (slice(20, 60), slice(30, 80)))
    picture[90:92, 5:7] = STROMA
    mask = find_tissue(picture, 3200, 3200, 0.25, 0.25)
    inside = np.array([(55 * 32.0, 40 * 32.0), (6 * 32.0, 91 * 32.0), (5 * 32.0, 5 * 32.0)])
    assert mask.contains(inside).tolist() == [True, False, False]
    assert mask.area_l0(None) == pytest.approx(40 * 50 * 32**2, rel=0.15)
    assert mask.any_in(0, 0, 3200, 3200)
    assert not mask.any_in(0, 0, 600, 400)


def test_a_hole_in_the_tissue_is_a_ring_of_its_own():
    picture = thumbnail(100, 100, (slice(10, 90), slice(10, 90)))
    picture[40:60, 40:60] = 243
    assert len(find_tissue(picture, 3200, 3200, 0.25, 0.25).outline()) == 2
