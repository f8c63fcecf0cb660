"""Tokens open the REST API, and nothing else, for as long as they live."""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mitoweb.people import services
from mitoweb.people.models import ApiToken
from tests.factories import TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher():
    return member(TeamFactory(name="Breast"), "researcher", username="grace")


def header(token):
    return {"Authorization": f"Token {token}"}


def test_the_command_prints_a_token_that_opens_the_api(client, researcher, capsys):
    call_command("api_token", "grace", "--name", "export", "--days", "7")
    token = capsys.readouterr().out.strip()
    assert client.get("/api/whoami/", headers=header(token)).json()["username"] == "grace"
    row = ApiToken.objects.get()
    assert row.name == "export"
    assert timedelta(days=6) < row.expiry - timezone.now() < timedelta(days=7)
    assert token not in (row.digest, row.token_key)


@pytest.mark.parametrize("arguments", [("nobody",), ("grace", "--days", "0"), ("grace", "--days", "367")])
def test_the_command_refuses_in_one_sentence(researcher, arguments):
    with pytest.raises(CommandError):
        call_command("api_token", *arguments)
    assert not ApiToken.objects.exists()


def test_the_account_page_shows_a_new_token_once(client, researcher):
    client.force_login(researcher)
    client.post("/account/tokens/", {"name": "notebook", "days": 30})
    token = re.search(r'value="([0-9a-f]{64})"', client.get("/account/").content.decode())[1]
    assert token not in client.get("/account/").content.decode()
    client.logout()
    assert client.get("/api/whoami/", headers=header(token)).status_code == 200


def test_a_revoked_token_opens_nothing(client, researcher):
    row, token = services.make_token(researcher, "notebook", 30)
    client.force_login(researcher)
    client.post(f"/account/tokens/{row.public_id}/revoke/")
    client.logout()
    assert client.get("/api/whoami/", headers=header(token)).status_code == 401


def test_the_tokens_of_others_do_not_exist(client, researcher):
    row, _ = services.make_token(UserFactory(), "theirs", 30)
    client.force_login(researcher)
    assert client.post(f"/account/tokens/{row.public_id}/revoke/").status_code == 404
    assert ApiToken.objects.exists()


def test_an_old_token_opens_nothing_and_is_gone(client, researcher):
    row, token = services.make_token(researcher, "notebook", 1)
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/whoami/", headers=header(token)).status_code == 401
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("text", ["", "x", "0" * 64, "two words", "\N{SNOWMAN}".encode().decode("latin-1")])
def test_a_made_up_token_is_401_and_says_how_to_sign_in(client, text):
    answer = client.get("/api/whoami/", headers=header(text))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_a_token_opens_no_pages(client, researcher):
    _, token = services.make_token(researcher, "notebook", 30)
    assert client.get("/account/", headers=header(token)).status_code == 302
    assert client.get("/team/", headers=header(token)).status_code == 302


def test_an_observer_has_no_tokens(client):
    observer = member(TeamFactory(), "observer")
    client.force_login(observer)
    assert client.post("/account/tokens/", {"name": "x", "days": 1}).status_code == 403
    assert "Your role has no tokens" in client.get("/account/").content.decode()


def test_making_and_revoking_are_in_the_audit_without_the_token(client, researcher):
    from mitoweb.people.models import AuditEntry

    row, token = services.make_token(researcher, "notebook", 30)
    services.revoke_token(row, researcher)
    lines = AuditEntry.objects.order_by("pk")
    assert [line.action for line in lines] == ["token.made", "token.revoked"]
    assert not any(token[:15] in line.text for line in lines)
