"""Fields that were looked at, the walk, the audit of unmarked fields, and the estimate beside the count."""

import uuid

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from analysis.models import Analysis, AuditSample, FieldLook
from analysis.pipeline.count.shapes import fields_of
from analysis.services import erasing, looks, review
from mitoweb.people.models import Role
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.protocol_makers import make_protocol
from tests.analysis.review_makers import client, judge, on_a_large_slide, url
from tests.factories import RegionFactory, UserFactory, member

pytestmark = pytest.mark.django_db

SQUARE = [[2000, 2000], [8000, 2000], [8000, 8000], [2000, 8000]]  # 1.5 × 1.5 mm


@pytest.fixture
def analysis():
    return on_a_large_slide(make_analysis())


@pytest.fixture
def region(analysis):
    return RegionFactory(slide=analysis.slide, polygon=SQUARE)


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.READER)


def look(**values) -> dict:
    return {"id": str(uuid.uuid4()), "x_l0": 3000.0, "y_l0": 3000.0, "radius_um": 275.0} | values


def send(analysis, user, action, body, where=""):
    return client(user).post(url(analysis, f"{action}/{where}"), body, format="json")


def ask(analysis, user, action, **query):
    return client(user).get(url(analysis, f"{action}/"), query)


def draw(analysis, user, region, **values) -> dict:
    answer = send(analysis, user, "missed", {"id": str(uuid.uuid4())} | values, f"?region={region.pk}")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def audit(analysis, user, sample, fields) -> None:
    for field in fields:
        body = look(kind="audit", sample=sample["id"], radius_um=sample["field_um"] / 2, **field)
        assert send(analysis, user, "looks", body).status_code == 201


def test_a_look_is_kept_once_and_comes_in_the_feed(analysis, reader):
    before, body = Analysis.objects.get(pk=analysis.pk).revision, look()
    first, second = send(analysis, reader, "looks", body), send(analysis, reader, "looks", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    observer = member(analysis.slide.case.team, Role.OBSERVER)
    (shown,) = ask(analysis, observer, "changes", since=before).json()["looks"]
    assert shown == first.json()["look"]
    assert (shown["kind"], shown["sample"], shown["radius_um"]) == ("walk", None, 275)
    assert (shown["reader"]["username"], shown["revision"]) == (reader.username, before + 1)
    assert ask(analysis, observer, "changes", since=before + 1).json()["looks"] == []
    for other in (body | {"x_l0": 3001.0}, body | {"radius_um": 200.0}):
        assert send(analysis, reader, "looks", other).json()["code"] == "id_used"
    other = member(analysis.slide.case.team, Role.LEAD)
    assert send(analysis, other, "looks", body).json()["code"] == "id_used"
    assert send(analysis, observer, "looks", look()).status_code == 403
    assert send(analysis, UserFactory(), "looks", look()).status_code == 404
    assert FieldLook.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"radius_um": 0}, "no_field"),
        ({"radius_um": -275}, "no_field"),
        ({"radius_um": "nan"}, "invalid"),
        ({"radius_um": 1e9}, "no_field"),
        ({"x_l0": "nan"}, "invalid"),
        ({"y_l0": 14_000}, "outside_slide"),
        ({"kind": "audit"}, "not_drawn"),
        ({"kind": "audit", "sample": str(uuid.uuid4())}, "not_drawn"),
        ({"sample": str(uuid.uuid4())}, "not_drawn"),
        ({"kind": "glance"}, "invalid"),
        ({"x_l0": True}, "invalid"),
    ],
)
def test_what_is_no_field_is_refused(analysis, reader, wrong, code):
    answer = send(analysis, reader, "looks", look(**wrong))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not FieldLook.objects.exists()


