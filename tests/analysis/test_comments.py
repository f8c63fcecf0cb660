"""Comments: kept once, answered one level deep, withdrawn and not erased, read by the team and written by who may."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from analysis.models import Analysis, Comment
from analysis.services import changes, review
from mitoweb.people.models import Role
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import client, comment_on, url
from tests.factories import UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    return make_analysis()


@pytest.fixture
def team(analysis):
    return analysis.slide.case.team


@pytest.fixture
def reader(team):
    return member(team, Role.READER)


def comment(detection, text="A ring?", **values) -> dict:
    return {"id": str(uuid.uuid4()), "detection": detection.pk, "text": text} | values


def say(analysis, user, body):
    return client(user).post(url(analysis, "comments/"), body, format="json")


def feed(analysis, user, since=0) -> list[dict]:
    return client(user).get(url(analysis, "changes/"), {"since": since}).json()["comments"]


def test_a_comment_is_kept_once_and_comes_in_the_feed(analysis, reader, team):
    detection, observer = add_detection(analysis), member(team, Role.OBSERVER)
    before = Analysis.objects.get(pk=analysis.pk).revision
    body = comment(detection, "A ring?\nor a lymphocyte")
    first, second = say(analysis, reader, body), say(analysis, reader, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    (shown,) = feed(analysis, observer, before)
    assert shown == first.json()["comment"]
    assert (shown["detection"], shown["figure"], shown["text"]) == (detection.pk, None, body["text"])
    assert (shown["author"]["username"], shown["reply_to"], shown["withdrawn"]) == (reader.username, None, False)
    assert first.json()["revision"] == shown["revision"] == before + 1
    assert feed(analysis, observer, before + 1) == []


def test_an_answer_goes_one_level_deep_and_stays_at_its_place(analysis, reader, team):
    detection, other = add_detection(analysis), add_detection(analysis, x_l0=300)
    first = say(analysis, reader, comment(detection)).json()["comment"]
    answer = say(analysis, member(team, Role.LEAD), comment(detection, "No.", reply_to=first["id"]))
    assert (answer.status_code, answer.json()["comment"]["reply_to"]) == (201, first["id"])
    deeper = say(analysis, reader, comment(detection, reply_to=answer.json()["comment"]["id"]))
    assert (deeper.status_code, deeper.json()["code"]) == (400, "answer_to_answer")
    elsewhere = say(analysis, reader, comment(other, reply_to=first["id"]))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "answer_elsewhere")
    to_none = say(analysis, reader, comment(detection, reply_to=str(uuid.uuid4())))
    assert (to_none.status_code, to_none.json()["code"]) == (400, "no_such_comment")
    assert Comment.objects.count() == 2


def test_withdrawn_it_keeps_its_place_and_shows_no_text_and_nothing_is_erased(analysis, reader, team):
    detection, other = add_detection(analysis), member(team, Role.LEAD)
    first = say(analysis, reader, comment(detection, "of the other patient")).json()["comment"]
    taken = {"id": str(uuid.uuid4()), "withdraws": first["id"]}
    foreign = say(analysis, other, taken)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_author")
    answer = say(analysis, reader, taken)
    assert answer.status_code == 201
    again, window = say(analysis, reader, taken), say(analysis, reader, taken | {"id": str(uuid.uuid4())})
    assert (again.status_code, window.status_code) == (200, 200)
    assert again.json() == window.json() == answer.json()
    row, withdrawal = feed(analysis, other)
    assert (row["id"], row["text"], row["withdrawn"]) == (first["id"], "", True)
    assert (withdrawal["withdraws"], withdrawal["text"], withdrawal["detection"]) == (first["id"], "", detection.pk)
    assert Comment.objects.get(pk=first["id"]).text == "of the other patient"
    twice = say(analysis, reader, {"id": str(uuid.uuid4()), "withdraws": taken["id"]})
    assert (twice.status_code, twice.json()["code"]) == (400, "no_such_comment")


@pytest.mark.parametrize("change", [{"text": "other"}, {"withdraws": True}, {"by": True}])
def test_an_id_used_for_something_else_is_a_conflict(analysis, reader, team, change):
    detection = add_detection(analysis)
    body, second = comment(detection), comment(detection, "second")
    say(analysis, reader, body)
    say(analysis, reader, second)
    changed = {"id": body["id"], "withdraws": second["id"]} if "withdraws" in change else body | change
    changed.pop("by", None)
    by = member(team, Role.READER) if "by" in change else reader
    answer = say(analysis, by, changed)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_used")


@pytest.mark.parametrize(
    "broken",
    [
        {"text": ""},
        {"text": "  \n "},
        {"text": "x" * 1001},
        {"text": 7},
        {"id": "7"},
        {"detection": None},
        {"figure": str(uuid.uuid4())},
        {"detection": 2**62},
        {"reply_to": "first"},
        {"withdraws": str(uuid.uuid4())},
    ],
)
def test_a_broken_comment_is_refused_and_nothing_kept(analysis, reader, broken):
    answer = say(analysis, reader, comment(add_detection(analysis)) | broken)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Comment.objects.exists()


def test_a_figure_is_commented_on_too_and_a_detection_of_another_analysis_is_not(analysis, reader):
    figure = review.add_figure(analysis, reader, uuid.uuid4(), 500, 500).figure
    said = say(analysis, reader, {"id": str(uuid.uuid4()), "figure": str(figure.pk), "text": "Missed."})
    assert (said.status_code, said.json()["comment"]["figure"]) == (201, str(figure.pk))
    elsewhere = say(analysis, reader, comment(add_detection(make_analysis())))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "no_such_detection")


@pytest.mark.parametrize(
    ("role", "code"), [("reader", 201), ("lead", 201), ("technician", 201), ("researcher", 201), ("observer", 403)]
)
def test_all_but_observers_comment(analysis, team, role, code):
    assert say(analysis, member(team, role), comment(add_detection(analysis))).status_code == code


def test_outside_the_team_nothing_is_read_or_said(analysis, reader):
    said, stranger = comment_on(add_detection(analysis), reader, "A ring?"), UserFactory()
    assert say(analysis, stranger, comment(analysis.detections.get())).status_code == 404
    assert not Comment.objects.visible_to(stranger).exists()
    assert changes.load_changes(Analysis.objects.get(pk=analysis.pk), 0, stranger).comments == []
    assert [row.pk for row in Comment.objects.visible_to(reader)] == [said.pk]


@pytest.mark.parametrize("change", [{"text": "other"}, {"withdraws": None}])
def test_the_database_refuses_to_change_a_comment(analysis, reader, change):
    comment_on(add_detection(analysis), reader, "A ring?")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Comment.objects.update(**change)


def test_the_database_keeps_no_empty_comment(analysis, reader):
    with pytest.raises(IntegrityError, match="comment_says_or_withdraws"), transaction.atomic():
        Comment.objects.create(analysis=analysis, detection=add_detection(analysis), author=reader, revision=99)
