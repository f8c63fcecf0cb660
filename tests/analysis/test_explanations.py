"""Grad-CAM on demand: who may ask, what comes back, what is made along with it."""

import io
import uuid

import pytest
from PIL import Image
from rest_framework.test import APIClient

from analysis.models import Analysis, Explanation
from analysis.services import explanations, follow_ups, runs
from mitoweb.lib.jobs.models import Job
from tests.analysis.makers import add_detection, make_analysis, model_with_network
from tests.analysis.test_runs_api import ROLES, client_of, person
from tests.factories import SlideFactory, member

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture
def analysis():
    return make_analysis()


@pytest.fixture
def detection(analysis):
    return add_detection(analysis)


@pytest.fixture
def explained(detection):
    return Explanation.objects.create(
        detection=detection, mitosis_png=b"png 1", other_png=b"png 2", target_layer="blocks.8", revision=1
    )


def address(detection, name: str = "") -> str:
    return f"/api/detections/{detection.pk}/explanation{name or '/'}"


@pytest.mark.parametrize("who", [*ROLES, "administrator", "stranger", "anonymous"])
def test_maps_are_seen_by_the_team_and_asked_for_by_those_who_may(detection, who):
    client = client_of(person(who, detection.analysis.slide.case.team))
    outside = {"stranger": 404, "anonymous": 401}
    assert client.get(address(detection)).status_code == outside.get(who, 200)
    assert client.get(address(detection, "/mitosis.png")).status_code == outside.get(who, 404)
    assert client.post(address(detection)).status_code == (outside | {"observer": 403}).get(who, 202)


def test_without_maps_the_state_is_none_and_then_queued(detection):
    client = client_of(member(detection.analysis.slide.case.team))
    shown = client.get(address(detection)).json()
    assert shown == {
        "state": "none",
        "message": "",
        "mitosis": None,
        "other": None,
        "target_layer": None,
        "subtype_hint": None,
        "model": detection.analysis.model.name,
    }
    assert client.post(address(detection)).json()["state"] == "queued"
    assert client.post(address(detection)).json()["state"] == "queued"
    assert client.get(address(detection)).json()["state"] == "queued"
    assert Job.objects.filter(kind="explanation.make").count() == 1


def test_maps_that_are_there_are_served_as_pictures(explained):
    client = client_of(member(explained.detection.analysis.slide.case.team))
    shown = client.get(address(explained.detection)).json()
    assert (shown["state"], shown["target_layer"]) == ("ready", "blocks.8")
    for name, content in (("mitosis", b"png 1"), ("other", b"png 2")):
        picture = client.get(shown[name], HTTP_ACCEPT="image/avif,image/webp")
        assert (picture.status_code, picture.content, picture["Content-Type"]) == (200, content, "image/png")
        assert picture["Cache-Control"] == "no-store"
    assert client.get(shown["other"].replace("other", "neither")).status_code == 404


def test_asking_for_maps_that_are_there_queues_nothing(explained):
    client = client_of(member(explained.detection.analysis.slide.case.team))
    answer = client.post(address(explained.detection))
    assert (answer.status_code, answer.json()["state"]) == (200, "ready")
    assert not Job.objects.filter(kind="explanation.make").exists()


def test_what_failed_and_was_then_made_one_by_one_is_no_longer_said_to_be_missing(explained):
    analysis = explained.detection.analysis
    job = Job.objects.create(kind=follow_ups.KIND, object_id=analysis.pk, team=analysis.slide.case.team, state="failed")
    Analysis.objects.filter(pk=analysis.pk).update(
        follow_up=job, validity={"grade": "ok", "reasons": [], "measures": {}}
    )
    client = client_of(member(analysis.slide.case.team))
    assert client.get(f"/api/analyses/{analysis.pk}/").json()["follow_up"]["state"] == "failed"
    answer = client.post(f"/api/analyses/{analysis.pk}/explanations/")
    assert (answer.status_code, answer.json()["follow_up"]["state"]) == (200, "none")


def test_a_missing_detection_and_a_foreign_one_look_the_same(detection):
    client = client_of(member(SlideFactory().case.team))
    answers = [client.get(f"/api/detections/{pk}/explanation/") for pk in (detection.pk, 10**17)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert APIClient().get("/api/detections/99999999999999999999/explanation/").status_code in {401, 404}


def test_the_job_makes_the_maps_and_those_of_the_next_in_line(nine_tiles, run_jobs, monkeypatch):
    monkeypatch.setattr(explanations, "STRIP", 0)
    monkeypatch.setattr(explanations, "BATCH", 3)
    model_with_network()
    slide = SlideFactory(file=nine_tiles)
    user = member(slide.case.team)
    analysis = runs.start_analysis(slide, user)
    run_jobs("compute")
    open_ones = analysis.detections.filter(mitosis=False).order_by("-probability")
    wanted, after = open_ones[4], list(open_ones[5:7])
    assert explanations.enqueue_maps(wanted, user) == ("queued", "")
    run_jobs("compute")
    assert explanations.find_map_state(wanted) == ("ready", "")
    made = Explanation.objects.filter(detection__analysis=analysis, detection__mitosis=False)
    assert {row.detection_id for row in made} == {wanted.pk, *(row.pk for row in after)}
    picture = Image.open(io.BytesIO(made.first().mitosis_png))
    assert (picture.size, picture.mode) == ((100, 100), "L")
    assert made.first().target_layer == analysis.model.card["target_layer"]


def test_a_try_that_failed_says_why_and_may_be_repeated(run_jobs):
    """The model is a name only here, so the weights are missing."""
    detection = add_detection(make_analysis(state="cancelled"))
    user = member(detection.analysis.slide.case.team)
    explanations.enqueue_maps(detection, user)
    run_jobs("compute")
    state, message = explanations.find_map_state(detection)
    assert state == "none"
    assert "weights" in message
    assert explanations.enqueue_maps(detection, user)[0] == "queued"


def test_a_detection_number_survives_as_the_object_of_a_job(detection):
    assert explanations.read_detection_id(uuid.UUID(str(explanations.make_job_id(detection)))) == detection.pk
