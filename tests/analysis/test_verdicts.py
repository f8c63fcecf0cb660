"""Verdicts: kept once, never changed, never lost, given by those who may."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis.models import Analysis, Verdict
from analysis.services import review
from mitoweb.people.models import Role
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import client, judge, url
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


def verdict_on(detection, label="mitosis", **values) -> dict:
    return {"id": str(uuid.uuid4()), "detection": detection.pk, "label": label} | values


def give(analysis, user, body):
    return client(user).post(url(analysis, "verdicts/"), body, format="json")


def labels(analysis, reader=None) -> list[str]:
    return sorted(review.verdicts_in_force(analysis, reader).values_list("label", flat=True))


def test_a_verdict_is_kept_and_answered_with_its_revision(analysis, reader):
    detection = add_detection(analysis)
    body = verdict_on(detection, "not_mitosis", reason="pyknotic", comment="dense, round")
    answer = give(analysis, reader, body)
    assert answer.status_code == 201
    stored = Verdict.objects.get(pk=body["id"])
    assert answer.json()["revision"] == stored.revision == Analysis.objects.get(pk=analysis.pk).revision
    shown = answer.json()["verdict"]
    assert (shown["detection"], shown["label"], shown["reason"]) == (detection.pk, "not_mitosis", "pyknotic")
    assert shown["reader"]["username"] == reader.username
    assert shown["comment"] == "dense, round"


def test_the_same_verdict_sent_twice_is_one_verdict(analysis, reader):
    body = verdict_on(add_detection(analysis))
    first, second = give(analysis, reader, body), give(analysis, reader, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Verdict.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"label": "unsure"},
        {"comment": "other"},
        {"phase": "ring"},
        {"atypical": True},
        {"purpose": "correct"},
        {"detection": None},
    ],
)
def test_an_id_used_for_something_else_is_a_conflict(analysis, reader, change):
    body = verdict_on(add_detection(analysis))
    other = add_detection(analysis, x_l0=300)
    give(analysis, reader, body)
    changed = body | ({"detection": other.pk} if change == {"detection": None} else change)
    answer = give(analysis, reader, changed)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Not saved")
    assert Verdict.objects.count() == 1


def test_an_id_that_another_reader_used_is_a_conflict(analysis, reader, team):
    body = verdict_on(add_detection(analysis))
    give(analysis, reader, body)
    assert give(analysis, member(team, Role.READER), body).status_code == 409


def test_the_newest_received_of_a_reader_is_in_force_and_undo_is_a_new_row(analysis, reader):
    detection = add_detection(analysis)
    for label in ("mitosis", "unsure", "not_mitosis"):
        give(analysis, reader, verdict_on(detection, label))
    assert labels(analysis, reader) == ["not_mitosis"]
    give(analysis, reader, verdict_on(detection, "unsure"))
    assert labels(analysis, reader) == ["unsure"]
    give(analysis, reader, verdict_on(detection, "withdrawn"))
    assert labels(analysis, reader) == []
    assert Verdict.objects.count() == 5


def test_two_readers_on_one_detection_both_stand(analysis, reader, team):
    detection, other = add_detection(analysis), member(team, Role.READER)
    give(analysis, reader, verdict_on(detection, "mitosis"))
    give(analysis, other, verdict_on(detection, "not_mitosis"))
    assert labels(analysis) == ["mitosis", "not_mitosis"]
    assert labels(analysis, other) == ["not_mitosis"]


def test_a_late_verdict_on_a_detection_judged_since_is_not_refused(analysis, reader):
    detection = add_detection(analysis)
    judge(detection, reader, "mitosis")
    assert give(analysis, reader, verdict_on(detection, "unsure")).status_code == 201


def test_a_reason_goes_with_not_mitosis_only(analysis, reader):
    answer = give(analysis, reader, verdict_on(add_detection(analysis), "mitosis", reason="crush"))
    assert answer.status_code == 400
    assert "not mitosis" in answer.json()["detail"]
    assert not Verdict.objects.exists()


def test_a_phase_and_atypical_are_new_rows_with_the_same_label(analysis, reader):
    detection = add_detection(analysis)
    plain = give(analysis, reader, verdict_on(detection)).json()["verdict"]
    assert (plain["phase"], plain["atypical"], plain["purpose"]) == ("", False, "validate")
    body = verdict_on(detection, phase="anaphase", atypical=True, purpose="correct")
    shown = give(analysis, reader, body).json()["verdict"]
    assert (shown["phase"], shown["atypical"], shown["purpose"]) == ("anaphase", True, "correct")
    assert give(analysis, reader, body).status_code == 200
    held = review.verdicts_in_force(analysis, reader).get()
    assert (str(held.pk), held.label, held.phase) == (body["id"], "mitosis", "anaphase")
    count = client(reader).get(url(analysis, "count/"), {"region": "whole"}).json()
    assert (count["confirmed"], count["judged"]) == (1, 1)  # given to correct, it counts as any other
    assert Verdict.objects.count() == 2


@pytest.mark.parametrize("label", ["not_mitosis", "unsure", "withdrawn"])
@pytest.mark.parametrize("more", [{"phase": "ring"}, {"atypical": True}])
def test_a_phase_and_atypical_go_with_mitosis_only(analysis, reader, label, more):
    answer = give(analysis, reader, verdict_on(add_detection(analysis), label, **more))
    assert (answer.status_code, answer.json()["code"]) == (400, f"{next(iter(more))}_without_mitosis")
    with pytest.raises(IntegrityError, match="verdict_phase_only_for_mitosis"), transaction.atomic():
        Verdict.objects.create(
            analysis=analysis, detection=analysis.detections.get(), reader=reader, label=label, revision=99, **more
        )


def test_a_web_process_of_the_version_before_still_writes(analysis, reader):
    row = {"id": uuid.uuid4(), "analysis_id": analysis.pk, "detection_id": add_detection(analysis).pk}
    row |= {
        "reader_id": reader.pk,
        "label": "mitosis",
        "reason": "",
        "comment": "",
        "revision": 99,
        "at": timezone.now(),
    }
    with connection.cursor() as cursor:  # as its INSERT names the columns that it knows
        marks = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO analysis_verdict ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    verdict = Verdict.objects.get()
    assert (verdict.phase, verdict.atypical, verdict.purpose) == ("", False, "validate")


@pytest.mark.parametrize(
    "broken",
    [
        {"label": "agree"},
        {"id": "7"},
        {"reason": "ugly", "label": "not_mitosis"},
        {"phase": "early_prophase"},
        {"atypical": "yes"},
        {"purpose": "practise"},
        {"comment": "x" * 501},
        {"detection": 2**63},
        {"detection": None},
        {"figure": str(uuid.uuid4())},
        {"detection": None, "figure": str(uuid.uuid4())},
    ],
)
def test_a_broken_verdict_is_refused_and_nothing_kept(analysis, reader, broken):
    answer = give(analysis, reader, verdict_on(add_detection(analysis)) | broken)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Verdict.objects.exists()


def test_a_detection_of_another_analysis_is_refused(analysis, reader):
    elsewhere = add_detection(make_analysis())
    assert give(analysis, reader, verdict_on(elsewhere)).status_code == 400
    assert not Verdict.objects.exists()


@pytest.mark.parametrize(
    ("role", "code"),
    [("reader", 201), ("lead", 201), ("technician", 403), ("observer", 403), ("researcher", 403)],
)
def test_readers_and_leads_judge(analysis, team, role, code):
    assert give(analysis, member(team, role), verdict_on(add_detection(analysis))).status_code == code


def test_outside_the_team_the_analysis_does_not_exist(analysis):
    detection = add_detection(analysis)
    assert give(analysis, member(make_analysis().slide.case.team), verdict_on(detection)).status_code == 404
    assert give(analysis, UserFactory(), verdict_on(detection)).status_code == 404
    assert give(analysis, None, verdict_on(detection)).status_code == 401
    assert give(analysis, UserFactory(is_superuser=True), verdict_on(detection)).status_code == 201


def test_the_database_refuses_to_change_or_delete_a_verdict(analysis, reader):
    verdict = judge(add_detection(analysis), reader, "mitosis")
    for change in (
        lambda: Verdict.objects.filter(pk=verdict.pk).update(label="unsure"),
        lambda: Verdict.objects.filter(pk=verdict.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()
    assert Verdict.objects.get(pk=verdict.pk).label == "mitosis"


def test_what_is_in_force_takes_one_query_however_much_was_said(analysis, team):
    readers = [member(team, Role.READER) for _ in range(3)]
    for number in range(3):
        detection = add_detection(analysis, x_l0=100 + 50 * number)
        for reader in readers:
            judge(detection, reader, "mitosis")
            judge(detection, reader, "unsure")
    with CaptureQueriesContext(connection) as queries:
        assert labels(analysis) == ["unsure"] * 9
    assert len(queries) == 1


def test_giving_a_verdict_costs_the_same_with_many_there(analysis, reader):
    def cost() -> int:
        body = verdict_on(add_detection(analysis, x_l0=50 * Verdict.objects.count() + 50))
        with CaptureQueriesContext(connection) as queries:
            assert give(analysis, reader, body).status_code == 201
        return len(queries)

    cost()  # the reader's roles are asked for once
    first, _, last = cost(), cost(), cost()
    assert last == first


@pytest.mark.django_db(transaction=True)
def test_no_verdict_of_eight_readers_at_once_is_lost():
    analysis = make_analysis()
    detections = [add_detection(analysis, x_l0=100 + 60 * number) for number in range(3)]
    readers = [member(analysis.slide.case.team, Role.READER) for _ in range(8)]
    choices = ["mitosis", "not_mitosis", "unsure"]
    last_said: dict[tuple, str] = {}

    def read(reader) -> None:
        try:
            for turn in range(12):
                detection, label = detections[turn % 3], choices[(turn + reader.pk) % 3]
                body = verdict_on(detection, label)
                assert give(analysis, reader, body).status_code == 201
                assert give(analysis, reader, body).status_code == 200
                last_said[reader.pk, detection.pk] = label
        finally:
            connections.close_all()

    threads = [threading.Thread(target=read, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    revisions = list(Verdict.objects.order_by("revision").values_list("revision", flat=True))
    assert len(revisions) == len(set(revisions)) == 96
    found = {(row.reader_id, row.detection_id): row.label for row in review.verdicts_in_force(analysis)}
    assert found == last_said
    assert len(found) == 24


@pytest.mark.django_db(transaction=True)
def test_one_verdict_sent_by_two_tabs_at_once_is_one_row():
    analysis = make_analysis()
    reader, body = member(analysis.slide.case.team, Role.READER), verdict_on(add_detection(analysis))
    codes = []

    def send() -> None:
        try:
            codes.append(give(analysis, reader, body).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 5 + [201]
    assert Verdict.objects.count() == 1
