"""Log lines are JSON, carry the request's id and nothing that names a patient."""

import json
import logging

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse

from mitoweb.lib.client_address import find_client_address, group_of_address
from mitoweb.lib.logs import JsonFormatter, RequestIdFilter, RequestIdMiddleware, open_private, request_id, rotate_log


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


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "10.0.0.9", "127.0.0.1"),
        (1, None, "127.0.0.1"),
        (1, "10.0.0.9", "10.0.0.9"),
        (1, "1.2.3.4, 10.0.0.9", "10.0.0.9"),
        (2, "1.2.3.4, 10.0.0.9,10.0.0.8", "10.0.0.9"),
        (2, "10.0.0.8", "127.0.0.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "unknown", ""),
        (1, "<script>", ""),
    ],
)
def test_the_clients_address_is_what_proxies_of_ours_saw(settings, rf, proxies, forwarded, address):
    settings.PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert find_client_address(rf.get("/", headers=headers).META) == address
    assert find_client_address({"REMOTE_ADDR": ""}) == ""


def test_limits_take_the_addresses_that_one_client_may_choose_from_as_one():
    assert (
        group_of_address("2001:db8::1") == group_of_address("2001:db8::ffff:2") != group_of_address("2001:db8:0:1::1")
    )
    assert (group_of_address("10.0.0.1"), group_of_address("")) == ("10.0.0.1", "")


def test_a_log_that_has_grown_is_set_aside_while_it_is_written_and_the_oldest_goes(tmp_path):
    path = tmp_path / "web.log"
    with open_private(path, "ab") as log:
        for line in (b"first", b"second", b"third"):
            log.write(line * 10)
            log.flush()
            assert rotate_log(path, most_bytes=20, kept=2)
        log.write(b"now")
    assert not rotate_log(path, most_bytes=20, kept=2)
    assert path.read_bytes() == b"now"
    assert (tmp_path / "web.log.1").read_bytes() == b"third" * 10
    assert (tmp_path / "web.log.2").read_bytes() == b"second" * 10
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3
    assert not rotate_log(tmp_path / "missing.log")
