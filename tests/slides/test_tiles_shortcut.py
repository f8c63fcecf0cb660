"""The shortcut in front of Django: the same tiles and headers as Django's, and not one tile more."""

import io
import uuid
from datetime import timedelta
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone

from mitoweb.people import services
from slides.models import Slide
from slides.tiles import pictures
from slides.web_server import shortcut
from slides.web_server.shortcut import TileShortcut
from tests.slides.jpeg_slide import jpeg_slide

OWN = {"x-request-id", "vary"}


class Counting:
    """Django, and how often it was asked."""

    def __init__(self) -> None:
        self.django, self.asked = WSGIHandler(), 0

    def __call__(self, environ, start_response):
        self.asked += 1
        return self.django(environ, start_response)


class Way:
    """A server of one process: the shortcut and Django behind it."""

    def __init__(self) -> None:
        self.behind = Counting()
        self.application = TileShortcut(self.behind)

    def get(self, address: str, client=None, method: str = "GET", **headers) -> tuple[int, dict, bytes]:
        environ = {"PATH_INFO": address, "REQUEST_METHOD": method, "HTTP_HOST": "localhost", "wsgi.input": io.BytesIO()}
        setup_testing_defaults(environ)
        if client is not None:
            environ["HTTP_COOKIE"] = "; ".join(f"{key}={morsel.value}" for key, morsel in client.cookies.items())
        got = {}

        def start(status, lines, *more):
            got["status"], got["headers"] = int(status[:3]), {name.lower(): value for name, value in lines}
            assert len(got["headers"]) == len(lines), "a header came twice"

        answer = self.application(environ | headers, start)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return got["status"], got["headers"], body


@pytest.fixture(autouse=True)
def one_connection():
    """Requests come in as from a real server, which would drop the connection that holds the test's rows."""
    shortcut._sessions.clear()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    pictures.indexes.close()


@pytest.fixture
def slide(cast):
    return jpeg_slide(case=cast.case)


@pytest.fixture
def tile(slide):
    return f"/api/slides/{slide.pk}/image_files/10/1_1.jpeg"


@pytest.fixture
def way(cast, tile):
    """One that has seen Django's headers."""
    way = Way()
    assert way.get(tile, cast.as_(cast.lead))[0] == 200
    assert way.behind.asked == 1
    return way


def test_a_tile_and_its_headers_are_djangos_own(cast, way, tile):
    client = cast.as_(cast.reader)
    short = way.get(tile, client)
    assert way.behind.asked == 1
    long = Way().get(tile, client)
    assert short[0] == long[0] == 200
    assert short[2] == long[2]
    assert {k: v for k, v in short[1].items() if k not in OWN} == {k: v for k, v in long[1].items() if k not in OWN}
    assert "content-security-policy" in short[1]


def test_what_the_browser_has_is_answered_in_short(cast, way, tile):
    client = cast.as_(cast.reader)
    tag = way.get(tile, client)[1]["etag"]
    status, headers, body = way.get(tile, client, HTTP_IF_NONE_MATCH=tag)
    assert (status, body, headers["etag"], way.behind.asked) == (304, b"", tag, 1)


def test_each_host_and_scheme_is_djangos_to_judge_first(cast, way, tile):
    client = cast.as_(cast.reader)
    assert way.get(tile, client, HTTP_HOST="evil.example")[0] == 400
    assert way.get(tile, client, HTTP_HOST="evil.example")[0] == 400
    assert way.get(tile, client, HTTP_HOST="127.0.0.1")[0] == 200
    assert way.behind.asked == 4


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), (None, 401)])
def test_nobody_else_gets_a_tile(cast, way, tile, who, status):
    for _ in range(2):
        assert way.get(tile, cast.as_(who and getattr(cast, who)))[0] == status
    assert way.behind.asked == 3


def test_administrators_see_every_teams_tiles(cast, way, tile):
    assert way.get(tile, cast.as_(cast.admin))[0] == 200
    assert way.behind.asked == 1


def lose_membership(cast, slide):
    cast.reader.memberships.all().delete()
    return 404


def switch_off(cast, slide):
    services.deactivate_user(cast.reader, cast.admin)
    return 401


def change_password(cast, slide):
    cast.reader.set_password("another violet 7")
    cast.reader.save()
    return 401


