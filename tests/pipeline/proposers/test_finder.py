import math

import numpy as np
import pytest

from analysis.pipeline.cards.card import FinderUse
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.proposers.finder import finder_places, highest_near
from analysis.pipeline.run import Detector
from tests.pipeline.makers import as_slide, planted_tissue, random_finder, write_model


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


def test_of_equal_logits_within_five_micrometres_one_is_a_place_and_a_plateau_is_none():
    picture = planted_tissue(200, 160, [])
    plateau = hill((40, 50), (10, 10, 1.0), (10, 12, 1.0), (30, 40, 1.0))
    assert finder_places(picture, plateau, 0.0)[1].tolist() == [1.0, 1.0]
    assert len(finder_places(picture, np.full((40, 50), -8, np.float32), -9.0)[1]) <= 1


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


def use_of(**choices):
    return FinderUse(threshold=0.0, weight=0.0, parameters=0, **choices)


def test_a_card_may_keep_the_peak_as_the_place_or_have_both_looked_at():
    picture, logits = planted_tissue(200, 160, [(102.0, 77.0)], radius=6), hill((40, 50), (18, 24, 1.5))
    nucleus, [peak] = (finder_places(picture, logits, 0.0, use_of(place=place))[0] for place in ("nucleus", "peak"))
    assert tuple(peak) == (98, 74)
    places, scores = finder_places(picture, logits, 0.0, use_of(place="surer"))
    assert np.array_equal(places, [*nucleus, peak]) and scores.tolist() == [1.5, 1.5]
    places, _ = finder_places(picture, logits, 0.0, use_of(place="surer", same_um=3.0))
    assert np.array_equal(places, nucleus), "a peak 2.5 µm from its nucleus was looked at for itself"


def test_peaks_may_stand_closer_and_of_a_pair_the_middle_is_looked_at_too():
    picture, logits = planted_tissue(200, 160, []), hill((40, 50), (10, 10, 1.0), (10, 13, 2.0), (30, 40, 0.5))
    assert len(finder_places(picture, logits, 0.0, use_of(place="peak"))[0]) == 3
    close = hill((40, 50), (10, 10, 1.0), (10, 12, 2.0))
    assert len(finder_places(picture, close, 0.0, use_of(place="peak", peak_um=3.0))[0]) == 2
    places, scores = finder_places(picture, logits, 0.0, use_of(place="peak", pair_um=8.0))
    assert scores.tolist() == [1.0, 2.0, 0.5, 2.0]
    assert np.array_equal(places[-1], places[:2].mean(axis=0))


def test_a_slide_with_few_places_has_its_threshold_lowered_until_there_are_enough(tmp_path):
    cells = [(x, y) for x in range(60, 500, 60) for y in range(60, 500, 60)]
    with as_slide(planted_tissue(512, 512, cells), tmp_path) as reader:
        counts = {}
        for least in (0.0, 500.0, 2000.0):
            use = FinderUse(threshold=50.0, weight=0.0, parameters=130_209, least_per_mm2=least)
            model = load_model(write_model(tmp_path, name=f"least-{least:.0f}", finder=random_finder(3), use=use))
            work = plan_work(reader, Settings(0.25, 0.25), model.card)
            results = Detector(model, Settings(0.25, 0.25), "cpu:float32").detect_tiles(reader, work, work.tiles)
            counts[least] = sum(len(result.candidates_l0) for result in results) / work.area_mm2
    assert counts[0.0] == 0
    assert 350 < counts[500.0] < 650
    assert counts[2000.0] > 2 * counts[500.0]


def test_a_slide_is_looked_through_once_for_its_threshold_however_its_tiles_are_asked_for(tmp_path):
    use = FinderUse(threshold=50.0, weight=0.0, parameters=130_209, least_per_mm2=500.0)
    model = load_model(write_model(tmp_path, finder=random_finder(3), use=use))
    settings, reads = Settings(0.25, 0.25, tile_px=128), []
    with as_slide(planted_tissue(640, 384, [(60, 60), (200, 180)]), tmp_path) as reader:
        work, detector = plan_work(reader, settings, model.card), Detector(model, settings, "cpu:float32")
        map_logits = detector._finder.map_logits
        detector._finder.map_logits = lambda half: reads.append(half.shape) or map_logits(half)
        detector.detect_tile(reader, work, work.tiles[0])
        first = len(reads)
        detector.detect_tile(reader, work, work.tiles[1])
    assert (len(work.tiles), first, len(reads)) == (15, 2, 3)


def test_of_the_places_a_threshold_is_lowered_for_the_likeliest_alone_are_scored(tmp_path):
    cells = [(x, y) for x in range(60, 500, 60) for y in range(60, 500, 60)]
    with as_slide(planted_tissue(512, 512, cells), tmp_path) as reader:
        found = {}
        for scored in (0.0, 600.0):
            use = FinderUse(50.0, 0.0, 130_209, place="peak", least_per_mm2=2000.0, scored_per_mm2=scored)
            path = write_model(tmp_path, name=f"scored-{scored:.0f}", finder=random_finder(3), use=use, floor=0.0)
            model = load_model(path)
            work = plan_work(reader, Settings(0.25, 0.25), model.card)
            [found[scored]] = Detector(model, Settings(0.25, 0.25), "cpu:float32").detect_tiles(
                reader, work, work.tiles
            )
    everything, some = found[0.0], found[600.0]
    assert sorted(some.candidates_l0) == sorted(everything.candidates_l0), (
        "a place that is passed over stays a candidate"
    )
    assert sorted(some.finder_logits) == sorted(everything.finder_logits)
    of_place = dict(zip(some.candidates_l0, some.finder_logits, strict=True))
    logits = [of_place[d.x_l0, d.y_l0] for d in some.detections]
    wanted = math.ceil(600 * work.area_mm2)
    assert min(logits) >= sorted(some.finder_logits)[-wanted]
    assert len(some.detections) < len(everything.detections)
    probabilities = {(d.x_l0, d.y_l0): d.probability for d in everything.detections}
    assert {(d.x_l0, d.y_l0): d.probability for d in some.detections}.items() <= probabilities.items()


def test_cards_from_before_there_was_a_choice_stay_as_they_are():
    assert use_of().as_json() == {"threshold": 0.0, "weight": 0.0, "parameters": 0}
    assert use_of(place="peak").as_json()["place"] == "peak"
