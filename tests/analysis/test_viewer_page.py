"""The viewer's page: the data its scripts start from, for whom."""

import datetime
import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.models import Analysis
from slides.models import Slide
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.factories import CaseFactory, RegionFactory, SlideFactory, UserFactory, member

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
            "kind": "tissue",
            "pyramid": {
                "width": 1024,
                "height": 768,
                "tile_size": slide.tile_size,
                "overlap": slide.tile_overlap,
                "tiles_url": f"/api/slides/{slide.pk}/image_files/",
            },
        }
        == data["slide"]
    )
    assert data["case"]["accession"] == slide.case.accession
    assert [row["url"] for row in data["case"]["slides"]] == [f"/slides/{slide.pk}/"]
    assert data["analysis"] == str(analysis.pk)
    assert [(row["state"], row["model"], row["detections"]) for row in data["analyses"]] == [("done", "shipped", 1)]
    assert data["regions"] == [{"id": str(region.pk), "name": "Hot spot", "polygon": region.polygon}]
    assert data["me"] == {"id": reader.pk, "username": "ada.king", "initials": "AK"}
    assert data["reads"] is True
    assert data_of(open_page(slide, UserFactory(is_superuser=True)))["reads"] is False
    assert [(row["name"], row["active"]) for row in data["models"]] == [("shipped", True)]


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("reader", {"judge", "comment", "region", "protocol", "export", "explain"}),
        ("technician", {"analyse", "comment", "region", "protocol", "explain", "calibrate"}),
        ("observer", set()),
        ("lead", {"judge", "comment", "analyse", "export", "region", "protocol", "explain", "calibrate"}),
        ("researcher", {"comment", "export", "explain"}),
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


# Facts of the slide ------------------------------------------------------------------------------------------
def facts_of(slide, **values) -> dict[str, dict[str, dict]]:
    """{section: {term: fact}} of the drawer, after the row got these values."""
    Slide.objects.filter(pk=slide.pk).update(**values)
    sections = data_of(open_page(slide, member(slide.case.team, "observer")))["facts"]["sections"]
    return {section["title"]: {fact["term"]: fact for fact in section["facts"]} for section in sections}


def test_the_drawer_names_the_pixel_size_and_its_source(slide):
    facts = facts_of(slide, mpp_source="length", mpp_note="100 µm over 400 px, by tech")
    assert facts["Pixel size"]["Size"]["text"] == "0.2500 µm/px"
    assert facts["Pixel size"]["Source"] == {
        "term": "Source",
        "text": "From a known length",
        "note": "100 µm over 400 px, by tech",
    }
    unknown = facts_of(slide, mpp_x=None, mpp_y=None, mpp_source="unknown", mpp_note="")
    assert unknown["Pixel size"]["Size"]["text"] == "unknown"


def test_the_drawer_says_what_was_removed_and_how_long_the_original_is_kept(slide):
    until = datetime.datetime(2027, 3, 2, 12, tzinfo=datetime.UTC)
    privacy = {"method": "tiff", "removed": ["label picture", "12 metadata fields"], "unknown": [], "verified": True}
    facts = facts_of(slide, privacy=privacy, sealed_files=["slide.svs"], sealed_until=until, scanner="Aperio AT2")
    assert facts["Privacy"]["Removed"]["text"] == "label picture, 12 metadata fields"
    assert facts["Privacy"]["Original"]["text"] == "sealed until 2 March 2027"
    assert facts["Scan"]["Scanner"]["text"] == "Aperio AT2"
    assert facts["File"]["Pixels"]["text"] == "1\u2009024 × 768 px"
    assert facts_of(slide, sealed_files=[], sealed_until=None)["Privacy"]["Original"]["text"] == "deleted"


def test_the_drawer_names_no_file_and_no_hash(slide):
    text = open_page(slide, member(slide.case.team, "observer")).content.decode()
    assert slide.folder not in text
    assert slide.files[0] not in text
    assert slide.sha256 not in text


# Two slides --------------------------------------------------------------------------------------------------
def test_two_slides_open_side_by_side_also_of_two_cases(slide):
    other = SlideFactory(case=CaseFactory(team=slide.case.team), mpp_x=0.5, mpp_y=0.5)
    analysis = make_analysis(other)
    client = Client()
    client.force_login(member(slide.case.team, "observer"))
    data = data_of(client.get(f"/slides/{slide.pk}/compare/{other.pk}/"))
    assert [pane["slide"]["mpp_x"] for pane in data["panes"]] == [0.25, 0.5]
    assert [pane["analysis"] for pane in data["panes"]] == [None, str(analysis.pk)]


def test_a_slide_of_another_team_is_laid_beside_none(slide):
    foreign = SlideFactory()
    client = Client()
    client.force_login(member(slide.case.team, "lead"))
    for left, right in ((slide, foreign), (foreign, slide), (foreign, foreign)):
        assert client.get(f"/slides/{left.pk}/compare/{right.pk}/").status_code == 404


def test_a_slide_that_waits_sends_the_comparison_to_where_that_is_said(slide):
    waiting = SlideFactory(case=slide.case, state="quarantine")
    client = Client()
    client.force_login(member(slide.case.team, "lead"))
    answer = client.get(f"/slides/{slide.pk}/compare/{waiting.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/slides/{waiting.pk}/")


# The gallery -------------------------------------------------------------------------------------------------
def test_the_gallery_holds_the_analysis_of_the_address_and_the_way_back_to_it(slide):
    region = RegionFactory(slide=slide, name="Hot spot")
    older, newer = make_analysis(slide), make_analysis(slide)
    client = Client()
    client.force_login(member(slide.case.team, "observer"))
    for query, analysis in (("", newer), (f"?analysis={older.pk}&verdict=open", older)):
        page = client.get(f"/slides/{slide.pk}/gallery/{query}").content.decode()
        data = json.loads(re.search(r'<script id="gallery-data" type="application/json">(.*?)</script>', page).group(1))
        assert data["analysis"] == str(analysis.pk)
        assert data["viewer_url"] == f"/slides/{slide.pk}/?analysis={analysis.pk}"
        assert data["may"]["judge"] is False
        assert [row["id"] for row in data["regions"]] == [str(region.pk)]
    assert client.get(f"/slides/{slide.pk}/gallery/?analysis={make_analysis().pk}").status_code == 404


def test_a_gallery_without_an_analysis_says_so_and_one_of_a_slide_that_waits_says_where_it_stands(slide):
    client = Client()
    client.force_login(member(slide.case.team, "lead"))
    page = client.get(f"/slides/{slide.pk}/gallery/").content.decode()
    assert "No crops yet" in page
    assert f'href="/slides/{slide.pk}/"' in page
    assert "gallery-link" not in client.get(f"/slides/{slide.pk}/").content.decode()
    Slide.objects.filter(pk=slide.pk).update(state="checking")
    answer = client.get(f"/slides/{slide.pk}/gallery/")
    assert (answer.status_code, answer["Location"]) == (302, f"/slides/{slide.pk}/")