def close_slide(cast, slide):
    Slide.objects.filter(pk=slide.pk).update(state="refused")
    return 404


def delete_slide(cast, slide):
    Slide.objects.filter(pk=slide.pk).delete()
    return 404


def end_session(cast, slide):
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()
    return 401


def let_session_expire(cast, slide):
    from django.contrib.sessions.models import Session

    Session.objects.all().update(expire_date=timezone.now())
    return 401


@pytest.mark.parametrize(
    "change",
    [lose_membership, switch_off, change_password, close_slide, delete_slide, end_session, let_session_expire],
    ids=lambda change: change.__name__,
)
def test_who_loses_access_loses_the_next_tile(cast, way, slide, tile, change):
    client = cast.as_(cast.reader)
    first = way.get(tile, client)
    assert (first[0], way.behind.asked) == (200, 1)
    status = change(cast, slide)
    assert way.get(tile, client)[0] == status
    assert way.get(tile, client, HTTP_IF_NONE_MATCH=first[1]["etag"])[0] == status


def test_an_administrator_who_is_one_no_more_loses_foreign_tiles(cast, way, tile):
    client = cast.as_(cast.admin)
    assert way.get(tile, client)[0] == 200
    cast.admin.is_superuser = False
    cast.admin.save()
    assert way.get(tile, client)[0] == 404


def test_a_session_that_is_to_be_prolonged_or_is_too_old_is_djangos(cast, way, tile, settings):
    from django.contrib.sessions.models import Session

    client = cast.as_(cast.reader)
    way.get(tile, client)
    Session.objects.all().update(expire_date=timezone.now() + timedelta(minutes=5))
    assert way.get(tile, client)[0] == 200
    assert way.behind.asked == 2
    assert way.get(tile, client)[0] == 200
    assert way.behind.asked == 2
    settings.SESSION_LONGEST = timedelta(0)
    assert way.get(tile, client)[0] == 401


@pytest.mark.parametrize("cookie", ["", "x" * 32, "'; drop table", "é" * 32, "a" * 5000])
def test_cookies_that_are_no_session_are_djangos(cast, way, tile, cookie):
    assert way.get(tile, HTTP_COOKIE=f"mitoweb-session={cookie}")[0] == 401


def test_tokens_and_other_methods_are_djangos(cast, way, tile):
    _, token = services.make_token(cast.reader, "t", 1)
    assert way.get(tile, HTTP_AUTHORIZATION=f"Token {token}")[0] == 200
    assert way.get(tile, cast.as_(cast.reader), method="HEAD")[0] == 200
    assert way.get(tile, cast.as_(cast.reader), method="POST")[0] in (403, 405)
    assert way.behind.asked == 4


def test_addresses_that_do_not_exist_are_djangos(cast, way, tile):
    client = cast.as_(cast.reader)
    for address in ("11/0_0", "10/4_0", "10/0_3", "999/0_0", "10/999999999_0", "10/-1_0"):
        assert way.get(tile.replace("10/1_1", address), client)[0] == 404


def test_a_session_two_people_used_is_the_second_ones(cast, way, tile):
    client = cast.as_(cast.reader)
    assert way.get(tile, client)[0] == 200
    client.force_login(cast.stranger)
    assert way.get(tile, client)[0] == 404


def test_busy_decoders_are_said_at_once(cast, way, tile, monkeypatch):
    def busy(*args):
        raise pictures.Busy

    monkeypatch.setattr(pictures, "get_tile", busy)
    status, headers, body = way.get(tile, cast.as_(cast.reader))
    assert (status, headers["retry-after"], way.behind.asked) == (503, "1", 1)
    assert b'"code": "busy"' in body


def test_the_query_holds_the_rule_of_visible_to():
    assert "people_membership" in shortcut.prepared_query(False)[1].decode()
    assert "people_membership" not in shortcut.prepared_query(True)[1].decode()


