"""What every answer carries, errors and other people's pages included, and that asking changes nothing."""

import itertools
import re
from dataclasses import dataclass

import pytest
from django.db import connection, transaction
from django.http import HttpResponse

from tests.factories import TeamFactory
from tests.meta.access_table import TABLE
from tests.meta.asking import ask
from tests.meta.routes import all_routes, fill, parameters

pytestmark = pytest.mark.django_db
ROLES = ["stranger", "lead", "administrator"]
# Book-keeping of the sign-in, not data of a lab: when a session ends, how often a password was wrong.
OF_SESSIONS = {"django_session", "django_cache"}


@dataclass
class Asked:
    """One request of one role, its answer, and whether any row of any table was touched by it."""

    what: str
    answer: HttpResponse
    changed: bool


def ask_everywhere(world, clients, method: str, roles: list[str]) -> list[Asked]:
    found, before = [], touched()
    for route, role in itertools.product(all_routes(), roles):
        if route in TABLE:
            answer = ask(clients[role], world, route, TABLE[route], method, role, "own")
        else:
            values = dict.fromkeys(parameters(route), world.own.membership.user_id)
            answer = clients[role].generic(method, fill(route, values))
        found.append(Asked(f"{method} {route} as {role}", answer, before != (before := touched())))
    return found


@pytest.fixture(scope="module")
def got(world, clients) -> list[Asked]:
    return ask_everywhere(world, clients, "GET", ROLES)


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


def test_every_address_answers_with_the_headers_that_protect_people(got):
    wrong = [f"{asked.what}: {trouble}" for asked in got for trouble in troubles(asked.answer)]
    assert not wrong, "\n".join(wrong)


def test_pages_carry_neither_inline_scripts_nor_inline_styles_nor_handlers(got):
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style[\s>]|\sstyle=\"|\son\w+=\"|javascript:", re.I
    )
    wrong = []
    for asked in got:
        answer = asked.answer
        if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
            found = inline.findall(re.sub(r"<(code|pre)>.*?</\1>", "", answer.content.decode(), flags=re.S))
            wrong += [f"{asked.what}: {piece}" for piece in found]
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


def test_asking_changes_nothing(world, clients, got):
    """But for the audit's line of an export."""
    others = [asked for method in ("HEAD", "OPTIONS") for asked in ask_everywhere(world, clients, method, ["lead"])]
    changed = [asked.what for asked in got + others if asked.changed]
    assert [what for what in changed if not (what.startswith("GET") and "/export." in what)] == []
    assert len(changed) == 5  # of two formats by the two roles that were asked for and may, and of a data set


def test_a_change_is_seen_even_when_it_was_undone(world):
    before = touched()
    savepoint = transaction.savepoint()
    TeamFactory()
    transaction.savepoint_rollback(savepoint)
    assert touched() != before


def touched() -> list[tuple]:
    """Rows added, changed and removed in this transaction, as PostgreSQL counts them: what was undone counts too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables ORDER BY relname")
        return [row for row in cursor.fetchall() if row[0] not in OF_SESSIONS]
