"""Which places are held out, and which data sets cannot be trained on."""

import random

import pytest

from analysis.lab.errors import DatasetRefused
from analysis.lab.learning.split import hold_out, is_mitosis, refuse_untrainable
from tests.lab.learning.conftest import case_hash, make_row


def rows_of(*cases: tuple[int, int, str]):
    """Rows of cases: so many mitoses, so many others, on which slide."""
    rows = []
    for number, (mitoses, others, slide) in enumerate(cases):
        case = case_hash(number)
        labels = [1.0] * mitoses + [0.0] * others
        rows += [make_row(len(rows) + at + 1, label, case, slide or case) for at, label in enumerate(labels)]
    return rows


def test_whole_cases_are_held_out_whatever_the_order_of_the_rows():
    rows = rows_of(*[(4, 6, "")] * 10)
    split = hold_out(rows, 0.2)
    assert split.by == "case"
    assert len(split.held) == 2
    assert not {row.case for row in split.trained} & {row.case for row in split.held_out}
    random.Random(1).shuffle(rows)
    assert hold_out(rows, 0.2).held == split.held


def test_of_two_cases_one_is_held_out():
    split = hold_out(rows_of((5, 5, ""), (9, 9, "")), 0.2)
    assert (split.by, len(split.held)) == ("case", 1)
    assert {is_mitosis(row) for row in split.held_out} == {True, False} == {is_mitosis(row) for row in split.trained}


def test_one_case_is_split_by_its_slides_and_says_so():
    case, slides = case_hash(0), (case_hash(1), case_hash(2))
    rows = [make_row(n + 1, float(n % 2), case, slides[n // 6]) for n in range(12)]
    split = hold_out(rows, 0.2)
    assert split.by == "slide"
    assert split.held in ((slides[0],), (slides[1],))


def test_where_no_split_leaves_both_classes_on_both_sides_it_is_said():
    with pytest.raises(DatasetRefused, match="No case and no slide can be held out"):
        hold_out(rows_of((8, 0, ""), (0, 8, "")), 0.2)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (rows_of(), "holds no place"),
        (rows_of((9, 0, ""), (9, 0, "")), "holds mitoses alone"),
        (rows_of((0, 9, ""), (0, 9, "")), "holds places that are no mitosis alone"),
        (rows_of((9, 9, "")), "All places are of one slide"),
        (rows_of((9, 2, ""), (9, 2, "")), "18 mitoses and 4 other places; this recipe needs 10 of each"),
    ],
)
def test_a_data_set_that_cannot_be_trained_on_is_refused_in_a_sentence(rows, sentence):
    with pytest.raises(DatasetRefused, match=sentence):
        refuse_untrainable(rows, 10)
