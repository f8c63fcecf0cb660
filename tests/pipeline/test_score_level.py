import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from analysis.pipeline.cards.card import FinderUse, StandardUse
from analysis.pipeline.cards.store import ModelRefused, load_model, read_card
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN, REACH, Standard, standard_of
from tests.pipeline.makers import as_slide, planted_tissue, random_finder, write_model

NUCLEI = [(x, y) for y in range(60, 500, 90) for x in range(60, 740, 90)]


def test_a_slide_with_many_nuclei_is_measured_against_itself():
    margins = np.random.default_rng(0).normal(-2, 1.5, 5000)
    assert standard_of(margins, typical=-3.0, worth=20).level == pytest.approx(-2, abs=0.1)


def test_mitoses_in_a_field_picked_for_them_move_it_little():
    others = np.random.default_rng(0).normal(-6, 1.5, 500)
    with_mitoses = np.concatenate([others, np.full(25, 5.0)])
    one, two = standard_of(others, -6.5, 20), standard_of(with_mitoses, -6.5, 20)
    assert two.level == pytest.approx(one.level, abs=0.15)


def test_a_small_image_is_drawn_towards_the_training_slides_and_an_empty_one_is_theirs():
    assert standard_of(np.full(20, -2.0), typical=-3.0, worth=20).level == pytest.approx(-2.5)
    assert standard_of(np.zeros(0), typical=-3.0, worth=20).level == -3


def test_a_card_can_take_a_share_of_the_level_off_the_margins():
    whole, half = standard_of(np.full(20, -2.0), -3.0, 20), standard_of(np.full(20, -2.0), -3.0, 20, share=0.5)
    assert half.level == pytest.approx(whole.level / 2)
    assert standard_of(np.zeros(0), typical=-3.0, worth=20, share=0.5).level == -1.5


def test_a_level_far_from_every_training_slide_is_believed_only_so_far():
    assert standard_of(np.full(100_000, 4.0), typical=-6.0, worth=20).level == pytest.approx(-6 + REACH, abs=0.01)
    assert standard_of(np.full(100, 4.0), typical=-6.0, worth=0).level == 4


def test_margins_are_told_above_the_level():
    assert Standard(-2.0)(np.array([-2.0, -1.5, 0.0], np.float32)).tolist() == [0, 0.5, 2]
    assert PLAIN(np.array([1.25], np.float32)).tolist() == [1.25]


@pytest.fixture
def model(tmp_path):
    use = FinderUse(threshold=-4.1, weight=0.5, parameters=130_209)
    standard = StandardUse(0.0, worth=5)
    return load_model(write_model(tmp_path, finder=random_finder(3), use=use, standard=standard, floor=0.0))


def analyse(reader, model, **settings) -> dict:
    settings = Settings(0.25, 0.25, tile_px=256, **settings)
    work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
    found = [d for tile in work.tiles for d in detector.detect_tile(reader, work, tile).detections]
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
        work = plan_work(reader, settings, model.card)
        first, second = Detector(model, settings), Detector(model, settings)
        straight = [first.detect_tile(reader, work, tile) for tile in work.tiles]
        resumed = [second.detect_tile(reader, work, tile) for tile in work.tiles[3:]]
    assert resumed == straight[3:]


def test_the_level_of_a_slide_is_that_of_its_nuclei_whatever_the_region_and_the_mode(model, tmp_path):
    picture = planted_tissue(768, 512, NUCLEI)
    region = [[(0, 0), (300, 0), (300, 300), (0, 300)]]
    with as_slide(picture, tmp_path) as reader:
        levels = []
        for settings in ({}, {"region_l0": region}, {"mode": "haematoxylin"}, {"mode": "grid"}):
            settings = Settings(0.25, 0.25, **settings)
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
            detector.detect_tile(reader, work, work.tiles[0])
            levels.append(detector._standard.level)
        ordinary = detector.ordinary_margins(reader, plan_work(reader, Settings(0.25, 0.25), model.card))
    assert len(ordinary) > 20
    assert levels == pytest.approx([standard_of(ordinary, 0.0, 5).level] * 4, abs=1e-4)


@pytest.mark.parametrize("known", [False, True])
def test_a_first_look_taken_beforehand_or_known_from_before_changes_no_bit(model, tmp_path, known):
    """The colours are those of the region, whoever comes first."""
    settings = Settings(0.25, 0.25, normaliser="reinhard", region_l0=[[(0, 0), (500, 0), (500, 300), (0, 300)]])
    with as_slide(planted_tissue(1400, 512, NUCLEI), tmp_path) as reader:
        work = plan_work(reader, settings, model.card)
        plain, prepared = Detector(model, settings), Detector(model, settings)
        straight = plain.detect_tile(reader, work, work.tiles[0])
        looks = list(prepared.look_at_nuclei(reader, work))
        if known:
            seen = {look.index: look.seen for look in looks}
            prepared = Detector(model, settings)
            assert list(prepared.look_at_nuclei(reader, work, seen)) == looks
        assert prepared.detect_tile(reader, work, work.tiles[0]) == straight
    assert [(look.number, look.of) for look in looks] == [(1, 2), (2, 2)]
    assert straight.detections


def test_a_paler_slide_is_told_from_its_own_nuclei(model, tmp_path):
    dark = planted_tissue(768, 512, NUCLEI)
    for picture in (dark, cv2.convertScaleAbs(dark, alpha=0.8, beta=45)):
        with as_slide(picture, tmp_path) as reader:
            settings = Settings(0.25, 0.25)
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
            detector.detect_tile(reader, work, work.tiles[0])
            ordinary = detector.ordinary_margins(reader, work)
        told = detector._standard(ordinary)
        # But for what the card's five nuclei at 0 draw it back.
        assert abs(np.median(told)) < 0.2 * abs(np.median(ordinary))


def test_a_card_says_how_many_nuclei_of_a_tile_are_looked_at_and_older_cards_mean_thirty_two(model, tmp_path):
    few = replace(model, card=replace(model.card, standard=StandardUse(0.0, worth=5, per_tile=7)))
    with as_slide(planted_tissue(768, 512, NUCLEI), tmp_path) as reader:
        settings = Settings(0.25, 0.25)
        work = plan_work(reader, settings, model.card)
        assert len(Detector(few, settings).ordinary_margins(reader, work)) == 7
        assert len(Detector(model, settings).ordinary_margins(reader, work)) == min(32, len(NUCLEI))
    assert few.card.as_json()["standard"] == {"level": 0.0, "worth": 5, "per_tile": 7}
    assert model.card.as_json()["standard"] == {"level": 0.0, "worth": 5}
    assert read_card(tmp_path / "random.json").standard.per_tile == 32


@pytest.mark.parametrize("per_tile", [0, 2.5, 10**9])
def test_a_card_with_an_absurd_number_of_nuclei_is_refused(model, tmp_path, per_tile):
    path = tmp_path / "random.json"
    raw = json.loads(path.read_text())
    raw["standard"]["per_tile"] = per_tile
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelRefused, match="out of range in standard"):
        read_card(path)


def test_a_card_whose_level_is_no_number_is_refused(model, tmp_path):
    path = tmp_path / "random.json"
    raw = json.loads(path.read_text())
    raw["standard"]["level"] = float("nan")
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelRefused, match="a number that is none"):
        read_card(path)
