"""A count told anew beside what it was: its best window, and which calls come and go."""

import numpy as np
import pytest

from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.replay import Question, find_alone
from analysis.pipeline.count.search import Frame
from analysis.pipeline.count.shapes import SQUARE, Shape, fields_of

CUTOFFS = (Cutoff("1", 0), Cutoff("2", 3))
FRAME = Frame(0.25, 0.5, 16_000, 8_000)  # 4 x 4 mm
NEAR, FAR = [(2000, 1000), (2100, 1250), (2600, 1100)], [(13_000, 6500), (13_500, 6700)]


def ask(**values) -> Question:
    return Question(**{"shape": Shape(SQUARE, 1.0), "cutoffs": CUTOFFS, "frame": FRAME} | values)


def test_the_best_window_is_told_with_its_score_and_its_places():
    told = ask().tell(np.array(NEAR + FAR, float))
    assert (told.count, told.score, told.inside.tolist()) == (3, "2", [True] * 3 + [False] * 2)
    (ring,) = told.rings_l0
    sides_um = (np.max(ring, axis=0) - np.min(ring, axis=0)) * (0.25, 0.5)
    assert sides_um == pytest.approx([1000, 1000]), "a square is one in µm, whatever the pixels"


def test_the_window_moves_where_calls_go():
    told = ask().tell(np.array([*NEAR[:1], *FAR], float))
    assert (told.count, told.score, told.inside.tolist()) == (2, "1", [False, True, True])


def test_without_room_nothing_is_told_and_without_calls_zero():
    glass = [[(0, 0), (100, 0), (100, 100), (0, 100)]]
    assert ask(tissue=glass).tell(np.array(NEAR, float)) is None
    assert ask().tell(np.zeros((0, 2))).count == 0


def test_fields_are_told_with_an_outline_each():
    fields = ask(shape=fields_of(3, 500.0)).tell(np.array(NEAR + FAR, float))
    assert len(fields.rings_l0) == 3 and fields.count >= 3


def test_a_call_is_alone_beyond_seven_and_a_half_um_in_whichever_direction():
    mine = np.array([(1000, 1000)] * 4, float)
    others = np.array([(1029, 1000), (1031, 1000), (1000, 1014), (1000, 1016)], float)
    alone = [bool(find_alone(mine[:1], other[None], FRAME.scale_um)[0]) for other in others]
    assert alone == [False, True, False, True]
    assert find_alone(mine, np.zeros((0, 2)), FRAME.scale_um).all()
    assert find_alone(np.zeros((0, 2)), mine, FRAME.scale_um).shape == (0,)
