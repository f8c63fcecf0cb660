"""Figures that readers add: new ones, ones that were there already, sent twice, withdrawn."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connections, transaction

from analysis.models import Figure, Verdict
from analysis.services import review
from mitoweb.people.models import Role
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import client, url
from tests.factories import RegionFactory, SlideFactory, UserFactory, member

pytestmark = pytest.mark.django_db

NEAR_PX = 7.5 / 0.25  # 7.5 µm on a slide of 0.25 µm per pixel


@pytest.fixture
def analysis():
    return make_analysis()


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.READER)


def add(analysis, user, x_l0=400.0, y_l0=300.0, figure_id=None, **more):
    body = {"id": str(figure_id or uuid.uuid4()), "x_l0": x_l0, "y_l0": y_l0} | more
    return client(user).post(url(analysis, "figures/"), body, format="json")


def test_a_new_figure_carries_its_adders_verdict(analysis, reader):
    answer = add(analysis, reader)
    assert answer.status_code == 201
    figure, verdict = answer.json()["figure"], answer.json()["verdict"]
    assert (figure["x_l0"], figure["y_l0"], figure["reader"]["id"]) == (400, 300, reader.pk)
    assert (verdict["figure"], verdict["detection"], verdict["label"]) == (figure["id"], None, "mitosis")
    assert figure["revision"] == verdict["revision"] == answer.json()["revision"]
    assert answer.json()["detection"] is None


def test_the_same_figure_sent_twice_is_one_figure(analysis, reader):
    figure_id = uuid.uuid4()
    first, second = add(analysis, reader, figure_id=figure_id), add(analysis, reader, figure_id=figure_id)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (Figure.objects.count(), Verdict.objects.count()) == (1, 1)


def test_a_figure_says_what_it_is_added_for(analysis, reader):
    figure_id = uuid.uuid4()
    assert add(analysis, reader, figure_id=figure_id, purpose="correct").json()["verdict"]["purpose"] == "correct"
    assert add(analysis, reader, figure_id=figure_id, purpose="correct").status_code == 200
    assert add(analysis, reader, figure_id=figure_id).status_code == 409
    assert add(analysis, reader, x_l0=800).json()["verdict"]["purpose"] == "validate"


def test_a_used_id_at_another_place_or_by_another_reader_is_a_conflict(analysis, reader):
    figure_id = uuid.uuid4()
    add(analysis, reader, figure_id=figure_id)
    assert add(analysis, reader, x_l0=405, figure_id=figure_id).status_code == 409
    other = member(analysis.slide.case.team, Role.READER)
    assert add(analysis, other, figure_id=figure_id).status_code == 409
    assert Figure.objects.count() == 1


@pytest.mark.parametrize("probability", [0.9, 0.1])
def test_near_a_detection_it_is_a_verdict_on_it_called_or_not(analysis, reader, probability):
    detection, figure_id = add_detection(analysis, 400, 300, probability), uuid.uuid4()
    answer = add(analysis, reader, 400 + NEAR_PX - 0.1, 300, figure_id)
    assert answer.status_code == 200
    assert answer.json()["detection"]["id"] == detection.pk
    assert answer.json()["figure"] is None
    assert answer.json()["verdict"]["detection"] == detection.pk
    assert not Figure.objects.exists()
    again = add(analysis, reader, 400 + NEAR_PX - 0.1, 300, figure_id)
    assert again.json() == answer.json()
    assert Verdict.objects.count() == 1


def test_just_beyond_the_radius_it_is_a_figure_of_its_own(analysis, reader):
    add_detection(analysis, 400, 300)
    assert add(analysis, reader, 400 + NEAR_PX + 0.1, 300).status_code == 201
    # Within the square around the radius, yet outside the circle.
    assert add(analysis, reader, 400 - 0.8 * NEAR_PX, 300 - 0.8 * NEAR_PX).status_code == 201


def test_the_radius_is_in_micrometres_along_both_axes():
    slide = SlideFactory(mpp_x=0.25, mpp_y=0.5)
    analysis = make_analysis(slide)
    reader = member(slide.case.team, Role.READER)
    add_detection(analysis, 400, 300)
    assert add(analysis, reader, 400, 300 + 20).status_code == 201
    assert add(analysis, reader, 400 + 20, 300).status_code == 200


def test_of_two_in_reach_the_nearest_gets_the_verdict(analysis, reader):
    far, near = add_detection(analysis, 380, 300), add_detection(analysis, 415, 300)
    assert add(analysis, reader, 400, 300).json()["detection"]["id"] == near.pk
    assert add(analysis, reader, 395, 300).json()["detection"]["id"] == far.pk


def test_two_readers_who_add_the_same_mitosis_share_one_figure(analysis, reader):
    other = member(analysis.slide.case.team, Role.READER)
    figure = add(analysis, reader, 400, 300).json()["figure"]
    answer = add(analysis, other, 405, 303)
    assert answer.status_code == 200
    assert answer.json()["figure"]["id"] == figure["id"]
    assert review.verdicts_in_force(analysis).count() == 2


def test_a_withdrawn_figure_is_taken_up_again(analysis, reader):
    figure = add(analysis, reader).json()["figure"]
    review.give_verdict(analysis, reader, uuid.uuid4(), figure=uuid.UUID(figure["id"]), label="withdrawn")
    assert not review.verdicts_in_force(analysis).exists()
    assert add(analysis, reader).json()["figure"]["id"] == figure["id"]
    assert review.verdicts_in_force(analysis, reader).get().label == "mitosis"
    assert Figure.objects.count() == 1


@pytest.mark.parametrize(("x_l0", "y_l0"), [(-1, 5), (5, 769), (1025, 5), (1e300, 5)])
def test_a_place_outside_the_slide_is_refused(analysis, reader, x_l0, y_l0):
    answer = add(analysis, reader, x_l0, y_l0)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The place lies outside the slide."
    assert not Figure.objects.exists()


@pytest.mark.parametrize("x_l0", ["nan", "inf", "here", None])
def test_a_place_that_is_no_number_is_refused(analysis, reader, x_l0):
    answer = add(analysis, reader, x_l0)
    assert answer.status_code == 400
    assert "x_l0" in answer.json()["fields"]
    assert not Figure.objects.exists()


def test_a_place_outside_the_analysed_region_is_refused():
    region = RegionFactory()
    analysis = make_analysis(region.slide, region=region)
    reader = member(region.slide.case.team, Role.READER)
    assert add(analysis, reader, 50, 50).json()["detail"] == "The place lies outside the region that was analysed."
    assert add(analysis, reader, 300, 300).status_code == 201


@pytest.mark.parametrize(
    ("role", "code"),
    [("reader", 201), ("lead", 201), ("technician", 403), ("observer", 403), ("researcher", 403)],
)
def test_readers_and_leads_add_figures(analysis, role, code):
    assert add(analysis, member(analysis.slide.case.team, role)).status_code == code


def test_outside_the_team_there_is_nothing_to_add_to(analysis):
    assert add(analysis, UserFactory()).status_code == 404
    assert add(analysis, None).status_code == 401
    assert not Figure.objects.exists()


def test_the_database_refuses_to_change_or_delete_a_figure(analysis, reader):
    add(analysis, reader)
    for change in (lambda: Figure.objects.update(x_l0=1), lambda: Figure.objects.all()._raw_delete("default")):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
def test_two_readers_who_add_at_once_make_one_figure():
    analysis = make_analysis()
    readers = [member(analysis.slide.case.team, Role.READER) for _ in range(6)]

    def send(reader, x_l0) -> None:
        try:
            add(analysis, reader, x_l0, 300)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(reader, 400 + n)) for n, reader in enumerate(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Figure.objects.count() == 1
    assert review.verdicts_in_force(analysis).filter(label="mitosis").count() == 6
