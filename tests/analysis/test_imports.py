"""What another detector found becomes an analysis like our own, marked as imported, and can be taken back."""

import base64
import csv
import io
import json
import uuid
from unittest.mock import ANY

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from analysis.models import Analysis, Detection
from analysis.reading_progress import describe_slides
from analysis.services import exports, imports
from analysis.services.counting import count_mitoses
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import client, judge
from tests.factories import SlideFactory, member

pytestmark = pytest.mark.django_db
URL = "/api/analyses/import/"
TABLE = "x,y,probability\n100,60,0.9\n300,200,0.2\n300,200,0.1\n400,210,0.7\n"


@pytest.fixture
def slide():
    return SlideFactory()


@pytest.fixture
def lead(slide):
    return member(slide.case.team, "lead")


def body(slide, text: str = TABLE, **more) -> dict:
    content = base64.b64encode(text.encode()).decode()
    return {"slide": str(slide.pk), "content": content, "detector": "RetinaNet", "version": "2.1"} | more


def send(user, slide, url: str = URL, **more):
    return client(user).post(url, body(slide, **more), format="json")


def test_a_file_becomes_an_analysis_marked_as_imported(slide, lead):
    answer = send(lead, slide)
    assert answer.status_code == 201
    told = answer.json()
    assert told["model"] == {"id": None, "name": "RetinaNet 2.1"}
    assert told["imported"] == {
        "detector": "RetinaNet", "version": "2.1", "format": "CSV in pixels", "file_sha256": ANY,
        "has_probabilities": True, "read": 4, "outside": 0, "twice": 1, "notes": ANY,
    }  # fmt: skip
    assert (told["detections"], told["threshold"], told["state"], told["withdrawn"]) == (3, 0.5, "queued", None)
    rows = Detection.objects.filter(analysis=told["id"]).values_list("number", "x_l0", "y_l0", "probability", "mitosis")
    assert list(rows) == [(1, 100, 60, 0.9, True), (2, 300, 200, 0.2, False), (3, 400, 210, 0.7, True)]
    said = AuditEntry.objects.get(action="analysis.import")
    assert (said.actor, said.subject) == (lead, f"slide {slide.pk}")
    assert "RetinaNet" not in said.text


