"""A real installation starts with one administrator, made on the command line."""

import pytest
from django.core.management import call_command

from mitoweb.people.models import Team, User
from tests.factories import TeamFactory

pytestmark = pytest.mark.django_db


def test_createsuperuser_makes_an_administrator_who_signs_in_and_sees_every_team(client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long word for tests")
    call_command("createsuperuser", username="first", email="", interactive=False)
    team = TeamFactory()
    response = client.post("/accounts/login/", {"login": "first", "password": "a long word for tests"})
    assert (response.status_code, response["Location"]) == (302, "/cases/")
    assert client.get("/cases/").status_code == 200
    assert list(Team.objects.visible_to(User.objects.get(username="first"))) == [team]
