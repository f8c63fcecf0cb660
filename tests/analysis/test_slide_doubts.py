"""While something is asked about a slide no analysis begins, and what there is says so."""

import csv
import io
import json

import pytest
from django.test import Client

from analysis.models import Analysis
from analysis.services import counting, exports, runs
from analysis.views.slide_facts import list_slide_facts
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import Role
from slides.services import doubts, pixel_size
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.analysis.review_makers import url
from tests.factories import SlideFactory, TeamFactory, member

pytestmark = pytest.mark.django_db
SIZE = {"code": "pixel_size_contradicted", "text": "The file says 0.25 µm/px and 5×.", "answer": None}
REDUCED = {"code": "base_level_missing", "text": "It seems that the full resolution is missing.", "answer": None}


def client(user) -> Client:
    found = Client()
    found.force_login(user)
    return found


@pytest.fixture
def lead():
    return member(TeamFactory(), Role.LEAD)


@pytest.fixture
def slide(lead):
    return SlideFactory(case__team=lead.memberships.get().team, doubts=[dict(SIZE), dict(REDUCED)])


def test_an_analysis_begins_only_when_all_is_answered(slide, lead):
    ModelVersionFactory()
    answer = client(lead).post("/api/analyses/", {"slide": str(slide.pk)}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "slide_in_doubt")
    assert SIZE["text"] in answer.json()["detail"]
    assert REDUCED["text"] in answer.json()["detail"]
    slide = pixel_size.set_pixel_size(lead, slide, pixel_size.from_typed(0.3, 0.3))
    with pytest.raises(Refused, match="full resolution"):
        runs.start_analysis(slide, lead)
    slide = doubts.accept_doubts(lead, slide)
    assert runs.start_analysis(slide, lead).mpp_x == 0.3


@pytest.fixture
def analysis(slide, lead):
    """One that was made before an answer was taken back."""
    analysis = make_analysis(doubts.accept_doubts(lead, slide))
    add_detection(analysis)
    doubts.ask_again(lead, slide)
    return Analysis.objects.with_facts().get(pk=analysis.pk)


def test_a_queued_analysis_waits_for_the_answer_and_can_then_go_on(analysis, lead, run_jobs):
    Job.objects.filter(pk=analysis.job_id).update(state=Job.State.QUEUED)
    run_jobs("compute")
    analysis = Analysis.objects.with_facts().get(pk=analysis.pk)
    assert analysis.job.state == "failed"
    assert SIZE["text"] in runs.analysis_message(analysis)
    with pytest.raises(Refused) as refused:
        runs.retry_analysis(analysis, lead)
    assert refused.value.code == "slide_in_doubt"
    doubts.accept_doubts(lead, analysis.slide)
    analysis = Analysis.objects.with_facts().get(pk=analysis.pk)
    assert runs.retry_analysis(analysis, lead).job.state == "queued"


def test_one_with_the_size_that_was_in_doubt_does_not_go_on_after_another_was_set(analysis, lead):
    slide = pixel_size.set_pixel_size(lead, analysis.slide, pixel_size.from_typed(0.3, 0.3))
    doubts.accept_doubts(lead, slide)
    with pytest.raises(Refused) as refused:
        runs.retry_analysis(Analysis.objects.with_facts().get(pk=analysis.pk), lead)
    assert refused.value.code == "size_changed"


def test_analysis_count_and_exports_say_what_is_asked_until_it_is_answered(analysis, lead):
    codes = [SIZE["code"], REDUCED["code"]]
    told = client(lead).get(f"/api/analyses/{analysis.pk}/").json()
    count = client(lead).get(url(analysis, "count/")).json()
    for doubts_told in (told["doubts"], count["doubts"]):
        assert [doubt["code"] for doubt in doubts_told] == codes
        assert doubts_told[0]["text"] == SIZE["text"]
    assert count["notes"][:2] == [SIZE["text"], REDUCED["text"]]
    mine = counting.count_mitoses(analysis, lead)
    (row,) = csv.DictReader(io.StringIO("".join(exports.stream_csv(analysis, mine, lead))))
    (feature,) = json.loads("".join(exports.stream_geojson(analysis, mine, lead)))["features"]
    for provenance in (row, feature["properties"]["metadata"]):
        assert provenance["slide_doubts"] == " ".join(codes)
        assert provenance["slide_doubts_reasons"] == f"{SIZE['text']} {REDUCED['text']}"
    analysis.slide = doubts.accept_doubts(lead, analysis.slide)
    count = counting.count_mitoses(analysis, lead)
    assert count["doubts"] == []
    assert "Counted without the full resolution, which is missing." in count["notes"]
    (row,) = csv.DictReader(io.StringIO("".join(exports.stream_csv(analysis, count, lead))))
    assert row["slide_doubts"] == ""


def test_the_viewer_and_the_slides_facts_tell_what_is_asked_and_what_was_answered(slide, lead):
    data = client(lead).get(f"/slides/{slide.pk}/").context["data"]
    assert [doubt["code"] for doubt in data["slide"]["doubts"]] == [SIZE["code"], REDUCED["code"]]
    (section,) = [section for section in list_slide_facts(slide) if section["title"] == "Asked about the file"]
    assert section["facts"][0] == {"term": "Pixel size", "text": SIZE["text"], "note": "Not answered yet."}
    slide = doubts.accept_doubts(lead, slide)
    (section,) = [section for section in list_slide_facts(slide) if section["title"] == "Asked about the file"]
    assert section["facts"][1]["note"] == f"Used as the file says, by {lead.username}."


def test_the_list_of_cases_names_a_slide_that_waits_for_an_answer(slide, lead):
    page = client(lead).get("/cases/?show=help").content.decode()
    assert slide.case.accession in page
    assert "Waits for an answer" in page