def test_a_preview_says_the_same_and_stores_nothing(slide, lead):
    told = send(lead, slide, URL + "preview/").json()
    assert (told["format"], told["read"], told["detections"], told["called"]) == ("CSV in pixels", 4, 3, 2)
    assert any("exactly at another one's place: 1 place" in note for note in told["notes"])
    assert not Analysis.objects.exists() and not Job.objects.filter(kind="analysis.run").exists()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"content": base64.b64encode(b"x,y\n1,two\n").decode()}, 400, "detections"),
        ({"content": base64.b64encode(b"x,y\n9999999,2\n").decode()}, 400, "detections"),
        ({"content": "no base64!"}, 400, "detections"),
        ({"detector": ""}, 400, "detector"),
        ({"detector": "\u200b"}, 400, "detector"),
        ({"threshold": 2}, 400, "invalid"),
        ({"slide": str(uuid.uuid4())}, 404, "not_found"),
    ],
)
def test_what_is_refused_changes_nothing(slide, lead, change, status, code):
    answer = client(lead).post(URL, body(slide) | change, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Analysis.objects.exists() and not AuditEntry.objects.filter(action="analysis.import").exists()


def test_a_slide_without_pixel_size_is_refused_and_the_same_file_twice_too(slide, lead):
    assert send(lead, SlideFactory(case=slide.case, mpp_x=None, mpp_y=None, mpp_source="unknown")).status_code == 400
    assert send(lead, slide).status_code == 201
    again = send(lead, slide)
    assert (again.status_code, again.json()["code"]) == (409, "imported_already")
    assert send(lead, slide, version="2.2").status_code == 201


def test_its_detections_are_judged_counted_and_exported_and_say_where_they_come_from(slide, lead):
    analysis = imports.import_detections(slide, lead, b"x,y\n100,60\n300,200\n", "RetinaNet", "2.1")
    judge(analysis.detections.get(number=1), lead, "mitosis")
    count = count_mitoses(analysis, lead)
    assert (count["confirmed"], count["open"]) == (1, 1)
    row = next(csv.DictReader(io.StringIO("".join(exports.stream_csv(analysis, count, lead)).lstrip("\ufeff"))))
    assert (row["model"], row["imported_from"], row["model_call"]) == ("RetinaNet 2.1", "CSV in pixels", "mitosis")
    assert row["imported_file_sha256"] == analysis.imported["file_sha256"]
    assert row["probability"] == ""  # the file tells none, and 1 would be made up
    features = json.loads("".join(exports.stream_geojson(analysis, count, lead)))["features"]
    assert features[0]["properties"]["metadata"]["model"] == "RetinaNet 2.1"
    browser = Client()
    browser.force_login(lead)
    page = browser.get(f"/slides/{slide.pk}/compare/{slide.pk}/?left={make_analysis(slide).pk}&right={analysis.pk}")
    assert [pane["analysis"] for pane in page.context["data"]["panes"]][1] == str(analysis.pk)
    assert [row["imported"] for row in page.context["data"]["panes"][1]["analyses"]] == [False, True]


def test_there_is_no_explanation_and_nothing_follows(slide, lead):
    analysis = imports.import_detections(slide, lead, TABLE.encode(), "RetinaNet")
    Job.objects.filter(pk=analysis.job_id).update(state="done")
    url = f"/api/detections/{analysis.detections.first().pk}/explanation/"
    for answer in (client(lead).get(url), client(lead).post(url)):
        assert answer.status_code == 200
        assert (answer.json()["state"], answer.json()["message"]) == ("none", "imported: no network to explain it")
    assert client(lead).post(f"/api/analyses/{analysis.pk}/explanations/").status_code == 200
    assert not Job.objects.exclude(pk=analysis.job_id).exists()


def test_withdrawn_it_counts_no_more_and_keeps_what_was_said(slide, lead):
    own = make_analysis(slide)
    analysis = imports.import_detections(slide, lead, TABLE.encode(), "RetinaNet")
    Job.objects.filter(pk=analysis.job_id).update(state="done")
    judge(analysis.detections.get(number=1), lead, "mitosis")
    assert describe_slides([slide], lead)[slide.pk]["fact"] == "1 of 2 judged"
    url = f"/api/analyses/{analysis.pk}/withdraw/"
    told = client(lead).post(url).json()
    assert told["state"] == "cancelled" and told["withdrawn"] and "withdrawn" in told["message"]
    assert analysis.verdicts.count() == 1 and analysis.detections.count() == 3
    assert describe_slides([slide], lead)[slide.pk]["fact"] == "the model called no mitosis"
    assert client(lead).post(url).json()["code"] == "withdrawn"
    assert client(lead).post(f"/api/analyses/{analysis.pk}/retry/").json()["code"] == "withdrawn"
    assert client(lead).post(f"/api/analyses/{own.pk}/withdraw/").json()["code"] == "not_imported"
    assert send(lead, slide).status_code == 201


def test_an_imported_slide_is_still_to_be_analysed_with_its_case(slide, lead):
    make_analysis()  # a model is in use
    imports.import_detections(slide, lead, TABLE.encode(), "RetinaNet")
    told = client(lead).get(f"/api/cases/{slide.case.pk}/analyse/").json()
    assert told["slides"] == [str(slide.pk)]


def test_the_database_wants_a_model_or_an_import(slide, lead):
    analysis = imports.import_detections(slide, lead, TABLE.encode(), "RetinaNet")
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.filter(pk=analysis.pk).update(imported=None)


def test_the_command_does_the_same_and_a_dry_run_nothing(slide, lead, tmp_path, capsys):
    file = tmp_path / "theirs.csv"
    file.write_text(TABLE)
    common = ("import_detections", str(file), f"--slide={slide.pk}", "--detector=RetinaNet")
    call_command(*common, f"--by={lead.username}", "--dry-run")
    assert "CSV in pixels: 3 detections, 2 called mitosis. Nothing was stored." in capsys.readouterr().out
    assert not Analysis.objects.exists()
    call_command(*common, f"--by={lead.username}")
    assert Analysis.objects.get().found_by == "RetinaNet"
    stranger = member(SlideFactory().case.team, "lead")
    with pytest.raises(CommandError, match="There is no such slide"):
        call_command(*common, f"--by={stranger.username}")
