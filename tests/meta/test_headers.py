"""What every answer carries, errors and other people's pages included, and that asking changes nothing."""

import itertools
import re

import pytest
from django.db import connection

from tests.meta.access_table import TABLE
from tests.meta.routes import all_routes, fill, parameters
from tests.meta.test_access_matrix import ask

pytestmark = pytest.mark.django_db
ROLES = ["stranger", "lead", "administrator"]
# Book-keeping of the sign-in, not data of a lab: when a session ends, how often a password was wrong.
OF_SESSIONS = {"django_session", "django_cache"}


def asked(world, clients, method: str = "GET"):
    """Each address, the role that asks, and the answer."""
    for route, role in itertools.product(all_routes(), ROLES):
        if route in TABLE:
            yield route, role, ask(clients[role], world, route, TABLE[route], method, role, "own")
        else:
            values = dict.fromkeys(parameters(route), world.own.membership.user_id)
            yield route, role, clients[role].generic(method, fill(route, values))


@pytest.fixture(scope="module")
def answers(world, clients):
    return list(asked(world, clients))


def policy(answer) -> dict[str, set[str]]:
    parts = (part.split() for part in answer.headers["Content-Security-Policy"].split(";") if part.strip())
    return {name: set(sources) for name, *sources in parts}


def troubles(answer) -> list[str]:
    wrong = []
    rules = policy(answer)
    for name in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        if rules.get(name) != {"'none'"}:
            wrong.append(f"{name} is {rules.get(name)}")
    if {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:"} & set().union(*rules.values()):
        wrong.append(f"the policy lets too much in: {rules}")
    expected = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    wrong += [
        f"{name} is {answer.headers.get(name)}" for name in expected if answer.headers.get(name) != expected[name]
    ]
    if not {"no-store", "private"} & set(re.split(r"[,\s]+", answer.headers.get("Cache-Control", ""))):
        wrong.append(f"Cache-Control is {answer.headers.get('Cache-Control')}")
    return wrong


def test_every_address_answers_with_the_headers_that_protect_people(answers):
    wrong = [f"{route} as {role}: {trouble}" for route, role, answer in answers for trouble in troubles(answer)]
    assert not wrong, "\n".join(wrong)


def test_pages_carry_neither_inline_scripts_nor_inline_styles_nor_handlers(answers):
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style[\s>]|\sstyle=\"|\son\w+=\"|javascript:", re.I
    )
    wrong = []
    for route, role, answer in answers:
        if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
            found = inline.findall(re.sub(r"<(code|pre)>.*?</\1>", "", answer.content.decode(), flags=re.S))
            wrong += [f"{route} as {role}: {piece}" for piece in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("address", ["/nowhere/", "/api/nowhere/", "/cases/00000000-0000-0000-0000-000000000000/"])
def test_missing_pages_carry_them_too(world, clients, address):
    for role in ROLES:
        assert troubles(clients[role].get(address)) == []


def test_a_failing_view_carries_them_too_and_shows_no_trace(world, clients, monkeypatch):
    from mitoweb.people import views

    def fail(request):
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(views, "current_team", fail)
    answer = clients["lead"].get("/team/")
    assert answer.status_code == 500
    assert troubles(answer) == []
    assert b"secret" not in answer.content and b"Traceback" not in answer.content


def test_errors_of_the_api_are_one_shape_and_never_html(world, clients, monkeypatch):
    from mitoweb.people.api import TeamViewSet

    def fail(self):
        raise RuntimeError("the secret of the database")

    assert clients["stranger"].get("/api/cases/").json()["code"] == "not_authenticated"
    assert clients["lead"].get("/api/nowhere/").json()["code"] == "not_found"
    assert clients["observer"].post("/api/cases/", {}, content_type="application/json").json()["code"] == "invalid"
    assert clients["lead"].put("/api/cases/").json()["code"] == "method_not_allowed"
    monkeypatch.setattr(TeamViewSet, "get_queryset", fail)
    answer = clients["lead"].get("/api/teams/")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Something failed on the server.", "code": "error"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_asking_changes_nothing(world, clients, method):
    """No row of any table is added, changed or removed."""
    wrong, before = set(), touched()
    for route, role, _ in asked(world, clients, method):
        if before != (before := touched()):
            wrong.add(f"{route} as {role}")
    assert not wrong


def touched() -> list[tuple]:
    """Rows added, changed and removed in this transaction, as PostgreSQL counts them: what was undone counts too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables ORDER BY relname")
        return [row for row in cursor.fetchall() if row[0] not in OF_SESSIONS]
