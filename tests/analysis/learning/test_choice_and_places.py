"""Which places a data set takes, with which label, and why others are left out."""

from collections import Counter

import pytest
from django.utils import timezone

from analysis.models import Verdict
from analysis.services.learning import places as found_places
from analysis.services.learning.choice import Choice, read_choice
from analysis.services.learning.places import label_places
from mitoweb.lib.errors import Refused
from slides.models import Slide
from tests.analysis.learning.makers import MITOSIS, OTHER, UNSURE, detection_of, judged_slide
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import judge
from tests.factories import CaseFactory, SlideFactory, member

pytestmark = pytest.mark.django_db


def take(**choice):
    left_out = Counter()
    return label_places(read_choice(choice), Slide.objects.all(), left_out), left_out


@pytest.mark.parametrize(
    ("said", "two", "one", "left_out"),
    [
        ([MITOSIS, MITOSIS, ""], 1, 1, None),
        ([OTHER, OTHER, ""], 0, 0, None),
        ([MITOSIS, OTHER, ""], 1 / 2, 1 / 2, found_places.DIFFER),
        ([MITOSIS, MITOSIS, OTHER], 1, 1, None),
        ([MITOSIS, "", ""], None, 2 / 3, found_places.ONE_READER),
        ([OTHER, UNSURE, ""], None, 1 / 3, found_places.ONE_READER),
        ([UNSURE, UNSURE, ""], None, None, found_places.NOT_SURE),
    ],
)
def test_a_label_follows_from_the_readers_and_the_rule(said, two, one, left_out):
    judged_slide([said])
    for agreement, label in (("two", two), ("one", one)):
        rows, _ = take(agreement=agreement)
        assert [row.label for row in rows] == ([] if label is None else [label]), agreement
        assert all(row.settled == (row.label in (0, 1)) for row in rows)
    rows, told = take(disputed="left_out")
    assert dict(told) == ({left_out: 1} if left_out else {})
    assert len(rows) == (left_out is None)


def test_what_was_taken_back_or_changed_is_not_what_counts():
    analysis, (first, second) = judged_slide([[MITOSIS, MITOSIS], [MITOSIS, MITOSIS]])
    judge(detection_of(analysis, 1), first, OTHER)
    judge(detection_of(analysis, 1), second, OTHER)
    judge(detection_of(analysis, 2), second, "withdrawn")
    rows, told = take()
    assert [row.label for row in rows] == [0]
    assert told == {found_places.ONE_READER: 1}


def test_two_analyses_of_a_slide_show_one_place_and_the_last_answer_holds():
    analysis, (first, second) = judged_slide([[MITOSIS, MITOSIS]])
    again = make_analysis(analysis.slide, model=analysis.model)
    near = add_detection(again, 300 + 12, 250)  # 3 µm beside the first
    far = add_detection(again, 300 + 60, 250)  # 15 µm
    judge(near, first, OTHER)
    judge(far, first, MITOSIS)
    judge(far, second, MITOSIS)
    rows, _ = take()
    assert sorted(row.label for row in rows) == [0.5, 1], "a cell that two analyses showed was taken twice"
    assert sorted(len(row.votes) for row in rows) == [2, 2]


def test_answers_for_the_two_purposes_stay_apart():
    analysis, (first, second) = judged_slide([["", ""], ["", ""]])
    for reader in (first, second):
        judge(detection_of(analysis, 1), reader, MITOSIS, purpose="correct")
    judge(detection_of(analysis, 1), member(analysis.slide.case.team, "reader"), OTHER)
    judge(detection_of(analysis, 2), first, OTHER)
    rows, told = take()
    assert [(row.label, row.purpose) for row in rows] == [(1, "correct")]
    assert told == {found_places.OTHER_PURPOSE: 1, found_places.ONE_READER: 1}
    assert take(purposes=["validate"])[0] == []


def test_filters_take_what_they_name():
    analysis, (first, _) = judged_slide([[MITOSIS, MITOSIS]], scanner="Aperio GT450")
    other, _ = judged_slide([[OTHER, OTHER]], case=CaseFactory(tumour_type="Canine mast cell tumour"))
    team = analysis.slide.case.team
    today, slides = timezone.localdate().isoformat(), {analysis.slide_id, other.slide_id}
    wanted = {
        "teams": [team.pk], "scanners": ["Aperio GT450"], "tumours": ["breast carcinoma"],
    }  # fmt: skip
    for name, value in wanted.items():
        assert {row.slide.pk for row in take(**{name: value})[0]} == {analysis.slide_id}, name
    assert {row.slide.pk for row in take(since=today, until=today)[0]} == slides
    assert take(until="2020-01-01")[0] == []
    rows, told = take(without=[first.pk])
    assert [row.slide.pk for row in rows] == [other.slide_id]
    assert told == {found_places.ONE_READER: 1}


def test_slides_that_nothing_is_learned_from_are_counted_by_why():
    first, readers = judged_slide([[MITOSIS, MITOSIS]])
    for values in (
        {"label": "A1 H05_03"}, {"mpp_x": None, "mpp_y": None, "mpp_source": "unknown"}, {"kind": "sheet"},
        {"sha256": first.slide.sha256},
    ):  # fmt: skip
        analysis, _ = judged_slide([[MITOSIS, MITOSIS]])
        Slide.objects.filter(pk=analysis.slide_id).update(**values)
    rows, told = take()
    assert [row.slide.pk for row in rows] == [first.slide_id]
    wanted = {found_places.HELD_BACK, found_places.NO_SIZE, found_places.SHEET, found_places.COPY}
    assert told == dict.fromkeys(wanted, 1)


def test_withdrawn_imports_are_not_learned_from():
    analysis, _ = judged_slide([[MITOSIS, MITOSIS]])
    imported = {"detector": "x", "version": "", "format": "csv", "file_sha256": "", "has_probabilities": True}
    type(analysis).objects.filter(pk=analysis.pk).update(model=None, imported=imported, withdrawn=timezone.now())
    assert take() == ([], {})


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"cap": float("nan")}, "cap"),
        ({"cap": float("inf")}, "cap"),
        ({"cap": 0}, "cap"),
        ({"cap": "a fifth"}, "cap"),
        ({"cap": True}, "cap"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": 20261130}, "until"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "until"),
        ({"teams": "all"}, "teams"),
        ({"teams": [1.5]}, "teams"),
        ({"teams": [-1]}, "teams"),
        ({"teams": [2**40]}, "teams"),
        ({"teams": [True]}, "teams"),
        ({"tumours": ["x" * 500]}, "tumours"),
        ({"tumours": ["\0"]}, "tumours"),
        ({"scanners": ["s"] * 500}, "scanners"),
        ({"purposes": []}, "purposes"),
        ({"purposes": ["to win"]}, "purposes"),
        ({"agreement": "all"}, "agreement"),
        ({"disputed": None}, "disputed"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_its_field(told, field):
    with pytest.raises(Refused) as refused:
        read_choice(told)
    assert [*refused.value.fields] == [field]


def test_a_choice_is_read_back_as_it_was_kept():
    told = {"teams": [3], "since": "2026-01-31", "purposes": ["correct"], "cap": 0.5, "agreement": "one"}
    choice = read_choice(told)
    assert read_choice(choice.as_json()) == choice
    assert read_choice({}) == Choice()
    assert set(Verdict.Purpose.values) == set(Choice().purposes)


def test_an_empty_slide_gives_nothing():
    SlideFactory()
    assert take() == ([], {})
