"""The child that works counts out beside the web threads: the same answers, in time, whatever ends it."""

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from analysis.pipeline.count.decide import CONFIRMED, OPEN
from analysis.pipeline.count.outlook import REGIONS, OutlookTask, work_out
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.search import Frame
from analysis.pipeline.count.shapes import SQUARE, Shape, fields_of
from analysis.services import count_child
from analysis.services.count_child import CountChild
from mitoweb.lib.errors import NotNow

TISSUE = [[[0, 0], [16_000, 0], [16_000, 12_000], [0, 12_000]], [[100, 100], [900, 100], [900, 900]]]


def make_task(count: int = 40, **values) -> OutlookTask:
    random = np.random.default_rng(1)
    state = random.choice([OPEN, CONFIRMED], count).astype(np.int8)
    places, cutoffs = random.random((count, 2)) * [16_000, 12_000], (Cutoff("1", 0), Cutoff("2", 9))
    shape, frame = Shape(SQUARE, 2.0), Frame(0.25, 0.25, 16_000, 12_000)
    task = OutlookTask(places, state >= 0, state, random.random(count), shape, cutoffs, frame, TISSUE)
    return replace(task, **values)


@pytest.fixture(scope="module")
def child():
    made = CountChild()
    yield made
    made.end()


def test_the_child_answers_as_the_library_does(child):
    for task in (make_task(), make_task(0), make_task(shape=fields_of(2, 400.0), alternates=0, tissue=None)):
        assert repr(child.ask(task)) == repr(work_out(task))
    judged = make_task()
    judged = replace(judged, state=np.full(len(judged.state), CONFIRMED, np.int8), wants_interval=True)
    assert child.ask(judged).interval == work_out(judged).interval


def test_a_child_that_was_killed_is_replaced(child):
    expected = child.ask(make_task())
    os.kill(child.pid, signal.SIGKILL)
    assert child.ask(make_task()) == expected


def test_a_child_that_is_killed_at_work_is_asked_again(child):
    slow, answers = make_task(3000, shape=fields_of(8, 550.0), seconds=1.0), []
    child.ask(make_task())
    asking = threading.Thread(target=lambda: answers.append(child.ask(slow)))
    killed = child.pid
    asking.start()
    time.sleep(0.3)
    os.kill(killed, signal.SIGKILL)
    asking.join(60)
    assert len(answers) == 1
    assert child.pid != killed
    assert child.ask(make_task()).regions


def test_one_that_does_not_answer_in_time_is_ended_and_the_answer_says_what_is_missing(child, monkeypatch):
    monkeypatch.setattr(count_child, "GRACE_S", 0.1)
    child.ask(make_task())
    os.kill(child.pid, signal.SIGSTOP)
    assert REGIONS in child.ask(make_task(seconds=0.1, draw_seconds=0.1)).late
    assert child.ask(make_task()).regions


def test_who_finds_it_at_work_is_told_to_ask_again(child, monkeypatch):
    monkeypatch.setattr(count_child, "PATIENCE_S", 0.01)
    with child._turn, pytest.raises(NotNow, match="ask again"):
        child.ask(make_task())


def test_a_hundred_thousand_places_at_one_spot_are_counted():
    places = np.full((100_000, 2), 5000.0)
    task = make_task(100_000, points_l0=places, state=np.zeros(100_000, np.int8), alternates=2)
    found = work_out(replace(task, counted=np.ones(100_000, bool)))
    assert ([region.count for region in found.regions], found.decided, found.late) == ([100_000], False, ())
    assert found.next[0][1] == 1.0