def test_the_walk_tells_its_fields_what_was_looked_at_and_how_much_that_covers(analysis, reader, region):
    walk = ask(analysis, reader, "walk", region=region.pk).json()
    assert (walk["field_um"], walk["field_source"], walk["fields_looked"]) == (550, "usual", 0)
    assert walk["region"]["polygon"] == SQUARE
    assert walk["coverage"] == {"area_mm2": pytest.approx(2.25), "looked_mm2": 0, "share": 0}
    half = walk["fields"][: len(walk["fields"]) // 2]
    for field in half:
        send(analysis, reader, "looks", look(x_l0=field["x_l0"], y_l0=field["y_l0"]))
    observer = member(analysis.slide.case.team, Role.OBSERVER)
    told = ask(analysis, observer, "walk", region=region.pk, reader=reader.pk).json()
    assert [field["looked"] for field in told["fields"]] == [True] * len(half) + [False] * (
        len(half) + len(walk["fields"]) % 2
    )
    assert 0.4 < told["coverage"]["share"] < 0.8
    assert told["coverage"]["looked_mm2"] == pytest.approx(told["coverage"]["share"] * 2.25)
    assert told["reader"]["id"] == reader.pk
    other = ask(analysis, member(analysis.slide.case.team, Role.READER), "walk", region=region.pk).json()
    assert other["fields_looked"] == 0
    smaller = ask(analysis, reader, "walk", region=region.pk, field_um=300).json()
    assert (smaller["field_um"], smaller["field_source"]) == (300, "asked")
    assert len(smaller["fields"]) > 2 * len(walk["fields"])


def test_the_fields_of_a_protocol_are_walked_as_they_are(analysis, reader, count_by):
    count_by(make_protocol(fields_of(3, 500)))
    add_detection(analysis, 3000, 3000)
    region = ask(analysis, reader, "count").json()["region"]
    walk = ask(analysis, reader, "walk").json()
    assert (walk["field_um"], walk["field_source"]) == (500, "protocol")
    places = [[field["x_l0"], field["y_l0"]] for field in walk["fields"]]
    assert sorted(places) == pytest.approx(np.round(sorted(region["fields_l0"]), 2))
    assert len(ask(analysis, reader, "walk", field_um=300).json()["fields"]) > 3


def test_no_walk_through_no_tissue_without_a_pixel_size_and_of_fields_that_are_none(analysis, reader, region):
    for wrong in (0, -1, "nan", "x", 50, 1e6, "inf"):
        assert ask(analysis, reader, "walk", region=region.pk, field_um=wrong).status_code == 400
    flat = RegionFactory(slide=analysis.slide, polygon=[[0, 0], [900, 0], [400, 0]])
    glass = RegionFactory(slide=analysis.slide, polygon=[[9000, 9000], [9900, 9000], [9900, 9900]])
    analysis.tissue = [SQUARE]
    analysis.save()
    for where in (flat, glass):
        for answer in (ask(analysis, reader, "walk", region=where.pk), draw_raw(analysis, reader, where)):
            assert (answer.status_code, answer.json()["code"]) == (400, "no_walk")
            assert "no tissue" in answer.json()["detail"]
    Analysis.objects.filter(pk=analysis.pk).update(mpp_source="unknown")
    assert ask(analysis, reader, "walk").json()["code"] == "no_pixel_size"


def draw_raw(analysis, user, region):
    return send(analysis, user, "missed", {"id": str(uuid.uuid4())}, f"?region={region.pk}")


def test_a_sample_is_drawn_once_by_a_kept_seed_from_fields_without_marks(analysis, reader, region):
    add_detection(analysis, 3000, 3000)
    judged = add_detection(analysis, 7000, 7000, probability=0.2)
    judge(judged, reader, "not_mitosis")
    add_detection(analysis, 5000, 5000, probability=0.2)  # below the threshold and not judged: no mark
    body = {"id": str(uuid.uuid4())}
    first = send(analysis, reader, "missed", body, f"?region={region.pk}")
    again = send(analysis, reader, "missed", body, f"?region={region.pk}")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    sample = first.json()["sample"]
    walk = {
        (field["x_l0"], field["y_l0"]) for field in ask(analysis, reader, "walk", region=region.pk).json()["fields"]
    }
    drawn = [(field["x_l0"], field["y_l0"]) for field in sample["fields"]]
    marked = {(x, y) for x, y in walk if min(np.hypot(x - 3000, y - 3000), np.hypot(x - 7000, y - 7000)) * 0.25 <= 275}
    assert set(drawn) == walk - marked
    assert len(drawn) == len(set(drawn))
    assert drawn != sorted(drawn, key=lambda place: place[1])
    assert sample["seed"] == AuditSample.objects.get().seed
    assert sample["is_of_region"]
    assert first.json()["estimate"]["high"] is None
    observer = member(analysis.slide.case.team, Role.OBSERVER)
    assert send(analysis, observer, "missed", {"id": str(uuid.uuid4())}).status_code == 403
    assert ask(analysis, observer, "missed", region=region.pk, reader=reader.pk).json()["sample"] == sample
    lead = member(analysis.slide.case.team, Role.LEAD)
    assert send(analysis, lead, "missed", body).json()["code"] == "id_used"
    assert ask(analysis, lead, "missed", region=region.pk).json()["sample"] is None


def test_where_each_field_is_marked_there_is_none_to_draw(analysis, reader):
    small = RegionFactory(slide=analysis.slide, polygon=[[3000, 3000], [3200, 3000], [3200, 3200], [3000, 3200]])
    add_detection(analysis, 3100, 3100)
    answer = draw_raw(analysis, reader, small)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_draw")


def test_what_an_audit_finds_is_told_beside_the_count_of_its_region(analysis, reader, region):
    sample = draw(analysis, reader, region, field_um=400)["sample"]
    fields = sample["fields"]
    audit(analysis, reader, sample, fields[:4])
    review.add_figure(analysis, reader, uuid.uuid4(), fields[1]["x_l0"] + 10, fields[1]["y_l0"])
    review.add_figure(analysis, reader, uuid.uuid4(), fields[6]["x_l0"], fields[6]["y_l0"])  # not looked at yet
    missed = ask(analysis, reader, "missed", region=region.pk).json()
    estimate = missed["estimate"]
    assert missed["sample"]["fields_looked"] == 4
    assert (estimate["found"], estimate["fields_looked"], estimate["fields"]) == (1, 4, len(fields))
    assert estimate["estimate"] == pytest.approx((len(fields) - 4) / 4)
    assert estimate["sentence"].startswith(f"In 4 of {len(fields)} unmarked fields 1 figure was found")
    count = ask(analysis, reader, "count", region=region.pk).json()
    assert count["missed"] == estimate
    assert estimate["sentence"] in count["notes"]
    assert ask(analysis, reader, "count").json()["missed"] is None  # of another region
    other = member(analysis.slide.case.team, Role.READER)
    assert ask(analysis, other, "count", region=region.pk).json()["missed"] is None
    # What is looked at out of order is no random sample, until those between are.
    audit(analysis, reader, sample, fields[5:7])
    assert ask(analysis, reader, "missed", region=region.pk).json()["estimate"]["fields_looked"] == 4
    audit(analysis, reader, sample, fields[4:5])
    assert ask(analysis, reader, "missed", region=region.pk).json()["estimate"]["found"] == 2
    assert draw(analysis, reader, region, field_um=400)["estimate"]["fields_looked"] == 0  # drawn anew


def test_one_place_says_whose_looks_and_samples_a_person_may_know_of(analysis, reader, region, monkeypatch):
    add_detection(analysis, 15_000, 11_000)  # a row for the export
    sample = draw(analysis, reader, region, field_um=400)["sample"]
    audit(analysis, reader, sample, sample["fields"][:2])
    other = member(analysis.slide.case.team, Role.LEAD)

    def told_to(user) -> tuple:
        of_reader = {"region": region.pk, "reader": reader.pk}
        missed = ask(analysis, user, "missed", **of_reader).json()
        walk = ask(analysis, user, "walk", field_um=400, **of_reader).json()
        feed = ask(analysis, user, "changes", since=0).json()
        beside = ask(analysis, user, "count", **of_reader).json()
        export = client(user).get(url(analysis, "export.csv"), of_reader)
        noted = "unmarked fields" in " ".join(beside["notes"]), b"unmarked fields" in b"".join(export)
        assert noted == (beside["missed"] is not None,) * 2
        audited = missed["sample"] and missed["estimate"]["fields_looked"]
        beside_count = beside["missed"] and beside["missed"]["fields_looked"]
        return audited, beside_count, walk["fields_looked"], len(feed["looks"])

    assert told_to(other) == told_to(reader) == (2, 2, 2, 2)
    list_shown = looks._list_shown
    monkeypatch.setattr(looks, "_list_shown", lambda model, user, of: list_shown(model, user, of).filter(reader=user))
    assert told_to(reader) == (2, 2, 2, 2)
    assert told_to(other) == (None, None, 0, 0)  # the count that was kept for the reader is not shown as it is
    assert told_to(reader) == (2, 2, 2, 2)
    # Who has left the team, or is an administrator outside it, still has a count with all that is their own.
    monkeypatch.undo()
    reader.memberships.all().delete()
    lead = member(analysis.slide.case.team, Role.LEAD)
    assert ask(analysis, lead, "missed", region=region.pk, reader=reader.pk).status_code == 404
    outside = type(reader)(pk=reader.pk)
    assert looks.samples_shown_to(outside, analysis).count() == 1


def test_the_strip_holds_what_is_below_the_threshold_in_each_window_that_matters(analysis, reader, region):
    inside = [
        add_detection(analysis, x, 4000, probability) for x, probability in [(3000, 0.1), (4000, 0.4), (5000, 0.3)]
    ]
    outside = add_detection(analysis, 15_000, 11_000, 0.45)
    add_detection(analysis, 4500, 4500, 0.9)
    judge(inside[2], reader, "not_mitosis")
    missed = ask(analysis, reader, "missed", region=region.pk).json()
    assert [row["detection"] for row in missed["strip"]] == [inside[1].pk, inside[0].pk]
    assert {row["window"] for row in missed["strip"]} == {"drawn"}
    assert missed["strip_left"] == 2
    whole = ask(analysis, reader, "missed", region="whole").json()
    assert [row["detection"] for row in whole["strip"]] == [outside.pk, inside[1].pk, inside[0].pk]
    best = ask(analysis, reader, "missed").json()
    assert "1" in {row["window"] for row in best["strip"]}


def test_looks_and_samples_go_with_their_case_and_in_no_other_way(analysis, reader, region):
    sample = draw(analysis, reader, region)["sample"]
    audit(analysis, reader, sample, sample["fields"][:1])
    for model in (FieldLook, AuditSample):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            model.objects.update(revision=5)
        with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
            model.objects.all()._raw_delete("default")
    assert "1 field looked at" in erasing.describe_made_rows([analysis.slide])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mitoweb.erasing', %s, true)", [str(analysis.slide.case_id)])
        erasing.erase_analyses([analysis.slide])
    assert not FieldLook.objects.exists()
    assert not AuditSample.objects.exists()
