"""Clients that send slowly or go silent hold no thread for long, and the site answers everybody else meanwhile."""

import base64
import random
import socket
import time
from contextlib import ExitStack

import pytest
from django.conf import settings
from tusclient.client import TusClient

from mitoweb.people.services import make_token
from slides.files import kept_path, part_path
from slides.models import Upload
from slides.web_server import gunicorn_conf
from tests.factories import member
from tests.live import LiveServer, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SILENCE_S = 3
THREADS = gunicorn_conf.workers * gunicorn_conf.threads


@pytest.fixture
def live(cast):
    with LiveServer(MITOWEB_BODY_SILENCE_S=str(SILENCE_S)) as server:
        yield server


class Person:
    """Somebody with a token, and sockets that say what a test wants."""

    def __init__(self, live: LiveServer, user) -> None:
        self.live, self.login = live, f"Token {make_token(user, 'uploads', 1)[1]}"

    def line(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.live.port), timeout=30)

    def head(self, method: str, url: str, length: int = 0, **headers) -> bytes:
        said = {"Host": "127.0.0.1", "Authorization": self.login, "Tus-Resumable": "1.0.0", "Content-Length": length}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return "\r\n".join([f"{method} {url} HTTP/1.1", *(f"{n}: {v}" for n, v in said.items()), "", ""]).encode()

    def ask(self, method: str, url: str, **headers) -> tuple[int, dict[str, str]]:
        with self.line() as line:
            line.sendall(self.head(method, url, **headers))
            return answer(line)

    def create(self, case, length: int) -> str:
        pairs = {"filename": "A1.svs", "case": str(case.pk)}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        return self.ask("POST", "/api/uploads/", Upload_Length=length, Upload_Metadata=said)[1]["location"]

    def begin(self, url: str, length: int, sent: bytes = b"") -> socket.socket:
        """A piece of `length` bytes of which only `sent` comes."""
        line = self.line()
        kind = "application/offset+octet-stream"
        line.sendall(self.head("PATCH", url, length, Upload_Offset=0, Content_Type=kind) + sent)
        return line

    def offset(self, url: str) -> int:
        return int(self.ask("HEAD", url)[1]["upload-offset"])


def answer(line: socket.socket) -> tuple[int, dict[str, str]]:
    """Status and headers; (0, {}) when the server hung up without a word."""
    came = b""
    while b"\r\n\r\n" not in came:
        if not (more := line.recv(65536)):
            return 0, {}
        came += more
    first, *lines = came.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def longest_answer_s(person: Person, for_s: float) -> float:
    """How long a page's worth of requests, over connections of their own, waits at most in the next seconds."""
    longest, until = 0.0, time.monotonic() + for_s
    while time.monotonic() < until:
        began = time.monotonic()
        assert person.ask("GET", "/api/cases/")[0] == 200
        longest = max(longest, time.monotonic() - began)
    return longest


@pytest.fixture
def tech(cast, live) -> Person:
    return Person(live, cast.tech)


def test_a_silent_client_is_given_up_its_bytes_are_kept_and_it_goes_on(cast, live, tech, tmp_path):
    path = tmp_path / "A1.svs"
    path.write_bytes(random.Random(1).randbytes(300_000))
    url = tech.create(cast.case, 300_000)
    part = part_path(Upload.objects.get())
    with tech.begin(url, 300_000, path.read_bytes()[:100_001]) as line:
        wait_for(lambda: part.stat().st_size == 100_001, within_s=SILENCE_S / 2, every_s=0.05)  # before it is given up
        began = time.monotonic()
        assert answer(line)[0] == 408
        assert time.monotonic() - began < SILENCE_S + 2
    assert tech.offset(url) == 100_001
    client = TusClient(f"{live.url}/api/uploads/", headers={"Authorization": tech.login})
    client.uploader(str(path), chunk_size=100_000, url=live.url + url).upload()
    assert kept_path(Upload.objects.get()).read_bytes() == path.read_bytes()


def test_a_client_that_drips_is_given_up_as_soon_as_a_silent_one(cast, live, tech):
    url = tech.create(cast.case, 300_000)
    with tech.begin(url, 300_000, b"x" * 70_000) as line:
        began, sent = time.monotonic(), 70_000
        line.settimeout(SILENCE_S / 6)
        status = None
        while status is None and time.monotonic() - began < 4 * SILENCE_S:
            try:
                status = answer(line)[0]
            except TimeoutError:
                line.send(b"x")
                sent += 1
        assert (status, time.monotonic() - began < SILENCE_S + 2) == (408, True)
    assert 70_000 < tech.offset(url) <= sent


