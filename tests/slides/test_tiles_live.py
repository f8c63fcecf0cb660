"""Tiles from the real web server, over connections that are kept."""

import socket

import pytest

from slides.tiles import pictures
from tests.factories import CaseFactory, TeamFactory, member
from tests.live import LiveServer
from tests.slides.jpeg_slide import LEVEL, jpeg_slide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


class Line:
    """One kept connection."""

    def __init__(self, server: LiveServer, client) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        self.rest = b""

    def request(self, address: str, *more: str) -> bytes:
        lines = [f"GET {address} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {self.cookie}", *more, "", ""]
        return "\r\n".join(lines).encode()

    def answer(self) -> tuple[int, bytes]:
        """The next answer: (status, body)."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head[9:12]), body

    def _more(self) -> None:
        part = self.socket.recv(65536)
        assert part, "the server hung up"
        self.rest += part

    def get(self, address: str, *more: str) -> tuple[int, bytes]:
        self.socket.sendall(self.request(address, *more))
        return self.answer()


def test_requests_of_every_kind_take_turns_on_one_connection(client):
    slide = jpeg_slide(case=CaseFactory(team=TeamFactory()))
    reader = member(slide.case.team, "reader")
    client.force_login(reader)
    address = f"/api/slides/{slide.pk}/image_files/{LEVEL}/{{}}_1.jpeg"
    expected = {column: pictures.get_native_tile(slide, LEVEL, column, 1) for column in range(4)}
    pictures.indexes.close()
    with LiveServer() as server:
        line = Line(server, client)
        for turn in range(40):
            assert line.get(address.format(turn % 4)) == (200, expected[turn % 4])
            if turn % 10 == 3:
                assert line.get("/api/whoami/")[0] == 200
                assert line.get(address.format(9))[0] == 404
        behind = line.request(address.format(0)) + line.request(address.format(1)) + line.request("/api/whoami/")
        for piece in (behind[:50], behind[50:700], behind[700:]):
            line.socket.sendall(piece)
        assert [line.answer() for _ in range(2)] == [(200, expected[0]), (200, expected[1])]
        assert line.answer()[0] == 200
        reader.memberships.all().delete()
        assert line.get(address.format(0))[0] == 404
        assert line.get(address.format(0))[0] == 404
