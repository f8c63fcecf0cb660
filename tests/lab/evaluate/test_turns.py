"""How far a turn moves a probability, by one view and by the views of a card."""

import numpy as np
import pytest

from analysis.lab.calibrate import Calibration
from analysis.lab.evaluate.turns import as_used, detect_turned, probabilities_at, turn_metrics
from analysis.pipeline.cards.card import ViewsUse
from analysis.pipeline.cards.store import load_model
from tests.pipeline.makers import planted_tissue, write_model

PLAIN = Calibration(1.0, 0.0)


def sides(*margins: list[float]) -> np.ndarray:
    """Margins of candidates from four sides, their mirror images the same: (8, n)."""
    return np.array([each * 2 for each in margins], np.float32).T


def test_the_change_is_that_of_quarter_turns_and_a_lost_call_is_counted():
    found = [(sides([0, 0, 0, 2], [-8, -8, -8, -8]), 0.0), (sides([1, 1, 1, 1]), 1.0)]
    one_view = turn_metrics(found, PLAIN, 0.5, None)["one_view"]
    away = 1 / (1 + np.exp(-2)) - 0.5
    assert one_view["candidates"] == 2, "what has no chance from any side does not count"
    assert one_view["mean_change"] == pytest.approx(away / 6, abs=1e-4)
    assert one_view["furthest_apart_mean"] == pytest.approx(away / 2, abs=1e-4)
    assert one_view["calls_lost_by_a_turn"] == 0
    lost = turn_metrics([(sides([2, -2, 2, 2]), 0.0)], PLAIN, 0.5, None)["one_view"]
    assert lost["calls_lost_by_a_turn"] == pytest.approx(1 / 3, abs=1e-4)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_views_take_the_change_away_where_they_are_used(count):
    margins = sides([0, 1, 0, 3], [9, 5, 9, 5])
    near = as_used(margins, ViewsUse(count, -1.0, 4.0))[:4]
    assert np.array_equal(near[:, 1], margins[:4, 1]), "far from a call one view is enough"
    expected = [0, 2, 0, 2] if count == 2 else [1, 1, 1, 1]
    assert near[:, 0] == pytest.approx(expected)
    told = turn_metrics([(margins, 0.0)], PLAIN, 0.5, ViewsUse(count, -1.0, 10.0))
    assert told["as_used"]["mean_change"] < told["one_view"]["mean_change"] or count == 2


def test_nothing_found_is_no_change_but_none():
    assert turn_metrics([], PLAIN, 0.5, None)["one_view"]["mean_change"] is None


def test_a_turned_slide_is_analysed_anew_and_its_places_are_told_as_before_the_turn(tmp_path):
    cells = [(60.0, 70.0), (160.0, 150.0), (220.0, 60.0)]
    model = load_model(write_model(tmp_path, threshold=0.0, floor=0.0))
    for turn in range(4):
        places, probabilities = detect_turned(model, planted_tissue(260, 240, cells), turn, 0.25, None)
        assert len(places) == len(probabilities)
        for cell in cells:
            assert np.linalg.norm(places - cell, axis=1).min() < 4, f"after {turn} quarter turns"


def test_a_turned_slide_counts_a_place_that_it_lost_as_nothing():
    places = np.array([(10.0, 10.0), (90.0, 40.0)])
    moved = [places, places + 2, places[:1] - 3, np.zeros((0, 2))]
    told = probabilities_at([(at, np.full(len(at), 0.8)) for at in moved], 5.0)
    assert told.tolist() == [[0.8, 0.8], [0.8, 0.8], [0.8, 0.0], [0.0, 0.0]]
    metrics = turn_metrics([], PLAIN, 0.5, None, [told])["slide_turned"]
    assert (metrics["candidates"], metrics["calls_lost_by_a_turn"]) == (2, 0.5)
    assert "slide_turned" not in turn_metrics([], PLAIN, 0.5, None)
