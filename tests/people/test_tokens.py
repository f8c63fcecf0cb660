"""Tokens open the REST API, and nothing else, for as long as they live."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from mitoweb.people import services
from mitoweb.people.models import ApiToken, AuditEntry, User
from tests.factories import PASSWORD, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "violet mitosis 7"


@pytest.fixture(autouse=True)
def no_limits_used_up():
    cache.clear()
    yield
    cache.clear()


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


@pytest.mark.parametrize(
    "text", ["", "x", "0" * 64, "0" * 63 + "\0", "two words", "\N{SNOWMAN}".encode().decode("latin-1"), "\xff" * 64]
)
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
    row, token = services.make_token(researcher, "notebook", 30)
    services.revoke_token(row, researcher)
    lines = AuditEntry.objects.order_by("pk")
    assert [line.action for line in lines] == ["token.made", "token.revoked"]
    assert not any(token[:15] in line.text for line in lines)


def change_it_oneself(client, user):
    client.force_login(user)
    new = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post("/accounts/password/change/", new).status_code == 302


def have_an_administrator_set_it(client, user):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    new = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    assert client.post(f"/admin/people/user/{user.pk}/password/", new).status_code == 302


def set_it_in_a_program(client, user):
    user.set_password(NEW_PASSWORD)
    user.save()


@pytest.mark.parametrize("change", [change_it_oneself, have_an_administrator_set_it, set_it_in_a_program])
def test_a_new_password_ends_the_tokens_however_it_is_set(client, researcher, change):
    _, token = services.make_token(researcher, "notebook", 30)
    _, of_another = services.make_token(member(TeamFactory(), "lead"), "theirs", 30)
    change(client, researcher)
    assert Client().get("/api/whoami/", headers=header(token)).status_code == 401
    assert Client().get("/api/whoami/", headers=header(of_another)).status_code == 200
    entry = AuditEntry.objects.get(action="token.ended")
    assert (entry.subject, entry.text) == (f"user {researcher.pk}", "grace has a new password; tokens removed: 1.")


def test_tokens_stay_when_anything_else_of_a_person_changes(client, researcher):
    _, token = services.make_token(researcher, "notebook", 30)
    person = User.objects.get(pk=researcher.pk)
    assert person.check_password(PASSWORD)
    person.first_name = "Grace"
    person.save()
    client.post("/accounts/login/", {"login": "grace", "password": PASSWORD})
    client.logout()
    assert client.get("/api/whoami/", headers=header(token)).status_code == 200


def test_no_token_lives_for_ever(researcher):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(researcher, expiry=None, name="for ever")


def test_wrong_tokens_are_limited_and_those_in_force_are_not(client, researcher):
    _, token = services.make_token(researcher, "notebook", 30)
    answers = [client.get("/api/whoami/", headers=header(f"{number:064x}")) for number in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert answers[0].json()["detail"].startswith("This token is not in force")
    assert answers[-1].json()["code"] == "too_many"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert client.get("/api/whoami/", headers=header(token)).status_code == 200
    assert client.get("/api/whoami/", headers=header("x"), REMOTE_ADDR="10.0.0.7").status_code == 401
    assert AuditEntry.objects.filter(action="sign_in.locked").count() == 1
