"""Lists of the API take what their description says, and refuse the rest in words instead of taking it for nothing."""

import pytest

from tests.factories import TeamFactory, member

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "asked",
    [
        *("cases/?page=0", "cases/?page=-1", "cases/?page=1.0", "cases/?page=null", "cases/?page="),
        *("slides/?page_size=0", "jobs/?page_size=null", "analyses/?page_size=x", "regions/?page_size=1.5"),
        *("cases/?team=0.5", "cases/?team=1.0", "cases/?team=-1", "cases/?team=9223372036854775808", "cases/?team=x"),
        *("detections/?mitosis=perhaps", "detections/?mitosis=2", "detections/?mitosis=", "detections/?analysis="),
        *("cases/?team=", "cases/?show=%20", "slides/?case=", "jobs/?state=", "regions/?slide=", "activations/?model="),
        "analyses/?slide=",
    ],
)
def test_what_is_not_of_its_kind_is_refused_with_the_name_of_the_parameter(client, asked):
    client.force_login(member(TeamFactory(), "lead"))
    answer = client.get(f"/api/{asked}")
    name = asked.partition("?")[2].partition("=")[0]
    assert answer.status_code == 400
    assert name in answer.json()["fields"]


@pytest.mark.parametrize(
    "asked",
    [
        *("cases/?page=1&page_size=1", "cases/?page=last", "cases/?page_size=9999", "cases/?team=7", "cases/?q="),
        *("detections/?mitosis=true", "detections/?mitosis=False", "cases/?tumour="),
    ],
)
def test_what_is_of_its_kind_is_taken(client, asked):
    client.force_login(member(TeamFactory(), "lead"))
    assert client.get(f"/api/{asked}").status_code == 200


def test_a_page_behind_the_last_is_missing(client):
    client.force_login(member(TeamFactory(), "lead"))
    assert client.get("/api/cases/?page=2").status_code == 404
