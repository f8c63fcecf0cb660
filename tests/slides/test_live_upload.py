"""Uploads against the real server: an independent client, cut connections, and kill -9 at random instants."""

import base64
import hashlib
import http.client
import random
import threading
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone
from tusclient.client import TusClient

from mitoweb.people.services import make_token
from slides.files import kept_path, part_path
from slides.models import Slide, Upload
from slides.services.sweep import sweep_leftovers
from tests.live import LiveServer, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


@pytest.fixture
def live(cast):
    with LiveServer() as server:
        yield server


@pytest.fixture
def login(cast) -> dict[str, str]:
    return token_of(cast.tech)


def token_of(user) -> dict[str, str]:
    return {"Authorization": f"Token {make_token(user, 'uploads', 1)[1]}"}


def test_an_independent_client_uploads_and_resumes(cast, live, login, tmp_path):
    path = tmp_path / "A1.svs"
    path.write_bytes(random.Random(1).randbytes(300_000))
    metadata = {"filename": path.name, "case": str(cast.case.pk)}
    client = TusClient(f"{live.url}/api/uploads/", headers=login)
    first = client.uploader(str(path), chunk_size=100_000, metadata=metadata)
    first.upload_chunk()
    again = client.uploader(str(path), chunk_size=100_000, url=first.url)
    assert again.get_offset() == 100_000
    again.upload()
    assert kept_path(Upload.objects.get()).read_bytes() == path.read_bytes()


def test_an_independent_client_sends_checksums_and_takes_its_upload_back(cast, live, login, tmp_path):
    path = tmp_path / "A1.svs"
    path.write_bytes(random.Random(2).randbytes(300_000))
    metadata = {"filename": path.name, "case": str(cast.case.pk)}
    client = TusClient(f"{live.url}/api/uploads/", headers=login)
    uploader = client.uploader(str(path), chunk_size=100_000, metadata=metadata, upload_checksum=True)
    uploader.upload(stop_at=200_000)
    assert part_path(Upload.objects.get()).read_bytes() == path.read_bytes()[:200_000]
    sending = Sending(cast, live, login, path.read_bytes())
    url = urlsplit(uploader.url).path
    wrong = {"Upload-Offset": "200000", "Upload-Checksum": "sha1 " + base64.b64encode(b"x" * 20).decode()}
    assert sending.status("PATCH", url, wrong, path.read_bytes()[200_000:]) == 460
    assert int(sending.ask("HEAD", url)["Upload-Offset"]) == 200_000
    assert sending.status("DELETE", url) == 204
    assert sending.status("HEAD", url) == 404
    assert not list(settings.UPLOADS_ROOT.glob("*.part"))


def test_a_client_behind_a_proxy_that_knows_only_post_gets_through(cast, live, login):
    sending = Sending(cast, live, login, b"x" * 100_000)
    url = sending.create()
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    assert sending.status("POST", url, override, sending.data[:60_000]) == 204
    assert int(sending.ask("POST", url, {"X-HTTP-Method-Override": "HEAD"})["Upload-Offset"]) == 60_000
    assert sending.status("POST", url, {"X-HTTP-Method-Override": "DELETE"}) == 204
    assert sending.status("HEAD", url) == 404


def test_each_piece_puts_the_expiry_off_and_an_expired_upload_is_gone(cast, live, login):
    sending = Sending(cast, live, login, b"x" * 1000)
    url = sending.create()
    Upload.objects.update(expires=timezone.now() + timedelta(minutes=1))
    soon = parsedate_to_datetime(sending.ask("HEAD", url)["Upload-Expires"])
    headers = {"Upload-Offset": "0", "Content-Type": PIECE}
    later = parsedate_to_datetime(sending.ask("PATCH", url, headers, b"x" * 500)["Upload-Expires"])
    assert later - soon > timedelta(days=1)
    Upload.objects.update(expires=timezone.now() - timedelta(minutes=1))
    sweep_leftovers()
    assert sending.status("HEAD", url) == 404
    assert not list(settings.UPLOADS_ROOT.glob("*.part"))


