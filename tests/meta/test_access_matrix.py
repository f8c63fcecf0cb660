"""Every address, every method, every role, on an object of their team, of another team, and on none."""

import itertools

import pytest
from django.db import transaction

from tests.meta.access_table import GROUPS, TABLE, Row
from tests.meta.asking import ask, call_of, send
from tests.meta.routes import all_routes, fill, parameters

pytestmark = pytest.mark.django_db
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
SIGN_IN = "sign in"


def grouped(route: str) -> str | None:
    return next((prefix for prefix in GROUPS if route.startswith(prefix)), None)


def test_every_address_has_a_row_and_every_row_an_address():
    routes = {route for route in all_routes() if not grouped(route)}
    assert routes - TABLE.keys() == set(), "addresses without a row in tests/meta/access_table.py"
    assert TABLE.keys() - routes == set(), "rows of addresses that are gone"
    assert all(any(route.startswith(prefix) for route in all_routes()) for prefix in GROUPS)


def expected(route: str, row: Row, method: str, role: str, which: str) -> int | str:
    call = call_of(row, method)
    if row.preflight and method == "OPTIONS":
        return row.options
    if role == "stranger" and not row.public:
        return 401 if route.startswith("api/") and route != "api/docs/" else SIGN_IN
    if call is None:
        return row.options if method == "OPTIONS" else 405
    if role == "stranger":
        return call.ok
    names_object = row.of and (parameters(route) or method not in {"GET", "HEAD"})
    if row.hidden and role not in call.who:
        return 403
    if names_object and not row.shared:
        if which == "missing" or (which == "foreign" and (role != "administrator" or row.private)):
            # In a body, the object is looked for after the method was allowed at all.
            return call.outside
        if which == "foreign" and call.foreign_to_administrator:
            return call.foreign_to_administrator
    if names_object and row.shared and which == "missing":
        return call.outside
    return call.ok if role in call.who else 403


def seen(answer) -> int | str:
    to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
    return SIGN_IN if to_sign_in else answer.status_code


def objects(row: Row, method: str) -> list[str]:
    """Which objects to ask for. HEAD is GET, and a method that is not there looks for no object: one is enough."""
    if row.of is None or method not in row.calls:
        return ["own"]
    return ["own", "missing"] if row.shared else ["own", "foreign", "missing"]


@pytest.mark.parametrize("route", TABLE, ids=lambda route: route or "/")
def test_the_address_answers_each_role_as_declared(world, clients, route):
    row, wrong = TABLE[route], []
    for method, role in itertools.product(METHODS, clients):
        answers = {which: ask(clients[role], world, route, row, method, role, which) for which in objects(row, method)}
        for which, answer in answers.items():
            if seen(answer) != (wanted := expected(route, row, method, role, which)):
                wrong.append(f"{method} as {role}, {which} object: {seen(answer)}, declared {wanted}")
        alike = {
            (answer.body, answer.headers.get("Content-Type")) for which, answer in answers.items() if which != "own"
        }
        if role != "administrator" and len(alike) > 1:
            wrong.append(f"{method} as {role}: foreign and missing objects can be told apart")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", [route for route in all_routes() if grouped(route)])
def test_an_address_of_another_package_opens_for_its_group_alone(world, clients, route):
    address = fill(route, dict.fromkeys(parameters(route), world.own.membership.user_id))
    wrong = []
    for method, role in itertools.product(METHODS, clients):
        savepoint = transaction.savepoint()
        try:
            status = seen(send(clients[role], method, address, {}, {}))
        finally:
            transaction.savepoint_rollback(savepoint)
        refused = status == SIGN_IN or status in {302, 403, 404, 405}
        if status != SIGN_IN and status >= 500 or (role not in GROUPS[grouped(route)] and not refused):
            wrong.append(f"{method} as {role}: {status}")
    assert not wrong, "\n".join(wrong)
