"""The list of jobs: what it shows to whom, and its two buttons."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis.services import explanations, runs
from mitoweb.lib.jobs import registry
from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.site.jobs.kinds import kinds
from mitoweb.site.jobs.words import describe_duration
from tests.analysis.makers import add_detection, make_analysis
from tests.factories import SlideFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    return make_analysis(state="queued")


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lead(analysis):
    return member(analysis.slide.case.team, "lead")


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def put(job: Job, state: str, **values) -> None:
    claim = {"claim": uuid.uuid4(), "lease_until": timezone.now()} if state == "running" else {}
    Job.objects.filter(pk=job.pk).update(state=state, **claim, **values)


def test_without_jobs_the_page_says_what_will_be_here():
    page = text(signed_in(member(SlideFactory().case.team)).get("/jobs/"))
    assert "No jobs" in page
    assert "appear here" in page


def test_a_job_is_a_row_with_object_state_progress_attempt_and_worker(analysis, lead):
    put(analysis.job, "running", done=3, total=9, attempts=2, worker="host/4f3c 7 1764.2")
    WorkerPulse.objects.create(name="foreman a", at=timezone.now())
    WorkerPulse.objects.create(name="foreman host", at=timezone.now())
    page = text(signed_in(lead).get("/jobs/"))
    for part in (str(analysis.slide), "Analysing", "3 of 9 tiles", "2 of 3", "Worker 2", 'max="9" value="3"'):
        assert part in page
    assert "host/4f3c 7 1764.2" not in page, "the machine's ids are for who opens the row"
    assert "host/4f3c 7 1764.2" in text(signed_in(lead).get(f"/jobs/?open={analysis.job_id}"))
    assert f"/slides/{analysis.slide_id}/?analysis={analysis.pk}" in page


def test_the_page_asks_for_its_table_alone_and_keeps_the_open_row(analysis, lead):
    client = signed_in(lead)
    page = text(client.get(f"/jobs/?open={analysis.job_id}"))
    assert f'hx-get="/jobs/changes/?open={analysis.job_id}"' in page
    table = text(client.get(f"/jobs/changes/?open={analysis.job_id}"))
    assert "<html" not in table
    assert "Asked for" in table


@pytest.mark.parametrize(
    ("role", "reads"),
    [("technician", True), ("lead", True), ("reader", False), ("observer", False), ("researcher", False)],
)
def test_an_open_row_shows_the_message_to_all_and_the_log_to_operators(analysis, role, reads):
    put(analysis.job, "failed", message="The slide could not be read.", log="Traceback of the job")
    page = text(signed_in(member(analysis.slide.case.team, role)).get(f"/jobs/?open={analysis.job_id}"))
    assert "The slide could not be read." in page
    assert ("Traceback of the job" in page) == reads


def test_a_closed_row_shows_no_log(analysis, lead):
    put(analysis.job, "failed", log="Traceback of the job")
    assert "Traceback of the job" not in text(signed_in(lead).get("/jobs/"))


def test_names_of_people_are_escaped(analysis, lead):
    analysis.slide.label = "<b>A1</b>"
    analysis.slide.save()
    assert "&lt;b&gt;A1&lt;/b&gt;" in text(signed_in(lead).get("/jobs/"))


def test_the_buttons_cancel_and_continue_an_analysis(analysis, lead):
    client = signed_in(lead)
    assert "Cancel" in text(client.get("/jobs/"))
    assert client.post(f"/jobs/{analysis.job_id}/cancel/").status_code == 302
    assert runs.analysis_state(type(analysis).objects.get()) == "cancelled"
    assert "Continue" in text(client.get("/jobs/"))
    assert client.post(f"/jobs/{analysis.job_id}/retry/").status_code == 302
    assert runs.analysis_state(type(analysis).objects.get()) == "queued"


@pytest.mark.parametrize(
    ("who", "expected"), [("reader", 403), ("observer", 403), ("researcher", 403), ("stranger", 404), ("nobody", 302)]
)
def test_the_buttons_are_for_those_who_run_analyses(analysis, who, expected):
    team = SlideFactory().case.team if who == "stranger" else analysis.slide.case.team
    client = Client() if who == "nobody" else signed_in(member(team, "lead" if who == "stranger" else who))
    for action in ("cancel", "retry"):
        assert client.post(f"/jobs/{analysis.job_id}/{action}/").status_code == expected
        assert client.get(f"/jobs/{analysis.job_id}/{action}/").status_code in {302, 405}
    assert runs.analysis_state(type(analysis).objects.get()) == "queued"


def test_checks_of_uploads_have_no_buttons_here(lead, analysis):
    slide = analysis.slide
    job = Job.objects.create(kind="slide.check", object_id=slide.pk, lane="ingest", team=slide.case.team)
    put(analysis.job, "done")
    page = text(signed_in(lead).get("/jobs/"))
    assert "Check of a slide" in page
    assert "Cancel" not in page
    assert signed_in(lead).post(f"/jobs/{job.pk}/cancel/").status_code == 403


def test_other_teams_jobs_are_not_listed(analysis):
    assert str(analysis.slide) not in text(signed_in(member(SlideFactory().case.team)).get("/jobs/"))


def test_administrators_see_jobs_of_the_installation_too(analysis):
    Job.objects.create(kind="uploads.sweep", object_id=uuid.uuid4(), lane="ingest")
    page = text(signed_in(UserFactory(is_superuser=True)).get("/jobs/"))
    assert "Tidying of uploads" in page
    assert "deleted since" not in page


def test_the_list_can_be_narrowed_to_what_failed(analysis, lead):
    failed = make_analysis(SlideFactory(case=analysis.slide.case, label="B7"), state="failed")
    page = text(signed_in(lead).get("/jobs/?show=failed"))
    assert str(failed.slide) in page
    assert str(analysis.slide) not in page
    assert str(analysis.slide) in text(signed_in(lead).get("/jobs/?show=nonsense"))


def test_an_explanation_names_its_detection(analysis, lead):
    explanations.enqueue_maps(add_detection(analysis), lead)
    assert f"detection 1 of {analysis.slide}" in text(signed_in(lead).get("/jobs/"))


def test_the_list_costs_the_same_for_two_jobs_and_for_twelve(analysis, lead):
    client, counts = signed_in(lead), []
    explanations.enqueue_maps(add_detection(analysis), lead)
    for rows in (1, 6):
        while Job.objects.filter(kind="analysis.run").count() < rows:
            other = make_analysis(analysis.slide)
            explanations.enqueue_maps(add_detection(other), lead)
        with CaptureQueriesContext(connection) as queries:
            text(client.get("/jobs/changes/"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_kind_that_no_app_registered_is_shown_by_its_own_name_and_has_no_buttons(lead, analysis, monkeypatch):
    monkeypatch.delitem(kinds, "slides.erase")
    put(analysis.job, "done")
    job = Job.objects.create(kind="slides.erase", object_id=uuid.uuid4(), team=analysis.slide.case.team)
    page = text(signed_in(lead).get("/jobs/"))
    assert "slides.erase" in page
    assert "deleted since" in page
    assert "Cancel" not in page
    assert signed_in(lead).post(f"/jobs/{job.pk}/cancel/").status_code == 403


def test_every_kind_of_job_has_a_name_in_the_list():
    handlers = [handler.kind for lane in Job.Lane.values for handler in registry.in_lane(lane)]
    nameless = [kind for kind in handlers if kind not in kinds and not kind.startswith("test.")]
    assert not nameless, f"{', '.join(nameless)} has no JobKind: add one in services/job_kinds.py of its app."


def shown_states(page: str) -> list[str]:
    """What the table says of each job's state: word and small line."""
    states = re.findall(r'<div class="state[^>]*>.*?<span>(.*?)</span></div>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", " ", state).strip() for state in states]


@pytest.mark.parametrize(
    ("state", "outcome", "word"),
    [
        ("queued", "", "Waiting"),
        ("running", "", "Checking"),
        ("done", "", "Done"),
        ("done", "refused", "Refused"),
        ("done", "quarantine", "Waits for an administrator"),
        ("done", "duplicate", "Already here"),
        ("failed", "", "Failed"),
        ("cancelled", "", "Cancelled"),
    ],
)
def test_a_check_says_what_became_of_it_and_never_that_a_part_is_done(lead, analysis, state, outcome, word):
    slide = analysis.slide
    analysis.job.delete()
    job = Job.objects.create(kind="slide.check", object_id=slide.pk, lane="ingest", team=slide.case.team)
    now = timezone.now()
    put(job, state, outcome=outcome, done=850, total=1000, started=now - timedelta(seconds=200), finished=now)
    page = text(signed_in(lead).get("/jobs/"))
    assert shown_states(page) == [word]
    assert "850 of 1000" not in page
    assert ("85 %" in page) == (state not in {"done"})
    assert ("3 min" in page) == (state != "queued")
    listed = text(signed_in(lead).get("/jobs/?show=failed"))
    assert bool(shown_states(listed)) == (word in {"Failed", "Refused"})


def test_a_running_job_names_its_step_and_the_time_left_of_it(lead, analysis):
    began = timezone.now() - timedelta(seconds=40)
    step = {"step": "First look at the nuclei", "step_done": 4, "step_total": 16}
    put(analysis.job, "running", total=9, step_began=began, heartbeat=timezone.now(), started=began, **step)
    page = text(signed_in(lead).get("/jobs/"))
    assert shown_states(page)[0].split() == ["Analysing", *step["step"].split()]
    assert "4 of 16, about 2 min left" in page
    assert 'max="16" value="4"' in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "60 min"), (3720, "1 h 2 min"), (7200, "2 h"), (86400, "1 day")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds, words):
    assert describe_duration(timedelta(seconds=seconds)) == words
