"""Signing in: limits that hold for all processes, nothing told about who exists, and how long a session lives."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from mitoweb.people import sessions
from mitoweb.people.models import AuditEntry, User
from tests.factories import PASSWORD, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def no_limits_used_up():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def reader():
    return member(TeamFactory(), "reader", username="ada")


def sign_in(client, name="ada", password=PASSWORD, **kwargs):
    return client.post(LOGIN, {"login": name, "password": password}, **kwargs)


def session_row(client):
    return Session.objects.get(pk=client.cookies[settings.SESSION_COOKIE_NAME].value)


def test_the_right_password_opens_the_cases(client, reader):
    assert sign_in(client).url == "/cases/"
    assert client.get("/account/").status_code == 200


def test_every_page_sends_a_stranger_to_the_sign_in_and_back(client, reader):
    answer = client.get("/account/?x=1")
    assert answer.url == f"{LOGIN}?next=/account/%3Fx%3D1"
    assert (
        client.post(answer.url, {"login": "ada", "password": PASSWORD, "next": "/account/?x=1"}).url == "/account/?x=1"
    )


def test_the_way_back_leads_to_this_site_only(client, reader):
    data = {"login": "ada", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(LOGIN, data).url == "/cases/"


def test_a_fragment_asked_for_without_a_session_sends_the_whole_page_to_the_sign_in(client):
    answer = client.get("/account/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith(LOGIN)


def test_a_wrong_password_and_an_unknown_name_read_the_same(reader):
    UserFactory(username="gone", is_active=False)
    pages = [
        sign_in(Client(), name, "wrong password").content.decode().replace(name, "NAME")
        for name in ("ada", "nobody", "gone")
    ]
    strip = lambda page: "\n".join(line for line in page.splitlines() if "csrfmiddlewaretoken" not in line)  # noqa: E731
    assert len({strip(page) for page in pages}) == 1
    assert "Name or password is wrong." in pages[0]


def test_a_sign_in_of_an_unknown_name_costs_a_password_hash_too(monkeypatch):
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    sign_in(Client(), "nobody", "wrong password")
    assert hashed == ["wrong password"]


def test_five_failures_close_the_account_for_a_while_for_the_right_password_too(client, reader):
    statuses = [sign_in(client, password=f"wrong {n}").status_code for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert sign_in(Client()).status_code == 429


def test_unknown_names_are_limited_like_known_ones(client):
    assert [sign_in(client, "nobody", f"wrong {n}").status_code for n in range(6)] == [200] * 5 + [429]


def test_ten_failures_close_an_address_whatever_names_it_tries(client):
    statuses = [sign_in(client, f"name{n}", "wrong").status_code for n in range(11)]
    assert statuses == [200] * 10 + [429]


def test_a_forged_forwarding_header_gives_no_new_tries(client):
    statuses = [
        sign_in(client, f"name{n}", "wrong", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(12)
    ]
    assert statuses[10:] == [429, 429]


def test_a_varied_host_header_gives_no_new_tries_for_a_name(client, reader):
    for port in range(5):
        sign_in(client, password="wrong", headers={"Host": f"localhost:{8000 + port}"})
    assert sign_in(client, headers={"Host": "localhost:9000"}).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_failures_in_another_process_count():
    member(TeamFactory(), "reader", username="ada")
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        f"client = Client(SERVER_NAME='localhost')\n"
        f"print([client.post({LOGIN!r}, {{'login': 'ada', 'password': f'wrong {{n}}'}}).status_code for n in range(5)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "[200, 200, 200, 200, 200]" in done.stdout
    assert sign_in(Client()).status_code == 429


def test_the_admin_has_no_sign_in_of_its_own(client):
    User.objects.create_superuser("root", password=PASSWORD)
    answer = client.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert answer.status_code == 302 and answer.url.startswith(LOGIN)
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith(LOGIN)


def test_nobody_makes_an_account_unasked(client):
    data = {"username": "mallory", "password1": "violet mitosis 7", "password2": "violet mitosis 7"}
    client.post("/accounts/signup/", data)
    assert not User.objects.exists()


def test_signing_in_changes_the_session_and_csrf_keys(client, reader):
    client.get(LOGIN)
    session = client.session
    session["before"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = before = session.session_key
    sign_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_the_session_cookie_is_for_the_server_alone_and_ends_with_the_browser(client, reader):
    cookie = sign_in(client).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert not cookie["max-age"] and not cookie["expires"]


def test_an_idle_session_ends_and_a_used_one_goes_on(client, reader):
    sign_in(client)
    soon = timezone.now() + timedelta(minutes=5)
    Session.objects.update(expire_date=soon)
    client.get("/account/")
    assert session_row(client).expire_date > soon + timedelta(minutes=20)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/account/").status_code == 302


def test_a_page_that_polls_by_itself_does_not_keep_a_session_alive(client, reader):
    sign_in(client)
    soon = timezone.now() + timedelta(minutes=5)
    Session.objects.update(expire_date=soon)
    client.get("/jobs/changes/")
    assert session_row(client).expire_date == soon


def test_no_session_lives_longer_than_a_day_of_work(client, reader):
    sign_in(client)
    session = client.session
    session[sessions.BEGAN] = (timezone.now() - settings.SESSION_LONGEST - timedelta(seconds=1)).isoformat()
    session.save()
    assert client.get("/account/").status_code == 302
    assert not Session.objects.exists()


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client, reader):
    other = Client()
    sign_in(client)
    sign_in(other)
    new = {"oldpassword": PASSWORD, "password1": "violet mitosis 7", "password2": "violet mitosis 7"}
    assert client.post("/accounts/password/change/", new).status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_a_short_password_is_refused(client, reader):
    sign_in(client)
    new = {"oldpassword": PASSWORD, "password1": "short", "password2": "short"}
    assert client.post("/accounts/password/change/", new).status_code == 200
    assert User.objects.get().check_password(PASSWORD)


def test_signing_out_takes_a_click_and_not_a_link(client, reader):
    sign_in(client)
    client.get("/accounts/logout/")
    assert client.get("/account/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/account/").status_code == 302


def test_forms_without_their_csrf_token_are_refused(reader):
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict).status_code == 403
    strict.force_login(reader)
    assert strict.post("/account/tokens/", {"name": "x", "days": 1}).status_code == 403
    assert not reader.auth_token_set.exists()


def test_passwords_are_kept_with_argon2():
    from mitoweb import settings as product

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PASSWORD_HASHERS", product.PASSWORD_HASHERS)
        from django.contrib.auth import hashers

        hashers.get_hashers.cache_clear()
        hashers.get_hashers_by_algorithm.cache_clear()
        try:
            assert identify_hasher(make_password("x", hasher="default")).algorithm == "argon2"
        finally:
            patch.undo()
            hashers.get_hashers.cache_clear()
            hashers.get_hashers_by_algorithm.cache_clear()


def audited(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("actor", "subject", "text"))


def test_who_signs_in_and_out_and_from_where_is_in_the_audit(client, reader):
    sign_in(client)
    client.post("/accounts/logout/")
    whose = (reader.pk, f"user {reader.pk}")
    assert audited("sign_in.done") == [(*whose, "ada signed in, from 127.0.0.1.")]
    assert audited("sign_in.ended") == [(*whose, "ada signed out, from 127.0.0.1.")]


def test_failures_are_in_the_audit_without_what_was_typed(client, reader, caplog):
    sign_in(client, "ADA", "wrong password")
    sign_in(client, "my secret typed as a name", "x")
    wrong = "did not sign in: wrong name or password, from 127.0.0.1."
    assert audited("sign_in.failed") == [
        (None, f"user {reader.pk}", f"ada {wrong}"),
        (None, "", f"Somebody without an account {wrong}"),
    ]
    logged = [record.fields for record in caplog.records if record.message == "sign_in.failed"]
    assert [(line["user"], line["address"]) for line in logged] == [(reader.pk, "127.0.0.1"), (None, "127.0.0.1")]


def test_a_lock_out_is_told_once_and_says_when_to_try_again(client, reader):
    answers = [sign_in(client, password=f"wrong {n}") for n in range(9)]
    assert answers[-1].headers["Retry-After"] == "300"
    locked = "ada is kept from signing in for some minutes: too many tries, from 127.0.0.1."
    assert audited("sign_in.locked") == [(None, f"user {reader.pk}", locked)]


def test_an_address_that_only_tries_is_told_to_wait(client):
    answers = [sign_in(client, f"name{n}", "wrong") for n in range(31)]
    assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (429, "60")
    assert len(audited("sign_in.locked")) == 1
