"""The goals table says how far each goal was reached, and no table breaks where something was not measured."""

import pytest

from analysis.lab.reproduce.metrics import Metrics
from analysis.lab.reproduce.tables import TABLES, goals_table, level_reached, paper_table

GOAL = {
    "name": "F1",
    "better": "higher",
    "form": ".2f",
    "figure": "development/f1",
    "levels": {"floor": {"value": 0.6}, "goal": {"value": 0.7}, "stretch": {"value": 0.78}},
}


def figures(**files) -> Metrics:
    return Metrics(files)


@pytest.mark.parametrize(
    ("value", "level"), [(0.59, "missed"), (0.6, "floor"), (0.7, "goal"), (0.9, "stretch"), (None, "not measured")]
)
def test_the_highest_level_reached_is_named(value, level):
    assert level_reached(GOAL, figures(development={"f1": value})) == level


@pytest.mark.parametrize(("value", "level"), [(0.06, "missed"), (0.05, "floor"), (0.005, "stretch")])
def test_less_is_better_where_the_goal_says_so(value, level):
    drop = GOAL | {"better": "lower", "levels": {k: {"value": v} for k, v in _levels(0.05, 0.03, 0.01).items()}}
    assert level_reached(drop, figures(development={"f1": value})) == level


def test_a_higher_level_does_not_count_where_a_lower_one_is_missed():
    levels = {"floor": {"value": 0.97, "figure": "c/500"}, "goal": {"value": 0.985, "figure": "c/300"}}
    goal = GOAL | {"levels": levels | {"stretch": {"value": 0.99, "figure": "c/150"}}}
    assert level_reached(goal, figures(c={"500": 0.96, "300": 0.99, "150": 0.99})) == "missed"


def test_a_floor_that_is_another_figure_must_be_passed():
    goal = GOAL | {"levels": GOAL["levels"] | {"floor": {"than": "development/prior", "words": "above the prior"}}}
    assert level_reached(goal, figures(development={"f1": 0.3, "prior": 0.3})) == "missed"
    assert level_reached(goal, figures(development={"f1": 0.31, "prior": 0.3})) == "floor"


def test_each_of_the_fourteen_goals_has_its_row(tmp_path):
    found = goals_table(Metrics.at(tmp_path)).splitlines()
    assert len(found) == 2 + 14
    assert all(line.endswith("| not measured | not measured |") for line in found[2:])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_nothing_measured_is_still_a_table(name, tmp_path):
    lines = TABLES[name](Metrics.at(tmp_path)).splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    assert len(lines) > 2


def test_the_papers_own_precision_and_recall_give_the_f1_beside_ours(tmp_path):
    text = paper_table(Metrics.at(tmp_path))
    assert "0.85 (printed: 0.87)" in text
    printed = Metrics.at(tmp_path).get("published/paper")
    p, r = printed["precision"], printed["recall"]
    assert printed["f1_of_its_precision_and_recall"] == pytest.approx(2 * p * r / (p + r), abs=0.005)


def _levels(floor: float, goal: float, stretch: float) -> dict[str, float]:
    return {"floor": floor, "goal": goal, "stretch": stretch}
