"""The viewer's page: the data its scripts start from, for whom."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.models import Analysis
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.factories import CaseFactory, RegionFactory, SlideFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def slide():
    ModelVersionFactory(name="shipped")
    return SlideFactory()


def open_page(slide, user, query: str = ""):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.get(f"/slides/{slide.pk}/{query}")


def data_of(response) -> dict:
    assert response.status_code == 200
    script = re.search(r'<script id="viewer-data" type="application/json">(.*?)</script>', response.content.decode())
    return json.loads(script.group(1))


def test_the_page_holds_all_that_the_viewer_starts_from(slide):
    region, analysis = RegionFactory(slide=slide, name="Hot spot"), make_analysis(slide)
    add_detection(analysis)
    reader = member(slide.case.team, "reader", username="ada.king")
    data = data_of(open_page(slide, reader))
    assert (
        data["slide"]
        | {
            "id": str(slide.pk),
            "width": 1024,
            "height": 768,
            "mpp_x": slide.mpp_x,
            "mpp_source": "file",
            "dzi_url": f"/api/slides/{slide.pk}/image.dzi",
            "kind": "tissue",
        }
        == data["slide"]
    )
    assert data["case"]["accession"] == slide.case.accession
    assert [row["url"] for row in data["case"]["slides"]] == [f"/slides/{slide.pk}/"]
    assert data["analysis"] == str(analysis.pk)
    assert [(row["state"], row["model"], row["detections"]) for row in data["analyses"]] == [("done", "shipped", 1)]
    assert data["regions"] == [{"id": str(region.pk), "name": "Hot spot", "polygon": region.polygon}]
    assert data["me"] == {"id": reader.pk, "username": "ada.king", "initials": "AK"}
    assert [(row["name"], row["active"]) for row in data["models"]] == [("shipped", True)]


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("reader", {"judge", "region", "export", "explain"}),
        ("technician", {"analyse", "region", "explain", "calibrate"}),
        ("observer", set()),
        ("lead", {"judge", "analyse", "export", "region", "explain", "calibrate"}),
        ("researcher", {"export", "explain"}),
    ],
)
def test_the_page_says_what_each_role_may_do(slide, role, rights):
    may = data_of(open_page(slide, member(slide.case.team, role)))["may"]
    assert {name for name, allowed in may.items() if allowed} == rights


def test_outside_the_team_there_is_no_such_slide(slide):
    assert open_page(slide, member(SlideFactory().case.team)).status_code == 404
    answer = open_page(slide, None)
    assert (answer.status_code, answer.url.split("?")[0]) == (302, "/accounts/login/")


def test_without_an_analysis_none_is_chosen(slide):
    assert data_of(open_page(slide, member(slide.case.team)))["analysis"] is None


def test_the_newest_analysis_with_something_to_show_is_chosen(slide):
    make_analysis(slide)
    newest = make_analysis(slide, state="running")
    make_analysis(slide, state="failed")
    assert data_of(open_page(slide, member(slide.case.team)))["analysis"] == str(newest.pk)


def test_the_address_may_name_an_analysis_of_this_slide(slide):
    older, user = make_analysis(slide, state="failed"), member(slide.case.team)
    make_analysis(slide)
    assert data_of(open_page(slide, user, f"?analysis={older.pk}"))["analysis"] == str(older.pk)
    elsewhere = make_analysis(SlideFactory(case=slide.case))
    for wrong in (elsewhere.pk, "nonsense"):
        assert open_page(slide, user, f"?analysis={wrong}").status_code == 404


def test_text_of_people_cannot_end_the_script(slide):
    slide.label = "</script><script>alert(1)</script>"
    slide.save()
    page = open_page(slide, member(slide.case.team))
    assert data_of(page)["slide"]["label"] == slide.label
    assert "<script>alert" not in page.content.decode()


def test_the_page_costs_the_same_for_one_analysis_and_for_six():
    counts = []
    for rows in (1, 6):
        case = CaseFactory()
        slides = [SlideFactory(case=case) for _ in range(rows)]
        for _ in range(rows):
            add_detection(make_analysis(slides[0]))
            RegionFactory(slide=slides[0])
        user = member(case.team)
        with CaptureQueriesContext(connection) as queries:
            assert len(data_of(open_page(slides[0], user))["analyses"]) == rows
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Analysis.objects.count() == 7
