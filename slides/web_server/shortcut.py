"""The shortcut of a tile: a WSGI layer in front of Django that answers what a viewer asks for thousands of times.

Most of what a tile costs is not the tile. Here one prepared query reads the session, the person and the slide, with
the same `visible_to` as everywhere, at each request. Only a tile that may be shown is answered; whatever is else (no
session, a token, no right, a session to be prolonged, an address that does not exist, any doubt) goes on to Django,
whose answers are the only refusals there are. Headers that protect people are those Django sent with a tile before,
to the same host by the same scheme. Tiles answered here share access lines: one a minute for each person and slide.
"""

import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connections
from django.db.models import Subquery, TextField, Value
from django.db.models.functions import Cast, Concat, Now
from django.utils.crypto import constant_time_compare
from psycopg import Error as DriverError
from psycopg.pq import ExecStatus, PGconn

from mitoweb.lib.client_address import find_client_address
from mitoweb.lib.logs import access
from mitoweb.people import sessions
from mitoweb.people.models import User
from slides.api.images import BUSY, CACHE, by_nginx, tag_of, tile_address
from slides.models import Slide
from slides.tiles import pictures as tiles

TILE = re.compile(r"/api/slides/([0-9a-f-]{36})/image_files/(\d{1,3})/(\d{1,9})_(\d{1,9})\.jpeg", re.ASCII)
KEY = re.compile(r"[0-9a-z]{8,64}", re.ASCII)
OWN_HEADERS = {"content-type", "content-length", "etag", "cache-control", "x-request-id", "x-accel-redirect"}
MOST_REMEMBERED = 4096  # sessions, slides and hosts remembered; each is compared with the database before it counts
SLIDE_FIELDS = [
    "id", "folder", "files", "sha256", "width", "height", "tile_size", "tile_overlap", "scene", "has_made_levels",
]  # fmt: skip
TOLD_EVERY_S = 60
log = logging.getLogger(__name__)
Application = Callable[[dict, Callable], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class RememberedSession:
    """What a session said when it was last read: true only as long as the database holds the same row."""

    session_data: bytes
    user_id: int
    is_superuser: bool
    person: bytes
    began: datetime


class ShownTiles:
    """Who was shown which slide from where, in the access log: at the first tile, then once a minute with how many."""

    def __init__(self) -> None:
        self.counted: dict[tuple, tuple[float, int]] = {}  # when the last line was written, tiles since

    def count_tile(self, key: str, slide_id: uuid.UUID, client: str) -> None:
        remembered = _sessions.get(key)
        of_whom = (remembered.user_id if remembered else None, slide_id, client)
        told, tiles = self.counted.get(of_whom, (0.0, 0))
        now = time.monotonic()
        if told and now - told < TOLD_EVERY_S:
            self.counted[of_whom] = told, tiles + 1
            return
        if len(self.counted) >= MOST_REMEMBERED:
            self.counted.clear()
        self.counted[of_whom] = now, 0
        path = f"/api/slides/{slide_id}/image_files/"
        fields = {"method": "GET", "path": path, "status": 200, "tiles": tiles + 1}
        access.info("tiles", extra={"fields": fields | {"user": of_whom[0], "address": client}})


class TileShortcut:
    """Wraps the WSGI application."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.headers: dict[tuple, list[tuple[str, str]]] = {}
        self.shown = ShownTiles()

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        address = TILE.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "GET" else None
        if address is None or environ.get("HTTP_AUTHORIZATION"):
            return self.application(environ, start_response)
        asked_as = tuple(environ.get(name) for name in ("HTTP_HOST", "wsgi.url_scheme", *FORWARDED))
        headers = self.headers.get(asked_as)
        if headers is None:
            return self.application(environ, self.remember_headers(asked_as, start_response))
        answer = self.answer_tile(environ, address, find_client_address(environ))
        if answer is None:
            return self.application(environ, start_response)
        status, own, body = answer
        start_response(status, own + headers)
        return [body]

    def answer_bytes(self, request: bytes, client: str = "") -> bytes | None:
        """The whole answer to the bytes of a request, None where the server has to read it as it reads any other.

        client: the address that the connection comes from.
        """
        environ = parse_plain_request(request)
        address = TILE.fullmatch(environ["PATH_INFO"]) if environ else None
        if address is None:
            return None
        headers = self.headers.get((environ["HTTP_HOST"], "http", None, None))
        answer = self.answer_tile(environ, address, client) if headers is not None else None
        if answer is None:
            return None
        status, own, body = answer
        lines = [f"HTTP/1.1 {status}", f"Date: {formatdate(usegmt=True)}", "Connection: keep-alive"]
        lines += [f"{name}: {value}" for name, value in own + headers]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def remember_headers(self, asked_as: tuple, start_response: Callable) -> Callable:
        """Keeps the headers of Django's answer, when it is a tile."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            names = {name.lower() for name, _ in headers}
            if status.startswith("200") and "set-cookie" not in names and len(self.headers) < MOST_REMEMBERED:
                self.headers[asked_as] = [pair for pair in headers if pair[0].lower() not in OWN_HEADERS]
            return start_response(status, headers, *more)

        return start

    def answer_tile(self, environ: dict, address: re.Match, client: str) -> tuple[str, list, bytes] | None:
        """(status, headers, body) of a tile that may be shown, None for everything else."""
        key = find_session_key(environ.get("HTTP_COOKIE", ""))
        level, column, row = (int(number) for number in address.groups()[1:])
        slide = find_shown_slide(key, address[1]) if key else None
        if slide is None:
            return None
        tag = tag_of(slide, tile_address(level, column, row))
        own = [("ETag", tag), ("Cache-Control", CACHE)]
        try:
            tiles.get_geometry(slide).refuse_missing(level, column, row)
            if tag in environ.get("HTTP_IF_NONE_MATCH", ""):
                self.shown.count_tile(key, slide.pk, client)
                return "304 Not Modified", own, b""
            picture = tiles.get_tile(slide, level, column, row)
        except (IndexError, tiles.NoPicture):
            return None  # Django says it; what failed is remembered, so that it is not tried twice
        except tiles.Busy:
            body = json.dumps(BUSY).encode()
            own = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", "1")]
            return "503 Service Unavailable", [*own, ("Cache-Control", "no-store")], body
        self.shown.count_tile(key, slide.pk, client)
        redirect = by_nginx(picture)
        body = picture.body if redirect is None else b""
        own += [("Content-Type", "image/jpeg"), ("Content-Length", str(len(body)))]
        return "200 OK", own + ([("X-Accel-Redirect", redirect)] if redirect else []), body


KEY_MARK, USER_MARK, SLIDE_MARK = "key of the session", -770_001, uuid.UUID(int=770_001)
# A request of a browser without a body, without a proxy's word, whole, and nothing behind it.
PLAIN = re.compile(rb"GET (/[!-~]{1,200}) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+: [\t -~]*\r\n){1,60})\r\n")
KEEP = ("connection", "keep-alive")
ONCE = {"host": "HTTP_HOST", "cookie": "HTTP_COOKIE", "if-none-match": "HTTP_IF_NONE_MATCH"}
HARMLESS = {
    "accept", "accept-encoding", "accept-language", "cache-control", "dnt", "pragma", "priority", "referer",
    "user-agent",
}  # fmt: skip
FORWARDED = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
_sessions: dict[str, RememberedSession] = {}
_slides: dict[bytes, tuple[list[bytes], Slide]] = {}
_thread = threading.local()


def parse_plain_request(request: bytes) -> dict | None:
    """What is needed of a request in which every line is known to be harmless; None for any other."""
    found = PLAIN.fullmatch(request)
    if found is None:
        return None
    environ = {"PATH_INFO": found[1].decode("ascii")}
    for line in found[2].decode("ascii").splitlines():
        name, _, value = line.partition(": ")
        name = name.lower()
        if name in ONCE:
            if ONCE[name] in environ:
                return None
            environ[ONCE[name]] = value.strip()
        elif name not in HARMLESS and not name.startswith("sec-") and (name, value) != KEEP:
            return None
    return environ if "HTTP_HOST" in environ else None


def find_session_key(cookies: str) -> str | None:
    """The key in the session cookie; None where there is none, or it could not be one, or there are two."""
    found = re.findall(rf"(?:^|;) *{re.escape(settings.SESSION_COOKIE_NAME)}=([^;]*)", cookies)
    return found[0] if len(found) == 1 and KEY.fullmatch(found[0]) else None


def find_shown_slide(key: str, slide_id: str) -> Slide | None:
    """The slide, if this session is in force and its person may see it now; None for no and for any doubt."""
    try:
        remembered = _sessions.get(key) or read_session(key)
        row = None if remembered is None else read_row(remembered, key, slide_id)
        if row is None:
            _sessions.pop(key, None)
            return None
    except (DriverError, DatabaseError):
        log.warning("The shortcut of tiles does without its query", exc_info=True)
        _thread.__dict__.clear()
        return None
    session, person, *facts = row
    ends, _, session_data = (session or b"").partition(b"|")
    if session_data != remembered.session_data or person != remembered.person:
        _sessions.pop(key, None)
        return None
    now = datetime.now(UTC)
    idle_end = now + timedelta(seconds=settings.SESSION_COOKIE_AGE) - sessions.EXTEND_EVERY
    if now - remembered.began > settings.SESSION_LONGEST or datetime.fromisoformat(ends.decode()) < idle_end:
        return None
    return slide_of_row(facts)


def read_session(key: str) -> RememberedSession | None:
    """Whose session this is, by Django's own rules (django.contrib.auth.get_user); None where it is nobody's."""
    text = Session.objects.filter(pk=key, expire_date__gt=Now()).values_list("session_data", flat=True).first()
    data = SessionStore().decode(text) if text else {}
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS or sessions.BEGAN not in data:
        return None
    user = User.objects.filter(pk=data[SESSION_KEY], is_active=True).first()
    if user is None or not constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    began = datetime.fromisoformat(data[sessions.BEGAN])
    if len(_sessions) >= MOST_REMEMBERED:
        _sessions.clear()
    person = f"{str(user.is_superuser).lower()}|{user.password}"
    remembered = RememberedSession(text.encode(), user.pk, user.is_superuser, person.encode(), began)
    return _sessions.setdefault(key, remembered)


def read_row(session: RememberedSession, key: str, slide_id: str) -> list[bytes] | None:
    """Session, person and slide in one row; None where the slide is foreign, missing or not ready."""
    name, sql, marks = prepared_query(session.is_superuser)
    wire = open_connection()
    if name not in _thread.prepared:
        require_status(wire.prepare(name, sql), ExecStatus.COMMAND_OK)
        _thread.prepared.add(name)
    values = {KEY_MARK: key.encode(), USER_MARK: b"%d" % session.user_id, SLIDE_MARK: slide_id.encode()}
    result = wire.exec_prepared(name, [values.get(mark, mark) for mark in marks])
    require_status(result, ExecStatus.TUPLES_OK)
    return [result.get_value(0, number) for number in range(result.nfields)] if result.ntuples else None


def open_connection() -> PGconn:
    """This thread's own connection of Django's; `_thread.prepared` is what was prepared on it.

    One level below psycopg's cursors, with which all tiles come at well under half the rate.
    """
    django = _thread.__dict__.get("connection") or connections["default"]
    if not django.in_atomic_block:  # as between Django's own requests
        django.close_if_unusable_or_obsolete()
    django.ensure_connection()
    wire = django.connection.pgconn
    if _thread.__dict__.get("wire") is not wire:
        _thread.connection, _thread.wire, _thread.prepared = django, wire, set()
    return wire


def require_status(result: Any, status: ExecStatus) -> None:
    if result.status != status:
        raise DatabaseError(result.error_message.decode(errors="replace"))


def join_columns(first: str, second: str) -> Concat:
    """Two columns as one text, a | between."""
    return Concat(Cast(first, TextField()), Value("|", TextField()), Cast(second, TextField()))


@cache
def prepared_query(is_superuser: bool) -> tuple[bytes, bytes, tuple]:
    """(name, SQL, parameters with marks in them) of the query, as the ORM writes it."""
    user = User(pk=USER_MARK, is_superuser=is_superuser)
    session = Session.objects.filter(pk=KEY_MARK, expire_date__gt=Now())
    person = User.objects.filter(pk=USER_MARK, is_active=True)
    slides = Slide.objects.visible_to(user).filter(pk=SLIDE_MARK, state=Slide.State.READY).order_by()
    slides = slides.annotate(
        session=Subquery(session.values(both=join_columns("expire_date", "session_data"))),
        person=Subquery(person.values(both=join_columns("is_superuser", "password"))),
    )
    rows = slides.values_list("session", "person", *SLIDE_FIELDS)
    sql, parameters = rows.query.sql_with_params()
    numbers = iter(range(1, len(parameters) + 1))
    numbered = re.sub("%s", lambda _: f"${next(numbers)}", sql)
    ours = {KEY_MARK, USER_MARK, SLIDE_MARK}
    marks = tuple(value if value in ours else str(value).encode() for value in parameters)
    return (b"tile of anybody" if is_superuser else b"tile of a member"), numbered.encode(), marks


def slide_of_row(facts: list[bytes]) -> Slide:
    """The row as an object, made anew only when it has changed."""
    remembered = _slides.get(facts[0])
    if remembered is not None and remembered[0] == facts:
        return remembered[1]
    names = dict(zip(SLIDE_FIELDS, (fact.decode() for fact in facts), strict=True))
    numbers = {name: int(names[name]) for name in ("width", "height", "tile_size", "tile_overlap", "scene")}
    made = names.pop("has_made_levels") == "t"
    slide = Slide(**names | numbers | {"id": uuid.UUID(names["id"]), "files": json.loads(names["files"])})
    slide.has_made_levels = made
    if len(_slides) >= MOST_REMEMBERED:
        _slides.clear()
    _slides[facts[0]] = (facts, slide)
    return slide
