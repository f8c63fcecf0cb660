"""Many verdicts in one request: all are kept or none, each once and with a revision of its own."""

import uuid

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.models import Analysis, Explanation, Figure, Verdict
from analysis.serializers.review import MOST_AT_ONCE
from analysis.services import review
from mitoweb.people.models import Role
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import add_detections, client, judge, random_points, url
from tests.factories import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    analysis = make_analysis()
    add_detections(analysis, random_points(12, 1000, 700), [0.9] * 12)
    return analysis


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.READER)


def verdicts_on(detections, label="mitosis", **values) -> list[dict]:
    return [{"id": str(uuid.uuid4()), "detection": one.pk, "label": label} | values for one in detections]


def give_all(analysis, user, verdicts):
    return client(user).post(url(analysis, "verdicts/bulk/"), {"verdicts": verdicts}, format="json")


def test_all_are_kept_in_their_order_each_with_the_next_revision(analysis, reader):
    before = Analysis.objects.get(pk=analysis.pk).revision
    sent = verdicts_on(analysis.detections.all(), "not_mitosis", reason="crush", comment="edge")
    answer = give_all(analysis, reader, sent)
    assert answer.status_code == 201
    kept = list(Verdict.objects.order_by("revision"))
    assert [str(verdict.pk) for verdict in kept] == [one["id"] for one in sent]
    assert [verdict.revision for verdict in kept] == list(range(before + 1, before + 13))
    assert {(verdict.reader, verdict.reason, verdict.comment) for verdict in kept} == {(reader, "crush", "edge")}
    body = answer.json()
    assert [one["id"] for one in body["verdicts"]] == [one["id"] for one in sent]
    assert body["revision"] == before + 12 == Analysis.objects.get(pk=analysis.pk).revision
    shown = client(reader).get(url(analysis, f"changes/?since={before}")).json()["verdicts"]
    assert [one["id"] for one in shown] == [one["id"] for one in sent]


def test_a_request_sent_again_and_one_that_came_in_part_before_keep_each_verdict_once(analysis, reader):
    sent = verdicts_on(analysis.detections.all())
    assert client(reader).post(url(analysis, "verdicts/"), sent[3], format="json").status_code == 201
    first, second = give_all(analysis, reader, sent), give_all(analysis, reader, sent)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Verdict.objects.count() == 12


def test_the_last_of_two_on_one_detection_is_in_force_and_a_pair_of_one_is_one(analysis, reader):
    one = verdicts_on(analysis.detections.all()[:1])
    answer = give_all(analysis, reader, one + one + verdicts_on(analysis.detections.all()[:1], "unsure"))
    assert [verdict["label"] for verdict in answer.json()["verdicts"]] == ["mitosis", "mitosis", "unsure"]
    assert list(review.verdicts_in_force(analysis, reader).values_list("label", flat=True)) == ["unsure"]
    assert Verdict.objects.count() == 2


def test_figures_and_undone_verdicts_go_the_same_way(analysis, reader):
    detection = analysis.detections.first()
    judge(detection, reader, "unsure")
    figure = Figure.objects.create(analysis=analysis, x_l0=5, y_l0=5, reader=reader, revision=900)
    on_figure = {"id": str(uuid.uuid4()), "figure": str(figure.pk), "label": "not_mitosis"}
    sent = [*verdicts_on([detection], "withdrawn"), on_figure]
    assert give_all(analysis, reader, sent).status_code == 201
    (left,) = review.verdicts_in_force(analysis, reader)
    assert left.figure == figure


@pytest.mark.parametrize(
    ("case", "status", "code"),
    [
        ("foreign detection", 400, "no_such_detection"),
        ("foreign figure", 400, "no_such_figure"),
        ("no target", 400, "one_thing"),
        ("reason without not mitosis", 400, "reason_without_not_mitosis"),
        ("used id", 409, "id_used"),
        ("one id for two", 409, "id_used"),
        ("no label", 400, "invalid"),
        ("none", 400, "invalid"),
        ("too many", 400, "invalid"),
        ("no list", 400, "invalid"),
    ],
)
def test_one_that_cannot_be_kept_keeps_all_out_with_a_sentence(analysis, reader, case, status, code):
    sent = verdicts_on(analysis.detections.all())
    kept = 0
    match case:
        case "foreign detection":
            sent[5]["detection"] = add_detection(make_analysis()).pk
        case "foreign figure":
            sent[5] |= {"detection": None, "figure": str(uuid.uuid4())}
        case "no target":
            sent[5]["detection"] = None
        case "reason without not mitosis":
            sent[5]["reason"] = "crush"
        case "used id":
            kept = len([judge(analysis.detections.first(), member(analysis.slide.case.team, Role.READER), "unsure")])
            sent[5]["id"] = str(Verdict.objects.get().pk)
        case "one id for two":
            sent[5]["id"] = sent[4]["id"]
        case "no label":
            del sent[5]["label"]
        case "none":
            sent = []
        case "too many":
            sent = verdicts_on([analysis.detections.first()] * (MOST_AT_ONCE + 1))
        case "no list":
            sent = "all"
    before = Analysis.objects.get(pk=analysis.pk).revision
    answer = give_all(analysis, reader, sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code != "invalid":
        assert answer.json()["detail"].startswith("None of the 12 verdicts was saved. ")
    assert Verdict.objects.count() == kept
    assert Analysis.objects.get(pk=analysis.pk).revision == before


def test_as_many_as_are_allowed_cost_as_many_queries_as_two(analysis, reader):
    def cost(verdicts) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert give_all(analysis, reader, verdicts).status_code == 201
        return len(queries)

    detections = list(analysis.detections.all())
    cost(verdicts_on(detections[:2]))  # the reader's roles are asked for once
    assert cost(verdicts_on(detections * (MOST_AT_ONCE // 12))) == cost(verdicts_on(detections[:2]))


def test_the_pages_send_as_many_at_once_as_are_taken():
    script = settings.BASE_DIR / "frontend/static/frontend/js/review/actions.js"
    assert f"MOST_AT_ONCE = {MOST_AT_ONCE};" in script.read_text()


def test_hints_are_told_of_the_detections_that_have_one(analysis, reader):
    first, second, *_ = analysis.detections.all()
    hint = {
        "subtype": {"normal": 0.8, "atypical": 0.2},
        "phase": {"metaphase": 1.0},
        "balanced_accuracy": {},
        "heads": "h",
    }
    for detection, kept in ((first, hint), (second, None)):
        Explanation.objects.create(
            detection=detection, mitosis_png=b"", other_png=b"", target_layer="x", subtype_hint=kept, revision=1
        )
    told = client(reader).get(url(analysis, "hints/")).json()
    assert told == {"hints": [{"detection": first.pk, "subtype": hint["subtype"], "phase": hint["phase"]}]}
