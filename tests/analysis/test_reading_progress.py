"""What the lists of cases and slides say about analyses and reading."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis import tasks  # noqa: F401 what ends an analysis is registered there
from analysis.models import Analysis
from analysis.services import counting, review, runs
from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.models import Job
from slides.facts import facts
from slides.models import Case, Slide
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.analysis.review_makers import add_detections, on_a_large_slide
from tests.analysis.test_runs_changes import judge
from tests.factories import CaseFactory, SlideFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def slide():
    ModelVersionFactory()
    return SlideFactory()


def of_slide(slide, user) -> dict:
    return facts.of_slides([slide], user)[slide.pk]


def of_case(case, user) -> dict:
    return facts.of_cases([case], user)[case.pk]


def case_words(case, user) -> tuple:
    shown = of_case(case, user)
    return shown["state"], shown["count"], shown["count_fact"], shown["count_open"]


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
    put(analysis, "done")
    shown = of_slide(slide, lead)
    assert (shown["state"], shown["fact"]) == ("Nothing called", "the model called no mitosis")  # nobody has read it
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


def test_a_case_is_as_far_as_the_reading_of_its_slides_and_shows_the_count_of_the_worst():
    case = CaseFactory()
    lead, mate = member(case.team, "lead"), member(case.team, "reader")
    first, second, waiting = (SlideFactory(case=case, label=label) for label in ("A1", "A2", "A10"))
    assert of_case(case, lead)["state"] == "Ready"
    found = [add_detection(make_analysis(first), x_l0=100)]
    assert of_case(case, lead)["fact"] == "1 to judge; 2 slides not analysed"
    on_second = make_analysis(second)
    found += [add_detection(on_second, x_l0=300 * n) for n in range(1, 4)]
    assert case_words(case, mate) == ("Unread", 3, "model only on A2", "3 open")
    judge(found[0], lead)
    assert case_words(case, lead) == ("Reading", 1, "confirmed on A1", "none open")
    for detection in found[1:3]:
        judge(detection, lead)
    assert case_words(case, lead) == ("Reading", 2, "confirmed on A2", "1 open")
    judge(found[3], lead, "not_mitosis")
    shown = of_case(case, lead)
    assert (shown["state"], shown["fact"]) == ("Partly read", "4 judged; A10 not analysed")
    make_analysis(waiting)
    assert case_words(case, lead) == ("Read", 2, "confirmed on A2", "none open")
    assert shown["ruler"] == {
        "dot": 2,
        "up_to": 2,
        "low": pytest.approx(0.24, abs=0.01),
        "high": pytest.approx(7.22, abs=0.01),
    }
    assert case_words(case, mate) == ("Unread", 3, "model only on A2", "3 open")


def test_a_sheet_of_cut_outs_neither_counts_nor_holds_its_case_up(slide):
    lead = member(slide.case.team, "lead")
    sheet = SlideFactory(case=slide.case, label="Sheet", kind="sheet")
    on_sheet = make_analysis(sheet)
    for n in range(5):
        add_detection(on_sheet, x_l0=100 * n)
    assert of_case(slide.case, lead)["state"] == "Ready"
    judge(add_detection(make_analysis(slide)), lead)
    assert case_words(slide.case, lead) == ("Read", 1, f"confirmed on {slide.label}", "none open")
    slide.case.readers.add(lead)
    assert not facts.unread(Case.objects.visible_to(lead), lead).exists()
    assert [row["state"] for row in of_case(slide.case, lead)["readers"]] == ["done"]
    Slide.objects.filter(pk=slide.pk).update(kind="sheet")  # a case of nothing but sheets is read by them, uncounted
    shown = of_case(slide.case, lead)
    assert (shown["state"], shown["fact"], shown["count"]) == ("Reading", "1 of 6 judged", None)
    assert facts.unread(Case.objects.visible_to(lead), lead).exists()


def test_the_list_shows_the_number_that_the_viewer_opens_with(slide):
    lead = member(slide.case.team, "lead")
    analysis = on_a_large_slide(make_analysis(slide))
    places = [(1000 + 300 * n, 1000) for n in range(3)] + [(14_000, 9000)]  # the last is in no square with the others
    for detection in add_detections(analysis, places, [0.9] * 4):
        judge(detection, lead)
    of_viewer = counting.count_mitoses(analysis, lead)["confirmed"]
    assert of_viewer == 3
    for _ in range(2):  # counted, then kept
        assert case_words(slide.case, lead) == ("Read", of_viewer, f"confirmed on {slide.label}", "none open")
    judge(analysis.detections.first(), lead, "not_mitosis")
    assert of_case(slide.case, lead)["count"] == 2


def test_list_and_viewer_round_the_area_alike_where_it_is_just_the_protocols(slide):
    lead = member(slide.case.team, "lead")
    analysis = on_a_large_slide(make_analysis(slide))
    Analysis.objects.filter(pk=analysis.pk).update(area_mm2=1.997)  # printed as 2.00 mm²
    for detection in add_detections(analysis, [(1000, 1000), (14_000, 9000)], [0.9] * 2):
        judge(detection, lead)
    analysis.refresh_from_db()
    of_viewer = counting.count_mitoses(analysis, lead)["confirmed"]
    assert of_case(slide.case, lead)["count"] == of_viewer == 1


def test_a_page_searches_few_squares_and_the_others_are_asked_for_by_case(slide, monkeypatch):
    monkeypatch.setattr("analysis.reading_progress.FRESH_COUNTS", 1)
    lead = member(slide.case.team, "lead")
    cases = [slide.case, SlideFactory(case__team=slide.case.team).case]
    for case in cases:
        add_detections(on_a_large_slide(make_analysis(case.slides.get())), [(1000, 1000)], [0.9])
    shown = facts.of_cases(cases, lead)
    assert [shown[case.pk]["count_later"] for case in cases] == [False, True]
    assert case_words(cases[1], lead)[1] == 1
    assert [row["count_later"] for row in facts.of_cases(cases, lead).values()] == [False, False]


def test_who_does_not_judge_sees_how_far_the_readers_are_and_what_they_count(slide):
    case, analysis = slide.case, make_analysis(slide)
    found = [add_detection(analysis, x_l0=300 * n) for n in range(3)]
    ada, bo = (member(case.team, "reader", username=name) for name in ("ada", "bo"))
    others = [member(case.team, role) for role in ("observer", "technician", "researcher")]
    others.append(UserFactory(is_superuser=True))
    for person in others:
        assert case_words(case, person) == ("Unread", 3, f"model only on {slide.label}", "3 open")
    for detection in found[:2]:
        judge(detection, ada)
    judge(found[0], bo, "not_mitosis")
    for person in others:
        words = ("Reading", 2, f"confirmed by ada on {slide.label}", "1 open, bo 0")
        assert case_words(case, person) == words
        assert of_case(case, person)["differ"] == 1
    assert case_words(case, bo) == ("Reading", 0, f"confirmed on {slide.label}", "2 open")
    assert case_words(case, member(case.team, "reader"))[2] == f"model only on {slide.label}"


def test_verdicts_on_added_figures_are_progress_too(slide):
    case, analysis = slide.case, make_analysis(slide)
    ada, bo = (member(case.team, "reader", username=name) for name in ("ada", "bo"))
    case.readers.set([ada, bo])
    detection = add_detection(analysis)
    figure = review.add_figure(analysis, ada, uuid.uuid4(), 600, 600).figure
    judge(detection, bo)
    assert [row["state"] for row in of_case(case, ada)["readers"]] == ["reading", "reading"]
    cases = Case.objects.visible_to(bo)
    assert list(facts.unread(cases, bo)) == [case]
    review.give_verdict(analysis, bo, uuid.uuid4(), figure=figure.pk, label="mitosis")
    assert not facts.unread(cases, bo).exists()
    assert [row["state"] for row in of_case(case, ada)["readers"]] == ["reading", "done"]


def test_a_case_is_changed_by_its_analyses_and_verdicts(slide):
    lead, case = member(slide.case.team, "lead"), slide.case

    def is_changed_by(act) -> bool:
        Case.objects.filter(pk=case.pk).update(changed="2020-01-01T00:00Z")
        act()
        return Case.objects.get(pk=case.pk).changed.year > 2020

    analysis = runs.start_analysis(slide, lead)
    assert is_changed_by(lambda: runs.start_analysis(slide, lead))
    assert is_changed_by(lambda: runs.cancel_analysis(analysis, lead))
    analysis.refresh_from_db()
    assert is_changed_by(lambda: runs.retry_analysis(analysis, lead))
    job = claims.claim("compute", "a worker")
    assert is_changed_by(lambda: claims.end(job.pk, job.claim, "failed", "It broke off."))
    detection = add_detection(analysis)
    given = {"detection": detection.pk, "label": "mitosis"}
    assert is_changed_by(lambda: review.give_verdict(analysis, lead, uuid.uuid4(), **given))
    assert is_changed_by(lambda: review.add_figure(analysis, lead, uuid.uuid4(), 600, 600))


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
    Analysis.objects.update(job=None)  # the rows of old jobs go
    assert list(facts.unread(cases, lead)) == [slide.case]


def test_lists_cost_the_same_for_one_case_and_for_five():
    ModelVersionFactory()
    first = SlideFactory().case
    lead, counts = member(first.team, "lead"), []
    facts.of_slides(first.slides.all(), lead)  # the reader's roles are asked for once
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
