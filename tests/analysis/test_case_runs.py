"""All slides of a case in one press, and a slide as soon as it is ready."""

import pytest
from django.test import Client

from analysis.models import Analysis
from analysis.services import case_runs, estimates
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides.models import Slide
from slides.services import doubts, pixel_size, uploads
from tests.analysis.makers import ModelVersionFactory, make_analysis
from tests.factories import CaseFactory, SlideFactory, member, small_slide

pytestmark = pytest.mark.django_db
ASKED = {"code": "base_level_missing", "text": "The full resolution is missing.", "answer": None}
ARRIVAL = "analysis.on_arrival"


@pytest.fixture
def case():
    ModelVersionFactory()
    return CaseFactory()


def as_(case, role="technician") -> Client:
    client = Client()
    client.force_login(member(case.team, role))
    return client


def ended(slide, seconds, area_mm2, **values) -> Analysis:
    analysis = make_analysis(slide)
    Analysis.objects.filter(pk=analysis.pk).update(seconds=seconds, area_mm2=area_mm2, **values)
    return analysis


# One press -------------------------------------------------------------------------------------------------------
def test_one_press_begins_what_is_not_analysed_and_says_why_the_rest_is_not(case):
    fresh, done, stopped, waiting = (SlideFactory(case=case, label=name) for name in ("A", "B", "C", "D"))
    make_analysis(done)
    failed = make_analysis(stopped, Job.State.FAILED)
    make_analysis(waiting, Job.State.QUEUED)
    SlideFactory(case=case, label="E", mpp_x=None, mpp_y=None, mpp_source="unknown")
    SlideFactory(case=case, label="F", doubts=[ASKED])
    SlideFactory(case=case, label="G", kind="sheet")
    client, url = as_(case), f"/api/cases/{case.pk}/analyse/"
    plan = client.get(url).json()
    assert (plan["slides"], plan["seconds"]) == ([str(fresh.pk), str(stopped.pk)], None)
    page = client.get(f"/cases/{case.pk}/").content.decode()
    assert "no estimate yet; 3 left out" in page and "Not E: The slide has no pixel size" in page
    answer = client.post(url).json()
    begun = Analysis.objects.get(slide=fresh)
    assert {row["id"] for row in answer["analyses"]} == {str(begun.pk), str(failed.pk)}
    assert (begun.mode, begun.polygon, begun.normaliser) == ("candidates", None, "none")
    reasons = {row["label"]: row["reason"] for row in answer["left_out"]}
    assert set(reasons) == set("BDEFG")
    assert "analysed already" in reasons["B"] and "under way" in reasons["D"] and "no pixel size" in reasons["E"]
    assert "full resolution" in reasons["F"] and "no tissue slide" in reasons["G"]
    again = client.post(url)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_analyse")
    assert Analysis.objects.count() == 4


def test_a_region_or_another_pixel_size_leaves_a_slide_to_be_analysed(case):
    slide, corrected = SlideFactory(case=case), SlideFactory(case=case)
    region = ended(slide, 5, 1, polygon=[[0, 0], [9, 0], [9, 9]])
    ended(corrected, 5, 1, mpp_x=0.5, mpp_y=0.5)
    assert region.slide == slide
    assert set(case_runs.plan_case(case).new) == {slide, corrected}


@pytest.mark.parametrize(("role", "status"), [("reader", 403), ("observer", 403), ("lead", 200)])
def test_who_runs_analyses_sees_the_press_and_may(case, role, status):
    SlideFactory(case=case)
    client = as_(case, role)
    assert ("data-analyse=" in client.get(f"/cases/{case.pk}/").content.decode()) == (status == 200)
    assert client.post(f"/api/cases/{case.pk}/analyse/").status_code == status
    assert Analysis.objects.exists() == (status == 200)


