"""Log lines are JSON, carry the request's id and nothing that names a patient."""

import json
import logging

import pytest
from django.http import HttpResponse

from mitoweb.lib.logs import JsonFormatter, RequestIdFilter, RequestIdMiddleware, request_id


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