def test_the_site_answers_while_more_clients_are_silent_than_it_has_threads(cast, live):
    people = [Person(live, member(cast.team, "technician")) for _ in range(THREADS // 2)]
    urls = [(person, person.create(cast.case, 1_000_000)) for person in people for _ in range(3)]
    with ExitStack() as lines:
        for person, url in urls:
            lines.enter_context(person.begin(url, 1_000_000, b"x" * 1000))
        assert longest_answer_s(people[0], SILENCE_S + 4) < 2
    for person, url in urls:
        assert person.offset(url) in {0, 1000}
        with person.begin(url, 0) as line:  # nobody holds its lock any more
            assert answer(line)[0] in {204, 409}


def test_the_site_answers_while_heads_come_slowly_or_not_at_all(cast, live, tech):
    with ExitStack() as lines:
        silent = [lines.enter_context(tech.line()) for _ in range(2 * THREADS)]
        begun = [lines.enter_context(tech.line()) for _ in range(2 * THREADS)]
        for line in begun:
            line.sendall(b"GET /cases/ HTTP/1.1\r\nHost: 127")
        assert longest_answer_s(tech, 3) < 2.5
        until = time.monotonic() + 30
        while time.monotonic() < until and begun:
            for line in list(begun):
                try:
                    line.send(b"0")
                except OSError:  # it was hung up on
                    begun.remove(line)
            time.sleep(0.5)
        assert not begun, "a head that never ends was waited for"
        assert longest_answer_s(tech, 1) < 2.5
        assert silent


def test_a_head_that_comes_in_bits_is_answered(live, tech):
    with tech.line() as line:
        for piece in (
            b"GET /api/cases/ HTTP/1.1\r\n",
            b"Host: 127.0.0.1\r\nAuthoriz",
            f"ation: {tech.login}\r\n".encode(),
        ):
            line.sendall(piece)
            time.sleep(0.3)
        line.sendall(b"\r\n")
        assert answer(line)[0] == 200


def test_other_bodies_are_not_waited_for_either(live, tech):
    with tech.line() as line:
        line.sendall(tech.head("POST", "/api/uploads/known/", 500, Content_Type="application/json") + b'{"case":')
        assert answer(line)[0] in {0, 408}


def test_one_person_sends_so_many_pieces_at_once_and_is_told_when_to_try_again(cast, live, tech):
    urls = [tech.create(cast.case, 1_000_000) for _ in range(2 * settings.UPLOAD_PIECES_PER_USER + 1)]
    with ExitStack() as lines:
        begun = [lines.enter_context(tech.begin(url, 1_000_000, b"x")) for url in urls]
        answers = [answer(line) for line in begun]
    turned_away = [headers for status, headers in answers if status == 429]
    assert turned_away
    assert {headers["retry-after"] for headers in turned_away} == {"2"}
    assert {status for status, _ in answers} == {408, 429}
    assert sum(status == 408 for status, _ in answers) <= gunicorn_conf.workers * settings.UPLOAD_PIECES_PER_USER


def test_a_client_that_was_turned_away_gets_through_in_the_end(cast, live, tech, tmp_path):
    path = tmp_path / "A1.svs"
    path.write_bytes(random.Random(3).randbytes(300_000))
    others = [tech.create(cast.case, 1_000_000) for _ in range(2 * settings.UPLOAD_PIECES_PER_USER + 1)]
    client = TusClient(f"{live.url}/api/uploads/", headers={"Authorization": tech.login})
    with ExitStack() as lines:
        for url in others:
            lines.enter_context(tech.begin(url, 1_000_000, b"x"))
        metadata = {"filename": path.name, "case": str(cast.case.pk)}
        client.uploader(str(path), chunk_size=100_000, metadata=metadata, retries=10, retry_delay=1).upload()
    assert kept_path(Upload.objects.get(length=300_000)).read_bytes() == path.read_bytes()


def test_pieces_leave_threads_for_pages():
    assert gunicorn_conf.threads // 2 >= settings.UPLOAD_PIECES
    assert settings.UPLOAD_PIECES_PER_USER <= settings.UPLOAD_PIECES


def test_who_sends_too_much_has_sent_it_all_and_then_reads_a_whole_answer(tech):
    # The application takes what is left of the first two, the server alone all of the third.
    for url, length in [("/api/cases/", 3 * 2**20), ("/accounts/login/", 3 * 2**20), ("/api/cases/", 100 * 2**20)]:
        with tech.line() as line:
            line.sendall(tech.head("POST", url, length, Content_Type="application/json"))
            for _ in range(length // 2**20):
                line.sendall(bytes(2**20))
            status, headers = answer(line)
        assert status == 413
        assert int(headers["content-length"]) > 0
