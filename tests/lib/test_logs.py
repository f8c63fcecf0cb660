"""Log lines are JSON, carry the request's id and nothing that names a patient."""

import json
import logging

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse

from mitoweb.lib.logs import JsonFormatter, RequestIdFilter, RequestIdMiddleware, open_private, request_id


@pytest.fixture
def lines():
    """What is logged during the test, as parsed lines."""
    collected = []

    class Collect(logging.Handler):
        def emit(self, record):
            collected.append(json.loads(self.format(record)))

    handler = Collect()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestIdFilter())
    logger = logging.getLogger("mitoweb")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield collected
    logger.removeHandler(handler)
    logger.setLevel(level)


def answer(rf, path: str) -> HttpResponse:
    def view(request):
        logging.getLogger("mitoweb.test").info("in the view")
        return HttpResponse(status=204)

    return RequestIdMiddleware(view)(rf.get(path))


def test_the_lines_of_a_request_and_its_answer_carry_one_id(rf, lines):
    response = answer(rf, "/cases/")
    inside, access = lines
    assert inside["request"] == access["request"] == response["X-Request-ID"]
    assert (access["method"], access["path"], access["status"]) == ("GET", "/cases/", 204)
    assert request_id.get() == ""


def test_what_people_search_for_is_not_logged(rf, lines):
    answer(rf, "/cases/?search=Jane+Doe")
    assert "Jane" not in json.dumps(lines)


def test_an_id_from_outside_is_not_taken(rf, lines):
    view = RequestIdMiddleware(lambda request: HttpResponse())
    assert view(rf.get("/", headers={"X-Request-ID": "forged"}))["X-Request-ID"] != "forged"


def test_an_error_keeps_its_trace_on_one_line():
    try:
        raise ZeroDivisionError("on purpose")
    except ZeroDivisionError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("mitoweb", logging.ERROR, __file__, 1, "it failed", (), exc_info)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "ZeroDivisionError: on purpose" in json.loads(text)["trace"]


@pytest.mark.django_db
def test_an_error_of_the_database_is_logged_without_the_values_it_names(lines):
    values = ["DOE^JOHN\n\nJANE"] * 2  # not in the line that fails: traces quote it
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE names (name text UNIQUE) ON COMMIT DROP")
            cursor.execute("INSERT INTO names VALUES (%s), (%s)", values)
    except IntegrityError as error:
        logging.getLogger("mitoweb.test").exception("it failed: %s", error)
    (line,) = lines
    assert "DETAIL" not in json.dumps(line)
    assert "DOE" not in json.dumps(line)
    assert "JANE" not in json.dumps(line)
    assert line["message"].startswith("it failed: duplicate key value violates unique constraint")
    assert "The above exception was the direct cause" in line["trace"]
    assert line["trace"].count("duplicate key value") == 2


def test_a_log_is_closed_to_others_also_when_it_was_open_before(tmp_path):
    old = tmp_path / "web.log"
    old.write_text("earlier\n")
    old.chmod(0o644)
    for path in (old, tmp_path / "new.log"):
        with open_private(path, "ab") as log:
            log.write(b"later\n")
        assert path.stat().st_mode & 0o777 == 0o600
    assert old.read_text() == "earlier\nlater\n"
