import json

import cv2
import numpy as np
import pytest

from analysis.pipeline.classifiers.card import FinderUse, StandardUse
from analysis.pipeline.classifiers.store import ModelRefused, load_model, read_card
from analysis.pipeline.run import Detector, Settings, plan
from analysis.pipeline.standard import LEAST_SPREAD, MEDIAN_REACH, PLAIN, Standard, standard_of
from tests.pipeline.makers import as_slide, planted_tissue, random_finder, write_model

TYPICAL = Standard(-3.0, 1.0)


def test_a_slide_with_many_candidates_is_measured_against_itself():
    margins = np.random.default_rng(0).normal(-2, 1.5, 5000)
    found = standard_of(margins, TYPICAL, worth=20)
    assert found.median == pytest.approx(-2, abs=0.1)
    assert found.spread == pytest.approx(1.5 * 0.6745, abs=0.05)


def test_a_few_mitoses_move_it_little():
    others = np.random.default_rng(0).normal(-2, 1.5, 500)
    with_mitoses = np.concatenate([others, np.full(25, 8.0)])
    one, two = standard_of(others, TYPICAL, 20), standard_of(with_mitoses, TYPICAL, 20)
    assert two.median == pytest.approx(one.median, abs=0.12)
    assert two.spread == pytest.approx(one.spread, abs=0.12)


def test_a_small_image_is_drawn_towards_the_training_slides_and_an_empty_one_is_theirs():
    half_way = standard_of(np.array([-3.7] * 10 + [-1.5] * 10), TYPICAL, worth=20)
    assert half_way.median == pytest.approx((-2.6 - 3) / 2)
    assert half_way.spread == pytest.approx((1.1 + 1) / 2)
    assert standard_of(np.zeros(0), TYPICAL, 20) == TYPICAL


def test_where_most_candidates_are_mitoses_they_still_stand_out():
    """A sheet of examples: its median candidate is a mitosis, and must not become what is usual."""
    found = standard_of(np.random.default_rng(0).normal(4, 2, 80), TYPICAL, worth=20)
    assert found.median <= TYPICAL.median + MEDIAN_REACH
    assert found(np.array([4.0], np.float32))[0] > 4


def test_candidates_that_are_all_alike_are_not_blown_up():
    assert standard_of(np.full(100, -2.0), TYPICAL, worth=0).spread == LEAST_SPREAD


def test_margins_are_told_as_spreads_above_the_median():
    assert Standard(-2.0, 0.5)(np.array([-2.0, -1.5, 0.0], np.float32)).tolist() == [0, 1, 4]
    assert PLAIN(np.array([1.25], np.float32)).tolist() == [1.25]


@pytest.fixture
def model(tmp_path):
    use = FinderUse(threshold=-4.1, weight=0.5, parameters=130_209)
    standard = StandardUse(-2.0, 1.0, worth=5)
    return load_model(write_model(tmp_path, finder=random_finder(3), use=use, standard=standard, floor=0.0))


def analyse(reader, model, **settings) -> dict:
    settings = Settings(0.25, 0.25, tile_px=256, **settings)
    work, detector = plan(reader, settings, model.card), Detector(model, settings)
    found = [d for tile in work.tiles for d in detector.tile(reader, work, tile).detections]
    return {(round(d.x_l0, 2), round(d.y_l0, 2)): d.probability for d in found}


def test_a_place_has_the_same_probability_in_a_region_and_in_the_whole_slide(model, tmp_path):
    picture = planted_tissue(768, 512, [(150.0, 100.0), (600.0, 300.0)])
    with as_slide(picture, tmp_path) as reader:
        whole = analyse(reader, model)
        region = analyse(reader, model, region_l0=[[(0, 0), (300, 0), (300, 300), (0, 300)]])
    shared = whole.keys() & region.keys()
    assert len(shared) > 3
    assert len(region) < len(whole)
    assert all(whole[place] == pytest.approx(region[place], abs=1e-4) for place in shared)


def test_a_resumed_analysis_tells_its_scores_in_the_same_units(model, tmp_path):
    with as_slide(planted_tissue(768, 512, [(150.0, 100.0)]), tmp_path) as reader:
        settings = Settings(0.25, 0.25, tile_px=256)
        work = plan(reader, settings, model.card)
        first, second = Detector(model, settings), Detector(model, settings)
        straight = [first.tile(reader, work, tile) for tile in work.tiles]
        resumed = [second.tile(reader, work, tile) for tile in work.tiles[3:]]
    assert resumed == straight[3:]


def test_the_median_candidate_of_any_slide_scores_as_the_card_says(model, tmp_path):
    bright = planted_tissue(768, 512, [(150.0, 100.0), (600.0, 300.0), (400.0, 200.0)])
    for picture in (bright, cv2.convertScaleAbs(bright, alpha=0.8)):
        with as_slide(picture, tmp_path) as reader:
            chances = np.array(list(analyse(reader, model).values()))
        assert np.median(chances) == pytest.approx(0.5, abs=0.12)


def test_a_card_with_a_spread_of_nothing_is_refused(model, tmp_path):
    path = tmp_path / "random.json"
    raw = json.loads(path.read_text())
    raw["standard"]["spread"] = 0
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelRefused, match="out of range in standard"):
        read_card(path)
