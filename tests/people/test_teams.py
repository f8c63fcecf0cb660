"""Which team a person looks at."""

import pytest

from tests.factories import MembershipFactory, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def teams():
    return [TeamFactory(name=name) for name in ("Breast", "Canine", "Foreign")]


@pytest.fixture
def reader(teams):
    user = member(teams[0], "reader")
    MembershipFactory(user=user, team=teams[1], role="lead")
    return user


def shown_team(client):
    return client.get("/team/").context["team"]


def test_the_first_team_is_shown_until_another_is_chosen(client, reader, teams):
    client.force_login(reader)
    assert shown_team(client) == teams[0]
    assert client.post("/team/switch/", {"team": teams[1].pk, "next": "/team/"}).url == "/team/"
    assert shown_team(client) == teams[1]


def test_a_team_that_was_left_is_no_longer_shown(client, reader, teams):
    client.force_login(reader)
    client.post("/team/switch/", {"team": teams[1].pk})
    reader.memberships.get(team=teams[1]).delete()
    assert shown_team(client) == teams[0]


@pytest.mark.parametrize("number", ["", "0", "x", "99999999999999999999999"])
def test_a_team_that_is_foreign_or_missing_cannot_be_chosen(client, reader, teams, number):
    client.force_login(reader)
    assert client.post("/team/switch/", {"team": teams[2].pk}).status_code == 404
    assert client.post("/team/switch/", {"team": number}).status_code == 404
    assert shown_team(client) == teams[0]


def test_the_way_back_from_a_switch_stays_on_this_site(client, reader, teams):
    client.force_login(reader)
    assert client.post("/team/switch/", {"team": teams[1].pk, "next": "//evil.example/"}).url == "/cases/"


def test_administrators_see_every_team_and_make_new_ones(client, reader, teams):
    client.force_login(UserFactory(is_superuser=True))
    client.post("/team/new/", {"name": "Melanoma"})
    assert shown_team(client).name == "Melanoma"
    client.post("/team/switch/", {"team": teams[2].pk})
    assert shown_team(client) == teams[2]
    client.force_login(reader)
    assert client.post("/team/new/", {"name": "Mine"}).status_code == 403


def test_a_person_without_a_team_is_told_so(client):
    client.force_login(UserFactory())
    assert "You belong to no team" in client.get("/team/").content.decode()


def test_the_api_lists_exactly_the_visible_teams_and_their_members(client, reader, teams):
    client.force_login(reader)
    assert {row["name"] for row in client.get("/api/teams/").json()["results"]} == {"Breast", "Canine"}
    members = client.get(f"/api/teams/{teams[0].pk}/members/").json()
    assert [(row["user"]["username"], row["role"]) for row in members] == [(reader.username, "reader")]
    assert client.get(f"/api/teams/{teams[2].pk}/").json() == client.get("/api/teams/999999/").json()


def test_who_am_i_names_rights_in_each_team(client, reader):
    client.force_login(reader)
    answer = client.get("/api/whoami/").json()
    rights = {row["team"]["name"]: row["may"] for row in answer["memberships"]}
    assert rights["Breast"]["verdict_give"] and not rights["Breast"]["members_manage"]
    assert rights["Canine"]["members_manage"]
    assert not answer["administrator"]