# How long --------------------------------------------------------------------------------------------------------
def test_the_estimate_is_this_machines_pace_over_the_tissue_to_come(case):
    slide = SlideFactory(case=case, width=40_000, height=20_000, mpp_x=0.25, mpp_y=0.25)  # 50 mm²
    assert case_runs.plan_case(case).time == "no estimate yet"
    earlier = SlideFactory(width=4000, height=4000, mpp_x=0.25, mpp_y=0.25)  # 1 mm²
    ended(earlier, 9000, 0.5, device="another machine")
    for seconds in (20, 30, 400):
        ended(earlier, seconds, 0.5, device="cpu")
    ended(earlier, 1.0, None, device="cpu")  # no tissue
    plan = case_runs.plan_case(case)
    assert plan.seconds == pytest.approx(50 * 0.5 * 60)
    assert plan.time == "about 25 min"
    page = as_(case).get(f"/cases/{case.pk}/").content.decode()
    assert "about 25 min" in page and "Analyse 1 slide " in page
    assert '"estimate": "about 25 min"' in as_(case).get(f"/slides/{slide.pk}/").content.decode()
    other = ModelVersionFactory()
    assert estimates.measure_pace(other) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "no estimate yet"),
        (3, "about 1 min"),
        (89 * 60, "about 89 min"),
        (7200, "about 2 h"),
        (9000, "about 2.5 h"),
    ],
)
def test_a_time_is_told_in_whole_minutes_then_in_hours(seconds, words):
    assert estimates.describe_seconds(seconds) == words


# On arrival ------------------------------------------------------------------------------------------------------
def arrive(case, run_jobs) -> Slide:
    path = small_slide()
    with path.open("rb") as file:
        size = path.stat().st_size
        upload = uploads.create_upload(member(case.team, "technician"), case, uploads.UploadRequest("x.tif", size))
        uploads.receive_piece(upload, 0, file, size, sha256="")
    run_jobs("ingest")
    return Slide.objects.get(case=case)


def test_a_slide_is_analysed_on_arrival_where_its_team_wants_that_and_once(case, run_jobs):
    case_runs.analyse_on_arrival(SlideFactory(case__team=case.team))
    assert not Analysis.objects.exists()
    as_(case, "lead").post("/team/arrival/", {"analyse": "on"})
    slide = arrive(case, run_jobs)
    assert (slide.state, *Analysis.objects.values_list("slide", "created_by").get()) == ("ready", slide.pk, None)
    assert AuditEntry.objects.get(action=ARRIVAL, subject=f"slide {slide.pk}").actor is None
    Analysis.objects.update(polygon=[[0, 0], [9, 0], [9, 9]])
    case_runs.analyse_on_arrival(slide)
    assert Analysis.objects.count() == 1


def test_a_slide_that_waits_for_a_size_or_an_answer_is_analysed_when_it_has_it(case):
    case.team.analyse_on_arrival = True
    case.team.save()
    by = member(case.team, "technician")
    slide = SlideFactory(case=case, mpp_x=None, mpp_y=None, mpp_source="unknown", doubts=[dict(ASKED)])
    sheet = SlideFactory(case=case, kind="sheet")
    for each in (slide, sheet):
        case_runs.analyse_on_arrival(each)
    pixel_size.set_pixel_size(by, slide, pixel_size.from_typed(0.25, 0.25))
    assert not Analysis.objects.exists()
    doubts.accept_doubts(by, slide)
    assert Analysis.objects.get().slide == slide
    pixel_size.set_pixel_size(by, slide, pixel_size.from_typed(0.3, 0.3))
    assert Analysis.objects.count() == 1


def test_a_slide_that_cannot_be_analysed_arrives_all_the_same_and_its_case_says_why(case):
    case.team.analyse_on_arrival = True
    case.team.save()
    case_runs.analyse_on_arrival(SlideFactory(case=case, mpp_x=2.0, mpp_y=2.0))
    assert not Analysis.objects.exists()
    assert "too coarse" in AuditEntry.objects.get(action=ARRIVAL).text


def test_the_setting_is_the_leads_audited_once_and_off_at_first(case):
    assert not case.team.analyse_on_arrival
    assert as_(case, "technician").post("/team/arrival/", {"analyse": "on"}).status_code == 403
    lead = as_(case, "lead")
    for data in ({"analyse": "on"}, {"analyse": "on"}, {}):
        lead.post("/team/arrival/", data)
    entries = AuditEntry.objects.filter(team=case.team, action="team.analyse_on_arrival").order_by("pk")
    assert [entry.text for entry in entries] == [
        "Slides are analysed on arrival.",
        "Slides are no longer analysed on arrival.",
    ]
    page = lead.get("/team/").content.decode()
    assert "Analyse slides on arrival" in page and "checked aria-describedby" not in page
