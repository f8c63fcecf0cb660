import numpy as np
import pytest

from analysis.lab.datasets import frames, nearest_distance
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import half_scale
from tests.pipeline.makers import planted_tissue

CELLS = [(120.0, 90.0), (300.0, 220.0), (420.0, 90.0)]


def spots_of(picture):
    return darkest.dark_spots(half_scale(picture))


def test_each_planted_nucleus_is_one_spot_at_its_centre():
    spots, _ = spots_of(planted_tissue(512, 320, CELLS))
    assert sorted(map(tuple, (spots * 2).round(-1))) == sorted(CELLS)
    assert nearest_distance(spots * 2, np.array(CELLS)).max() <= 2


def test_white_glass_has_no_spot():
    spots, darkness = spots_of(np.full((300, 300, 3), 243, np.uint8))
    assert spots.shape == (0, 2)
    assert darkness.shape == (0,)


def test_two_equally_dark_peaks_within_the_radius_are_one_spot():
    spots, _ = spots_of(planted_tissue(200, 200, [(90, 100), (110, 100)], radius=5))
    assert len(spots) == 1


def test_an_area_of_one_colour_as_of_ink_gives_hardly_a_spot():
    picture = planted_tissue(400, 400, CELLS)
    picture[150:] = (90, 40, 150)
    spots, _ = spots_of(picture)
    assert 1 <= len(spots) <= 10
    inked = spots[spots[:, 1] > 90]
    assert len(inked) <= 5, "every pixel of the plateau is a spot, and their pairs take minutes"


def test_the_cap_keeps_the_darkest_thousand_per_mm2_at_most():
    rng = np.random.default_rng(1)
    side_um = 500.0
    points, darkness = rng.uniform(0, side_um, (3000, 2)), rng.uniform(0.3, 2, 3000)
    kept = darkest.pass_cap(points, darkness, side_um, side_um)
    assert 700 < kept.sum() / (side_um / 1000) ** 2 <= 1000
    assert darkness[kept].min() > darkness[~kept].mean()


def test_the_cap_decides_the_same_from_a_piece_with_context_as_from_the_whole():
    rng = np.random.default_rng(2)
    points, darkness = rng.uniform(0, 600, (4000, 2)), rng.uniform(0.3, 2, 4000)
    whole = darkest.pass_cap(points, darkness, 600, 600)
    piece = (points[:, 0] > 200) & (points[:, 0] < 500)
    inner = (points[piece][:, 0] > 200 + darkest.RANK_RADIUS_UM) & (points[piece][:, 0] < 500 - darkest.RANK_RADIUS_UM)
    assert (darkest.pass_cap(points[piece], darkness[piece], 600, 600)[inner] == whole[piece][inner]).all()


def test_sparse_tissue_keeps_every_spot():
    points = np.array([(10.0, 10.0), (200.0, 200.0)])
    assert darkest.pass_cap(points, np.array([1.0, 0.3]), 400, 400).all()


@pytest.mark.needs_data
def test_labelled_mitoses_of_a_training_slide_are_among_the_candidates(data_dir):
    [slide] = frames.load_slides(data_dir, ("H07",))
    hits, area_mm2, found = [], 0.0, 0
    for index, image in enumerate(slide.images):
        spots = frames.spots_of(image)
        labels = slide.points["mitosis"]
        hits += list(nearest_distance(labels[labels[:, 0] == index][:, 1:], spots) <= 30)
        area_mm2 += image.shape[0] * image.shape[1] * 0.25**2 * 1e-6
        found += len(spots)
    assert np.mean(hits) >= 0.97
    assert found / area_mm2 <= 1000
