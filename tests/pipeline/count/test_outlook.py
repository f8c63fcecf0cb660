"""What pages tell beside a count, worked out together: in time, and not twice."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.pipeline.count.decide import CONFIRMED, OPEN, REFUTED
from analysis.pipeline.count.outlook import DECISION, REGIONS, OutlookTask, SearchMemory, work_out
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.search import Frame, Search
from analysis.pipeline.count.shapes import SQUARE, Shape, fields_of

SHAPE, FRAME = Shape(SQUARE, 0.01), Frame(1.0, 1.0, 1000, 1000)  # 100 px
CUTOFFS = (Cutoff("1", 0), Cutoff("2", 2))
PLACES = np.array([[100, 100], [120, 120], [140, 100], [800, 800], [820, 800]], float)


def make_task(states, **values) -> OutlookTask:
    state = np.array(states, np.int8)
    task = OutlookTask(PLACES, state != REFUTED, state, np.full(len(state), 0.5), SHAPE, CUTOFFS, FRAME)
    return replace(task, **values)


def test_regions_do_not_overlap_and_what_decides_comes_first():
    found = work_out(make_task([OPEN] * 5))
    assert [region.count for region in found.regions] == [3, 2]
    assert (found.decided, found.lowest["count"], found.highest["count"]) == (False, 0, 3)
    assert found.next[0][0] in (0, 1, 2)
    assert found.verdicts_to_go >= 2


def test_a_score_that_is_decided_is_shown_by_confirmed_points():
    found = work_out(make_task([OPEN, OPEN, OPEN, CONFIRMED, CONFIRMED]))
    assert (found.decided, found.score, found.has_score_confirmed, found.verdicts_to_go) == (True, "2", True, 0)
    assert found.regions[0].polygon_l0[0][0] > 500


def test_what_there_was_no_time_for_is_named():
    assert work_out(make_task([OPEN] * 5, seconds=0.0)).late == (REGIONS, DECISION)


def test_where_no_window_has_room_there_is_nothing_to_tell():
    found = work_out(make_task([OPEN] * 5, tissue=[[[0, 0], [90, 0], [90, 90], [0, 90]]]))
    assert (found.regions, found.decided, found.late) == ([], None, ())


def test_a_search_is_made_once_for_the_same_places_and_tissue():
    memory, task = SearchMemory(), make_task([OPEN] * 5)
    search, known = memory.recall(task)
    first = work_out(task, memory)
    assert memory.recall(replace(task, state=np.full(5, CONFIRMED, np.int8)))[0] is search
    asked = len(known)
    assert repr(work_out(task, memory)) == repr(first)
    assert len(known) == asked
    assert memory.recall(replace(task, tissue=[[[0, 0], [900, 0], [900, 900]]]))[0] is not search
    assert memory.recall(replace(task, frame=Frame(1.0, 2.0, 1000, 1000)))[0] is not search


def test_of_windows_that_hold_the_same_the_one_with_most_tissue_is_told():
    tissue = [[[0, 0], [1000, 0], [1000, 1000], [0, 1000]], [[0, 0], [78, 0], [78, 1000], [0, 1000]]]
    (found,) = Search(np.array([[100.0, 500.0]]), SHAPE, FRAME, tissue).best()
    assert (found.count, found.tissue_fraction) == (1, pytest.approx(1.0, abs=0.001))
    (free,) = Search(np.array([[300.0, 500.0]]), SHAPE, FRAME, tissue).best()
    assert np.mean(free.polygon_l0, axis=0) == pytest.approx([300, 500])  # in its middle, where all is tissue


def test_a_bound_that_there_was_no_more_time_for_is_still_one():
    random = np.random.default_rng(2)
    search = Search(random.random((60, 2)) * 1000, fields_of(3, 120.0), FRAME)
    (found,) = search.best()
    weights = np.ones(60)
    placed, bound = search.fields.find(weights)
    assert search.fields.bound.find(weights, placed, (), until=0.0) >= bound >= found.count