def asked(tile, client, *more: str, host: str = "localhost", start: str = "GET {} HTTP/1.1") -> bytes:
    cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in client.cookies.items())
    lines = [start.format(tile), f"Host: {host}", f"Cookie: {cookie}", "Accept: image/*", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_browsers_plain_request_is_answered_whole(cast, way, tile):
    client = cast.as_(cast.reader)
    short = way.get(tile, client)
    head, _, body = way.application.answer_bytes(asked(tile, client, "Sec-Fetch-Dest: image")).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert (status, body) == ("HTTP/1.1 200 OK", short[2])
    assert headers.items() >= {name: value.lower() for name, value in short[1].items()}.items()
    tag = f"If-None-Match: {short[1]['etag']}"
    assert way.application.answer_bytes(asked(tile, client, tag)).startswith(b"HTTP/1.1 304 Not Modified\r\n")
    cast.reader.memberships.all().delete()
    assert way.application.answer_bytes(asked(tile, client)) is None


@pytest.mark.parametrize(
    "more",
    [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close", "Upgrade: h2c", "Expect: 100-continue",
        "Authorization: Token x", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", "Host: evil.example",
        "Cookie: mitoweb-session=x", "Cookie : x", " folded", "X_Odd: 1", "Proxy: x", "Accept:\timage/*",
        "Range: bytes=0-1",
    ],
)  # fmt: skip
def test_any_other_line_leaves_the_request_to_the_server(cast, way, tile, more):
    assert way.application.answer_bytes(asked(tile, cast.as_(cast.reader), more)) is None


@pytest.mark.parametrize("start", ["GET {} HTTP/1.0", "HEAD {} HTTP/1.1", "get {} HTTP/1.1", "GET {}?a HTTP/1.1"])
def test_any_other_first_line_leaves_the_request_to_the_server(cast, way, tile, start):
    assert way.application.answer_bytes(asked(tile, cast.as_(cast.reader), start=start)) is None


def test_a_part_of_a_request_or_more_than_one_is_left_to_the_server(cast, way, tile):
    whole = asked(tile, cast.as_(cast.reader))
    for request in (whole[:-2], whole[:30], whole + whole, whole + b"x", whole.replace(b"\r\n", b"\n"), b"\xff" * 50):
        assert way.application.answer_bytes(request) is None
    assert way.application.answer_bytes(asked(tile, cast.as_(cast.reader), host="evil.example")) is None


def test_who_was_shown_tiles_from_where_has_one_line_a_minute(cast, way, tile, caplog, monkeypatch):
    caplog.set_level("INFO", logger="mitoweb.access")
    client = cast.as_(cast.reader)
    way.get(tile, client, REMOTE_ADDR="10.0.0.5")
    way.get(tile, client, REMOTE_ADDR="10.0.0.5")
    way.application.answer_bytes(asked(tile, client), "10.0.0.5")
    monkeypatch.setattr(shortcut, "TOLD_EVERY_S", 0)
    way.application.answer_bytes(asked(tile, client), "10.0.0.5")
    lines = [record.fields for record in caplog.records if record.message == "tiles"]
    assert [(line["user"], line["address"], line["tiles"]) for line in lines] == [
        (cast.reader.pk, "10.0.0.5", 1),
        (cast.reader.pk, "10.0.0.5", 3),
    ]
    assert lines[0]["path"] == tile.partition("10/")[0]
    assert [line["status"] for line in lines] == [200, 200]


def test_a_minute_after_a_line_there_is_another(caplog, monkeypatch):
    caplog.set_level("INFO", logger="mitoweb.access")
    shown, at = shortcut.ShownTiles(), iter([1000.0, 1059.9, 1060.0])
    monkeypatch.setattr(shortcut.time, "monotonic", lambda: next(at))
    for _ in range(3):
        shown.count_tile("a key", uuid.UUID(int=1), "10.0.0.5")
    assert [record.fields["tiles"] for record in caplog.records if record.message == "tiles"] == [1, 2]


def test_slides_are_kept_as_objects_until_their_rows_change():
    def row(folder: str, width: int) -> list[bytes]:
        facts = [f"00000000-0000-4000-8000-{folder:0>12}", folder, "[]", "", str(width), "9", "254", "1", "0", "t"]
        return [fact.encode() for fact in facts]

    first, other = (shortcut.slide_of_row(row(folder, 640)) for folder in ("1", "2"))
    assert (first.folder, first.width, other.folder) == ("1", 640, "2")
    assert shortcut.slide_of_row(row("1", 640)) is first
    assert shortcut.slide_of_row(row("1", 641)).width == 641
