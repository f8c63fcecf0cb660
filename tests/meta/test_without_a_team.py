"""An installation that has no team yet, asked for everything by its administrator."""

import pytest

from tests.factories import UserFactory
from tests.meta.access_table import TABLE
from tests.meta.asking import send
from tests.meta.routes import fill, parameters

pytestmark = pytest.mark.django_db
IN_A_TEAM = {"team/arrival/", "team/invitations/", "team/undo/", "team/protocols/", "cases/new/"}


def test_an_installation_without_a_team_answers_an_administrator_everywhere(client):
    client.force_login(UserFactory(is_superuser=True))
    for route, row in TABLE.items():
        if parameters(route) != [*row.values] or route.startswith("api/"):
            continue
        for method in row.calls.keys() & {"GET", "POST"}:  # an exception of the page ends the test with its traceback
            answer = send(client, method, fill(route, row.values), {}, {})
            refused = b"There is no team to do this in" in answer.content
            assert refused == (route in IN_A_TEAM), f"{method} {route}: {answer.status_code}"
    assert b"Make the first one." in client.get("/cases/").content
