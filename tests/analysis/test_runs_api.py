"""Analyses over REST: who may do what, what comes back, what a poll costs."""

import gzip
import json
import subprocess
import sys
import uuid

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from analysis.models import Analysis
from analysis.services import changes
from mitoweb.lib.jobs.models import Job
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.analysis.review_makers import add_detections
from tests.analysis.test_runs_changes import judge
from tests.factories import RegionFactory, SlideFactory, UserFactory, member

pytestmark = pytest.mark.django_db

ROLES = ["reader", "technician", "observer", "lead", "researcher"]


@pytest.fixture
def slide():
    ModelVersionFactory()
    return SlideFactory()


@pytest.fixture
def analysis(slide):
    return make_analysis(slide)


def client_of(user) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def person(who: str, team):
    """anonymous, stranger, administrator, or somebody with that role in the team."""
    if who == "anonymous":
        return None
    if who == "stranger":
        return member(SlideFactory().case.team, "lead")
    if who == "administrator":
        return UserFactory(is_superuser=True)
    return member(team, who)


@pytest.mark.parametrize(
    ("who", "seen", "done"),
    [
        ("anonymous", 401, 401),
        ("stranger", 404, 404),
        ("reader", 200, 403),
        ("observer", 200, 403),
        ("researcher", 200, 403),
        ("technician", 200, 201),
        ("lead", 200, 201),
        ("administrator", 200, 201),
    ],
)
def test_each_role_may_see_and_run_what_its_row_says(analysis, who, seen, done):
    client = client_of(person(who, analysis.slide.case.team))
    address = f"/api/analyses/{analysis.pk}/"
    assert client.get(address).status_code == seen
    assert client.get(f"{address}changes/").status_code == seen
    asked = client.post("/api/analyses/", {"slide": str(analysis.slide_id)}, format="json")
    assert asked.status_code == done
    assert client.post(f"{address}cancel/").status_code == {201: 200}.get(done, done)
    assert client.post(f"{address}retry/").status_code == {201: 409}.get(done, done)
    assert Analysis.objects.filter(slide=analysis.slide).count() == (2 if done == 201 else 1)


@pytest.mark.parametrize("who", ["stranger", "lead", "administrator"])
def test_a_foreign_analysis_and_a_missing_one_look_the_same(analysis, who):
    foreign = make_analysis(SlideFactory()) if who == "lead" else analysis
    client = client_of(person(who, analysis.slide.case.team))
    missing = client.get(f"/api/analyses/{uuid.uuid4()}/")
    assert missing.status_code == 404
    if who != "administrator":
        hidden = client.get(f"/api/analyses/{foreign.pk}/")
        assert (hidden.status_code, hidden.json()) == (404, missing.json())
        by_slide = [
            client.post("/api/analyses/", {"slide": str(pk)}, format="json") for pk in (foreign.slide_id, uuid.uuid4())
        ]
        assert by_slide[0].status_code == by_slide[1].status_code == 404
        assert by_slide[0].json() == by_slide[1].json()


def test_lists_hold_exactly_what_the_team_has(analysis):
    foreign = make_analysis(SlideFactory())
    add_detection(foreign)
    mine = add_detection(analysis)
    client = client_of(member(analysis.slide.case.team, "observer"))
    assert [row["id"] for row in client.get("/api/analyses/").json()["results"]] == [str(analysis.pk)]
    assert [row["id"] for row in client.get("/api/detections/").json()["results"]] == [mine.pk]
    for pk in (foreign.slide_id, uuid.uuid4()):
        answer = client.get(f"/api/analyses/?slide={pk}")
        assert (answer.status_code, answer.json()["results"]) == (200, [])
    for pk in (foreign.pk, uuid.uuid4()):
        answer = client.get(f"/api/detections/?analysis={pk}")
        assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_starting_gives_the_analysis_and_twice_the_same_key_gives_it_again(slide):
    client = client_of(member(slide.case.team, "technician"))
    wanted = {"slide": str(slide.pk), "mode": "grid", "normaliser": "macenko", "idempotency_key": "click"}
    first = client.post("/api/analyses/", wanted, format="json")
    again = client.post("/api/analyses/", wanted, format="json")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    shown = first.json()
    assert (shown["state"], shown["mode"], shown["normaliser"], shown["region"]) == ("queued", "grid", "macenko", None)
    assert (shown["done"], shown["total"], shown["eta_s"], shown["detections"]) == (0, 0, None, 0)
    assert Job.objects.count() == 1


