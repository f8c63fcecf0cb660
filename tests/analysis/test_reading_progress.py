"""What the lists of cases and slides say about analyses and reading."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis.models import Analysis
from mitoweb.lib.jobs.models import Job
from slides.facts import facts
from slides.models import Case
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.analysis.test_runs_changes import judge
from tests.factories import CaseFactory, SlideFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def slide():
    ModelVersionFactory()
    return SlideFactory()


def of_slide(slide, user) -> dict:
    return facts.of_slides([slide], user)[slide.pk]


def of_case(case, user) -> dict:
    return facts.of_cases([case], user)[case.pk]


def put(analysis: Analysis, state: str, **values) -> None:
    claim = {"claim": uuid.uuid4(), "lease_until": timezone.now()} if state == "running" else {}
    Job.objects.filter(pk=analysis.job_id).update(state=state, **claim, **values)


def test_a_slide_goes_from_ready_over_unread_to_read(slide):
    lead = member(slide.case.team, "lead")
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["action"]) == ("Ready", {"label": "Analyse", "url": f"/slides/{slide.pk}/"})
    analysis = make_analysis(slide, state="queued")
    assert of_slide(slide, lead)["state"] == "Waiting"
    put(analysis, "running", done=3, total=12)
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["percent"], shown["fact"]) == ("Analysing", 25, "3 of 12 tiles")
    first, second = add_detection(analysis), add_detection(analysis, x_l0=400)
    add_detection(analysis, x_l0=700, probability=0.1)
    put(analysis, "done")
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["fact"], shown["action"]["label"]) == ("Unread", "2 to judge", "Read")
    judge(first, lead)
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["fact"], shown["percent"]) == ("Reading", "1 of 2 judged", 50)
    judge(second, lead, "not_mitosis")
    assert of_slide(slide, lead)["state"] == "Read"
    assert of_slide(slide, member(slide.case.team, "lead"))["state"] == "Unread"


@pytest.mark.parametrize(("role", "label"), [("technician", "Analyse"), ("reader", "Open"), ("observer", "Open")])
def test_the_action_is_one_that_the_role_may_do(slide, role, label):
    assert of_slide(slide, member(slide.case.team, role))["action"]["label"] == label


def test_failures_and_missing_sizes_are_named(slide):
    lead = member(slide.case.team)
    no_size = SlideFactory(case=slide.case, mpp_x=None, mpp_y=None, mpp_source="unknown")
    assert of_slide(no_size, lead)["state"] == "No pixel size"
    put(make_analysis(slide), "failed", message="The slide's file is missing.")
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["tone"], shown["fact"]) == ("Failed", "bad", "The slide's file is missing.")


def test_a_slide_whose_check_waits_for_a_worker_is_waiting_and_not_being_checked(slide):
    job = Job.objects.create(kind="slide.check", object_id=slide.pk, lane="ingest", team=slide.case.team)
    slide.state, slide.job = "checking", job
    slide.save()
    lead = member(slide.case.team, "lead")
    for state, word, fact in (("queued", "Waiting", "for its check"), ("failed", "Checking", "being checked")):
        Job.objects.update(state=state)
        slide.job.refresh_from_db()
        assert (of_slide(slide, lead)["state"], of_slide(slide, lead)["fact"]) == (word, fact)
        assert of_case(slide.case, lead)["state"] == word


def test_before_the_first_tile_the_step_is_named(slide):
    analysis = make_analysis(slide, state="queued")
    put(analysis, "running", done=0, total=12, step="First look at the nuclei")
    assert of_slide(slide, member(slide.case.team))["fact"] == "first look at the nuclei"


def test_a_failed_run_does_not_hide_the_finished_one_before(slide):
    lead = member(slide.case.team)
    add_detection(make_analysis(slide))
    make_analysis(slide, state="failed")
    assert of_slide(slide, lead)["state"] == "Unread"


def test_a_case_is_as_far_as_its_slowest_slide_and_sums_the_counts(slide):
    case, lead = slide.case, member(slide.case.team, "lead")
    other = SlideFactory(case=case)
    judge(add_detection(make_analysis(slide)), lead)
    waiting = add_detection(make_analysis(other))
    shown = of_case(case, lead)
    assert (shown["state"], shown["count"], shown["count_fact"]) == ("Unread", 2, "1 confirmed")
    judge(waiting, lead)
    shown = of_case(case, lead)
    assert (shown["state"], shown["count"], shown["count_fact"]) == ("Read", 2, "2 confirmed")
    assert of_case(case, member(case.team))["count_fact"] == "model only"


def test_a_case_without_slides_says_so():
    case = CaseFactory()
    shown = of_case(case, member(case.team))
    assert (shown["state"], shown["count"], shown["readers"]) == ("No slides", None, [])


def test_readers_are_done_reading_or_not_begun(slide):
    done, begun, idle = (member(slide.case.team, "reader", username=name) for name in ("ada", "bo", "cy"))
    slide.case.readers.set([done, idle])
    analysis = make_analysis(slide)
    detections = [add_detection(analysis, x_l0=300 * n) for n in range(2)]
    for detection in detections:
        judge(detection, done)
    judge(detections[0], begun)
    readers = of_case(slide.case, idle)["readers"]
    assert [(row["username"], row["state"]) for row in readers] == [("ada", "done"), ("bo", "reading"), ("cy", "none")]


def test_a_case_is_unread_until_its_newest_analysis_is_judged(slide):
    lead = member(slide.case.team)
    cases = Case.objects.visible_to(lead)
    assert not facts.unread(cases, lead).exists()
    add_detection(make_analysis(slide))
    detection = add_detection(make_analysis(slide))
    assert list(facts.unread(cases, lead)) == [slide.case]
    judge(detection, lead, "unsure")
    assert not facts.unread(cases, lead).exists()
    judge(detection, lead, "withdrawn")
    assert list(facts.unread(cases, lead)) == [slide.case]


def test_lists_cost_the_same_for_one_case_and_for_five():
    ModelVersionFactory()
    first = SlideFactory().case
    lead, counts = member(first.team, "lead"), []
    for rows in (1, 5):
        while first.team.cases.count() < rows:
            CaseFactory(team=first.team)
        for case in first.team.cases.all():
            if not case.slides.filter(analyses__isnull=False).exists():
                slide = case.slides.first() or SlideFactory(case=case)
                judge(add_detection(make_analysis(slide)), lead)
        cases = list(Case.objects.filter(team=first.team))
        slides = [slide for case in cases for slide in case.slides.select_related("case__team")]
        with CaptureQueriesContext(connection) as queries:
            assert len(facts.of_cases(cases, lead)) == rows
            assert len(facts.of_slides(slides, lead)) == rows
        counts.append(len(queries))
    assert counts[0] == counts[1]
