"""Requests that cannot be done are answered in words, to pages and to programs, with a status that says why."""

import pytest
from django.db import connection
from django.test import RequestFactory

from mitoweb.lib.json_bodies import MOST_DEEP
from mitoweb.wsgi import application
from tests.factories import TeamFactory, member

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def lead(client):
    user = member(TeamFactory(), "lead")
    client.raise_request_exception = False
    client.force_login(user)
    return user


def nested(depth: int, left="[", right="]") -> str:
    return left * depth + right * depth


@pytest.mark.parametrize("address", ["/api/cases/", "/api/regions/", "/api/analyses/", "/api/uploads/known/"])
@pytest.mark.parametrize(
    "body",
    [
        nested(60_000),
        nested(60_000, '{"a":', "1}").replace(":1}", ":1", 0),
        "[" * 60_000,
        nested(MOST_DEEP + 1),
        f'{{"polygon": {nested(500)}}}',
    ],
    ids=["lists", "objects", "open", "one too many", "in a field"],
)
def test_deeply_nested_json_is_refused_in_words(client, lead, address, body):
    answer = client.post(address, body, "application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "parse_error"


def test_what_is_nested_as_far_as_it_may_be_is_looked_at(client, lead):
    answer = client.post("/api/regions/", nested(MOST_DEEP), "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        *(b'{"mode": "\\ud800"}', b'{"\\udfff": 1}', '{"mode": "ä"}'.encode("latin-1"), b'{"readers": [1e999]}'),
        *(
            b'{"readers": [-1e999]}',
            b'{"slide": NaN}',
            b'{"slide": ' + b"9" * 5000 + b"}",
            b"  ",
            b"{",
            b"\xff\xfe{\0}\0",
        ),
    ],
)
def test_what_is_no_json_is_refused_in_words_of_ours(client, lead, body):
    for address in ("/api/analyses/", "/api/cases/"):
        answer = client.post(address, body, "application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
        assert not set(answer.json()["detail"].split()) & {"codec", "use", "char", "Expecting"}


@pytest.mark.parametrize("charset", ["zlib", "rot13", "idna", "undefined", "unknown"])
def test_a_charset_that_is_no_text_changes_nothing(client, lead, charset):
    """Through the whole application: the test client makes its requests behind what mends this."""

    def ask(method: str, query: str, kind: str, body: bytes = b"") -> str:
        environ = RequestFactory().generic(method, f"/accounts/login/?{query}", body).environ
        said = []
        list(application(environ | {"CONTENT_TYPE": kind}, lambda status, headers: said.append(status)))
        return said[0][:3]

    part = b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\nx\xe4\r\n--x--\r\n'
    assert ask("GET", "next=%E4", f"text/html; charset={charset}") == "200"
    assert ask("POST", "next=%E4", f'multipart/form-data; charset="{charset}"; boundary=x', part) == "403"  # no token
    assert ask("POST", "", f"{FORM};Charset={charset}", b"login=%E4") == "403"


@pytest.mark.parametrize(
    ("address", "kind"), [("/api/cases/", "application/json"), ("/team/new/", FORM), ("/no/", FORM)]
)
def test_a_body_over_the_limit_is_too_large(client, lead, settings, address, kind):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert client.post(address, b"x" * 1001, kind).status_code == 413
    assert client.post(address, b"x" * 1000, kind).status_code != 413
    if kind != FORM:
        assert client.post(address, b"x" * 1001, kind).json()["code"] == "too_large"


def test_a_body_in_chunks_is_not_taken_for_none(client, lead):
    chunked = {"Transfer-Encoding": "chunked"}
    answers = [client.post("/api/cases/", "{}", "application/json", headers=chunked)]
    answers += [client.post("/team/new/", "name=x", FORM, headers=chunked)]
    assert [answer.status_code for answer in answers] == [411, 411]
    assert answers[0].json()["code"] == "length"
    assert "Content-Length" in answers[1].content.decode()


def test_only_pieces_of_uploads_may_be_longer(client, lead, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    address = "/api/uploads/00000000-0000-4000-8000-000000000000/"
    assert client.patch(address, b"x" * 1001, "application/offset+octet-stream").status_code != 413
    assert client.post(address, b"x" * 1001, "application/json").status_code == 413


def test_a_form_with_too_many_fields_and_a_forged_host_are_refused_in_words(client, lead):
    many = "&".join(f"a{number}=1" for number in range(1001))
    for address, body, host in (("/account/", many, "localhost"), ("/api/cases/", "", "evil.example")):
        answer = client.post(address, body, FORM, headers={"Host": host})
        assert answer.status_code == 400
        assert "Nothing was changed." in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_not_a_fault_of_ours(client, lead, monkeypatch, tmp_path):
    """The driver really finds nobody at the socket."""
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", str(tmp_path))
        answers = [client.get(address) for address in ("/cases/", "/accounts/login/?next=/", "/api/cases/", "/no/")]
        answers.append(client.post("/api/cases/", "{}", "application/json"))
        answers.append(client.get("/api/cases/", headers={"Authorization": f"Token {'0' * 64}"}))
        connection.close()
    away = [answer for answer in answers if answer.status_code == 503]
    assert len(away) >= 4
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert {answer["Retry-After"] for answer in away} == {"5"}
    assert answers[2].json()["code"] == "unavailable"
    assert "The database does not answer." in answers[0].content.decode()
    assert client.get("/api/cases/").status_code == 200
