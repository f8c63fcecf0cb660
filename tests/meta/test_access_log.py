"""Whoever the API answers with something is named in the log, by session and by token, whatever the address is."""

import logging

import pytest
from django.test import Client

from mitoweb.people import services
from tests.meta.access_table import API
from tests.meta.asking import ask

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def by_token(world) -> Client:
    _, token = services.make_token(world.people["administrator"], "log", 1)
    return Client(headers={"Authorization": f"Token {token}"}, raise_request_exception=False)


def answered(caplog) -> list[dict]:
    lines = [record.fields for record in caplog.records if record.name == "mitoweb.access"]
    return [line for line in lines if 200 <= line["status"] < 300]


def test_each_answer_of_the_api_names_its_person_and_address(world, by_token, caplog):
    caplog.set_level(logging.INFO, logger="mitoweb.access")
    for route, row in API.items():
        for method in row.calls:
            ask(by_token, world, route, row, method, "administrator", "own")
    assert len(answered(caplog)) > 50
    assert {line["user"] for line in answered(caplog)} == {world.people["administrator"].pk}
    assert {line["address"] for line in answered(caplog)} == {"127.0.0.1"}
    assert None not in {line["token"] for line in answered(caplog)}


def test_so_does_an_answer_to_a_session(world, clients, caplog):
    caplog.set_level(logging.INFO, logger="mitoweb.access")
    clients["lead"].get("/api/whoami/")
    (line,) = answered(caplog)
    assert (line["user"], line["token"], line["address"]) == (world.people["lead"].pk, None, "127.0.0.1")