def test_of_two_pieces_at_once_one_is_taken_and_the_other_changes_nothing(cast, live, login):
    data = random.Random(5).randbytes(2_000_000)
    sending = Sending(cast, live, login, data, pause_s=0.01)
    url, answers = sending.create(), []
    headers = {"Upload-Offset": "0"}
    threads = [
        threading.Thread(target=lambda: answers.append(sending.status("PATCH", url, headers, data))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(204) == 1
    assert set(answers) - {204} <= {409, 423}
    assert kept_path(Upload.objects.get()).read_bytes() == data


def test_a_cut_connection_keeps_every_byte_that_came(cast, live, login):
    url = Sending(cast, live, login, b"x" * 1_000_000).create()
    connection = http.client.HTTPConnection("127.0.0.1", live.port)
    headers = login | TUS | {"Upload-Offset": "0", "Content-Type": PIECE}
    connection.putrequest("PATCH", url)
    for name, value in (headers | {"Content-Length": "1000000"}).items():
        connection.putheader(name, value)
    connection.endheaders(b"x" * 600_000)
    connection.close()
    part = part_path(Upload.objects.get())
    wait_for(lambda: part.stat().st_size == 600_000)


class Sending:
    """One file sent in pieces of random size over connections that break; goes on until all of it is there.

    `pause_s` after each 16 KiB, so that kills hit pieces and not only the gaps between them. The last byte waits for
    `may_end`: however fast the machine is, an upload is under way at every kill.
    """

    def __init__(self, cast, live, login, data: bytes, seed: int = 0, pause_s: float = 0.0) -> None:
        self.pause_s, self.may_end = pause_s, threading.Event()
        self.cast, self.live, self.login, self.data = cast, live, login, data
        self.draw = random.Random(seed)
        self.acknowledged = 0
        self.lost_bytes = self.resent = 0

    def create(self) -> str:
        said = {"filename": "A1.svs", "case": str(self.cast.case.pk), "label": f"A{self.draw.random()}"}
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
        headers = {"Upload-Length": str(len(self.data)), "Upload-Metadata": metadata}
        return self.patiently(lambda: self.ask("POST", "/api/uploads/", headers))["Location"]

    def send(self) -> None:
        url = self.create()
        while True:
            offset = int(self.patiently(lambda: self.ask("HEAD", url))["Upload-Offset"])
            self.lost_bytes += max(0, self.acknowledged - offset)
            done = offset == len(self.data)
            size = 0 if done else self.draw.randrange(1, 400_000)
            if offset + size >= len(self.data) and not self.may_end.is_set():
                size = max(1, len(self.data) - 1 - offset)
                self.may_end.wait(0.05 if offset < len(self.data) - 1 else None)
            answer = self.piece(url, offset, self.data[offset : offset + size])
            if answer is not None:
                self.acknowledged = int(answer["Upload-Offset"])
                if done:
                    return

    def piece(self, url: str, offset: int, body: bytes):
        """Send a piece; in one of five cases hang up in the middle of it."""
        headers = {"Upload-Offset": str(offset), "Content-Type": PIECE}
        self.resent += max(0, self.acknowledged - offset)
        cut = self.draw.randrange(len(body)) if body and self.draw.random() < 0.2 else None
        try:
            return self.ask("PATCH", url, headers, body, cut)
        except (OSError, http.client.HTTPException):
            return None

    def ask(self, method: str, url: str, headers=None, body: bytes = b"", cut: int | None = None):
        """The headers of an answer that is not a refusal."""
        response = self.exchange(method, url, headers, body, cut)
        if response.status >= 300:
            raise http.client.HTTPException(response.status)
        return response.headers

    def exchange(self, method: str, url: str, headers=None, body: bytes = b"", cut: int | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=20)
        try:
            connection.putrequest(method, url)
            for name, value in (self.login | TUS | (headers or {}) | {"Content-Length": str(len(body))}).items():
                connection.putheader(name, value)
            connection.endheaders()
            for start in range(0, len(body) if cut is None else cut, 16_384):
                connection.send(body[start : min(start + 16_384, len(body) if cut is None else cut)])
                time.sleep(self.pause_s)
            if cut is not None:
                raise ConnectionAbortedError
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()

    def status(self, method: str, url: str, headers=None, body: bytes = b"") -> int:
        """The status of an answer; 0 where the server hung up before this side could read one."""
        sent = {"Content-Type": PIECE} if body else {}
        try:
            return self.exchange(method, url, sent | (headers or {}), body).status
        except (OSError, http.client.HTTPException):
            return 0

    def patiently(self, ask):
        while True:
            try:
                return ask()
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)


def upload_under_fire(
    cast, live, login, files: int, size: int, kills: int, every_s: tuple[float, float], pause_s: float
) -> None:
    """Send files while the server is killed again and again; then all bytes are there, once."""
    draw = random.Random(7)
    sendings = [Sending(cast, live, login, draw.randbytes(size), seed, pause_s) for seed in range(files)]
    threads = [threading.Thread(target=sending.send, daemon=True) for sending in sendings]
    for thread in threads:
        thread.start()
    killed = 0
    while any(thread.is_alive() for thread in threads):
        if killed < kills:
            time.sleep(draw.uniform(*every_s))
            killed += 1
            if killed % 5:
                live.kill_workers()
            else:
                live.kill()
                live.start()
        elif not sendings[0].may_end.is_set():
            for sending in sendings:
                sending.may_end.set()
        for thread in threads:
            thread.join(0.1)
    assert killed == kills
    assert sum(sending.lost_bytes for sending in sendings) == 0
    assert sum(sending.resent for sending in sendings) == 0  # only what was never acknowledged is sent again
    kept = [kept_path(upload) for upload in Upload.objects.filter(state="checking")]
    hashes = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in kept)
    assert hashes == sorted(hashlib.sha256(sending.data).hexdigest() for sending in sendings)
    assert Slide.objects.filter(state="checking").count() == files
    # A creation that was killed, or its answer lost, may leave an empty file, which expires or is swept.
    assert all(path.stat().st_size == 0 for path in settings.UPLOADS_ROOT.iterdir())


def test_uploads_survive_kills_of_the_server_in_the_middle(cast, live, login):
    upload_under_fire(cast, live, login, files=3, size=4_000_000, kills=8, every_s=(0.2, 0.6), pause_s=0.015)


@pytest.mark.nightly
def test_uploads_survive_a_hundred_kills(cast, live, login):
    upload_under_fire(cast, live, login, files=17, size=32_000_000, kills=100, every_s=(0.1, 0.6), pause_s=0.02)