def test_a_region_is_given_back_with_its_outline(slide):
    region = RegionFactory(slide=slide, name="Hot spot")
    client = client_of(member(slide.case.team))
    asked = client.post("/api/analyses/", {"slide": str(slide.pk), "region": str(region.pk)}, format="json")
    assert asked.json()["region"] == {"id": str(region.pk), "name": "Hot spot", "polygon": region.polygon}
    region.delete()
    shown = client.get(f"/api/analyses/{asked.json()['id']}/").json()["region"]
    assert (shown["id"], shown["polygon"]) == (None, asked.json()["region"]["polygon"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"slide": "no uuid"},
        {"mode": "dense"},
        {"normaliser": "reinhart"},
        {"model": "newest"},
        {"idempotency_key": "k" * 101},
    ],
)
def test_what_cannot_be_understood_is_a_400_with_a_sentence(slide, wrong):
    client = client_of(member(slide.case.team))
    answer = client.post("/api/analyses/", {"slide": str(slide.pk)} | wrong, format="json")
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_slide_without_a_pixel_size_is_refused_in_words():
    ModelVersionFactory()
    slide = SlideFactory(mpp_x=None, mpp_y=None, mpp_source="unknown")
    answer = client_of(member(slide.case.team)).post("/api/analyses/", {"slide": str(slide.pk)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_pixel_size")


def test_changes_hold_what_the_viewer_needs(analysis):
    detection = add_detection(analysis, 100.00123456789, 100, 0.9000000123)
    reader = member(analysis.slide.case.team, "reader", username="ada.king")
    verdict = judge(detection, reader, "unsure")
    answer = client_of(reader).get(f"/api/analyses/{analysis.pk}/changes/?since=0").json()
    assert set(answer) == {"revision", "more", "analysis", "detections", "verdicts", "figures", "looks", "comments"}
    assert answer["detections"] == [
        {
            "id": detection.pk,
            "number": 1,
            "x_l0": 100.0,
            "y_l0": 100.0,
            "probability": 0.9,
            "mitosis": True,
            "explained": False,
        }
    ]
    shown = answer["verdicts"][0]
    assert (shown["id"], shown["detection"], shown["figure"], shown["label"]) == (
        str(verdict.pk),
        detection.pk,
        None,
        "unsure",
    )
    assert shown["reader"] == {"id": reader.pk, "username": "ada.king", "initials": "AK"}
    assert answer["analysis"]["detections"] == 1
    after = client_of(reader).get(f"/api/analyses/{analysis.pk}/changes/?since={answer['revision']}").json()
    assert (after["detections"], after["verdicts"], after["revision"]) == ([], [], answer["revision"])


def test_changes_of_an_analysis_with_many_detections_come_in_few_small_answers(analysis):
    random = np.random.default_rng(0)
    for _ in range(2):  # two tiles, each more than verdicts come in one answer
        add_detections(analysis, random.random((2_000, 2)) * 90_000, random.random(2_000))
    client, address = client_of(UserFactory(is_superuser=True)), f"/api/analyses/{analysis.pk}/changes/?since=0"
    answer = client.get(address, HTTP_ACCEPT_ENCODING="gzip")
    shown = json.loads(gzip.decompress(answer.content))
    assert (len(shown["detections"]), shown["more"]) == (4_000, False)
    assert len(answer.content) < 4_000 * 30  # 100,000 then take 3 MB
    assert 100_000 / changes.DETECTIONS_PAGE <= 4  # and a last one with what is left


@pytest.mark.parametrize("since", ["-1", "text", "1.5", str(2**63), "²"])
def test_a_revision_that_is_no_whole_number_is_a_400(analysis, since):
    client = client_of(member(analysis.slide.case.team))
    assert client.get(f"/api/analyses/{analysis.pk}/changes/", {"since": since}).status_code == 400


def test_progress_is_shown_in_tiles_with_time_left(analysis):
    Job.objects.filter(pk=analysis.job_id).update(
        state="running", claim=uuid.uuid4(), lease_until=timezone.now(), done=3, total=9, message="At work."
    )
    Analysis.objects.filter(pk=analysis.pk).update(seconds=6.0, device="CPU")
    client = client_of(member(analysis.slide.case.team))
    shown = client.get(f"/api/analyses/{analysis.pk}/changes/").json()["analysis"]
    assert (shown["state"], shown["done"], shown["total"], shown["eta_s"]) == ("running", 3, 9, 12.0)
    assert (shown["message"], shown["device"]) == ("At work.", "CPU")


@pytest.mark.parametrize("address", ["/api/analyses/", "/api/detections/", "/api/jobs/"])
def test_lists_cost_the_same_for_one_row_and_for_five(slide, address):
    client, counts = client_of(member(slide.case.team)), []
    for rows in (1, 5):
        while Analysis.objects.count() < rows:
            add_detection(make_analysis(slide))
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(address).json()["results"]) == rows
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_detections_can_be_narrowed(analysis):
    for n, probability in enumerate((0.2, 0.6, 0.9)):
        add_detection(analysis, x_l0=100 * n, probability=probability)
    client = client_of(member(analysis.slide.case.team))

    def numbers(**query) -> list[int]:
        rows = client.get("/api/detections/", {"analysis": str(analysis.pk)} | query).json()["results"]
        return [row["number"] for row in rows]

    assert numbers() == [1, 2, 3]
    assert numbers(mitosis="true") == [2, 3]
    assert numbers(min_probability="0.7") == [3]
    assert len(client.get("/api/detections/", {"page_size": 2}).json()["results"]) == 2


@pytest.mark.parametrize("role", ROLES)
def test_a_jobs_log_is_for_those_who_run_things(analysis, role):
    Job.objects.filter(pk=analysis.job_id).update(log="Traceback …", message="It stopped with an error.")
    client = client_of(member(analysis.slide.case.team, role))
    shown = client.get(f"/api/jobs/{analysis.job_id}/").json()
    assert shown["message"] == "It stopped with an error."
    assert shown["log"] == ("Traceback …" if role in {"technician", "lead"} else None)
    assert (shown["title"], shown["subject"]) == ("Analysis", str(analysis.slide))
    assert "log" not in client.get("/api/jobs/").json()["results"][0]


def test_jobs_of_other_teams_and_of_the_installation_are_hidden(analysis):
    Job.objects.create(kind="uploads.sweep", object_id=uuid.uuid4(), lane="ingest")
    stranger, admin = client_of(person("stranger", None)), client_of(UserFactory(is_superuser=True))
    assert stranger.get("/api/jobs/").json()["count"] == 0
    assert stranger.get(f"/api/jobs/{analysis.job_id}/").status_code == 404
    assert admin.get("/api/jobs/").json()["count"] == 2
    assert APIClient().get("/api/jobs/").status_code == 401


def test_a_process_that_starts_loads_little_and_the_web_process_never_torch():
    """Every job and every command is a process of its own: what is loaded with it, it waits for."""
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup(); "
        "early = {'torch', 'scipy', 'cv2', 'rest_framework.views'} & set(sys.modules); assert not early, early; "
        "import mitoweb.urls, mitoweb.wsgi; "
        "early = {'torch', 'scipy'} & set(sys.modules); assert not early, early"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
