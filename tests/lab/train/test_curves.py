"""Lines and picture of a run's curves."""

import json

import pytest

from analysis.lab.train.curves import Curves


@pytest.fixture
def curves(tmp_path) -> Curves:
    curves = Curves(tmp_path)
    for step in (20, 40, 60):
        curves.add_line(step, loss=1 / step, lr=0.001)
    curves.add_line(40, validation_loss=0.3, average_precision=0.8, f1=0.7)
    return curves


def test_what_came_after_the_checkpoint_is_taken_away(curves):
    curves.go_back_to(40)
    assert [line["step"] for line in curves.lines()] == [20, 40, 40]


def test_half_a_line_of_a_kill_is_passed_over(curves):
    with curves.lines_path.open("a") as file:
        file.write('{"step": 80, "lo')
    curves.go_back_to(80)
    assert [json.loads(line)["step"] for line in curves.lines_path.read_text().splitlines()] == [20, 40, 60, 40]


def test_the_curves_are_a_picture(curves):
    curves.draw_plot("a run")
    assert curves.picture_path.read_bytes().startswith(b"\x89PNG")


def test_a_run_without_lines_has_no_picture(tmp_path):
    Curves(tmp_path).draw_plot("a run")
    assert not list(tmp_path.iterdir())
