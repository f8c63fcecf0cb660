"""Asking a web server for tiles: as fast as it answers, step by step like one viewer, or like many at their own pace.

One thread and epoll, so that the asking takes little of the cores that the servers need.
"""

from __future__ import annotations

import dataclasses
import select
import socket
import statistics
import time
from collections import deque

BROWSER_CONNECTIONS = 6
HEAD_END = b"\r\n\r\n"
LONGEST_WAIT_S = 60


@dataclasses.dataclass(frozen=True)
class Site:
    """Where tiles are asked for. headers: lines with their ends, as the cookie of a person who signed in."""

    port: int
    headers: str = ""

    def make_request(self, path: str) -> bytes:
        """The bytes to send."""
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}\r\n".encode()


@dataclasses.dataclass
class Result:
    """What came of it. latency_s: of each request, from when it was due. failed: answers that were not 200."""

    seconds: float
    latency_s: list[float]
    failed: int
    received_bytes: int

    @property
    def per_s(self) -> float:
        """Tiles per second."""
        return len(self.latency_s) / self.seconds

    @property
    def p95_s(self) -> float:
        """95th percentile of the time from due to here."""
        return statistics.quantiles(self.latency_s, n=20)[-1] if len(self.latency_s) > 1 else 0.0


class TileConnection:
    """One kept-alive connection with at most one request on it."""

    def __init__(self, port: int) -> None:
        self.port, self.due, self.tag = port, 0.0, None
        self.request: bytes | None = None  # on its way
        self.open_socket()

    def open_socket(self) -> None:
        """Connect (again)."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST_WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.wanted = -1

    def send_request(self, request: bytes, due: float, tag: object = None) -> None:
        """Send; `due` is when the viewer wanted it."""
        self.request, self.due, self.tag, self.buffer, self.wanted = request, due, tag, bytearray(), -1
        self.socket.sendall(request)

    def receive_answer(self) -> tuple[bool, bool] | None:
        """(whether it is a picture, whether the server closes) of a whole answer, None while it is on its way.

        ConnectionError where the server has hung up.
        """
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.buffer += part
        if self.wanted < 0:
            end = self.buffer.find(HEAD_END)
            if end < 0:
                return None
            head = bytes(self.buffer[:end]).lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            self.wanted = end + 4 + length
            self.good = head[9:12] == b"200"
            self.closes = b"connection: close" in head
        return (self.good, self.closes) if len(self.buffer) >= self.wanted else None


class TileClient:
    """Some connections to one site and what came over them."""

    def __init__(self, site: Site, connections: int) -> None:
        self.site = site
        self.lines = [TileConnection(site.port) for _ in range(connections)]
        self.poll = select.epoll()
        self.by_number = {}
        for line in self.lines:
            self._watch_line(line)
        self.latency_s: list[float] = []
        self.failed = self.received = 0

    def _watch_line(self, line: TileConnection) -> None:
        self.poll.register(line.socket, select.EPOLLIN)
        self.by_number[line.socket.fileno()] = line

    def wait_for_finished(self, timeout_s: float) -> list[TileConnection]:
        """The lines whose answer is whole by now; waits for at least one event."""
        done = []
        for number, _ in self.poll.poll(timeout_s):
            line = self.by_number[number]
            try:
                state = line.receive_answer()
            except ConnectionError:
                state = self._ask_again(line)
            if state is None:
                continue
            line.request = None
            self.latency_s.append(time.perf_counter() - line.due)
            self.failed += not state[0]
            self.received += len(line.buffer)
            if state[1]:
                self._reconnect_line(line)
            done.append(line)
        return done

    def _reconnect_line(self, line: TileConnection) -> None:
        self.poll.unregister(line.socket)
        del self.by_number[line.socket.fileno()]
        line.socket.close()
        line.open_socket()
        self._watch_line(line)

    def _ask_again(self, line: TileConnection) -> tuple[bool, bool] | None:
        """A line that the server closed is opened again; what was asked on it and not begun is asked again."""
        begun = bool(line.buffer)
        self._reconnect_line(line)
        if line.request is None:
            return None
        if begun:
            return False, False
        line.send_request(line.request, line.due, line.tag)
        return None

    def make_result(self, began: float) -> Result:
        """All of it, from `began` to now."""
        return Result(time.perf_counter() - began, self.latency_s, self.failed, self.received)

    def close(self) -> None:
        """Hang up."""
        self.poll.close()
        for line in self.lines:
            line.socket.close()


def as_fast_as_it_goes(
    site: Site, paths: list[str], seconds: float, connections: int = 16, once: bool = False
) -> Result:
    """Ask for the paths in turn, over and over, for a time; or each once."""
    requests = [site.make_request(path) for path in paths]
    asker, number, busy = TileClient(site, min(connections, len(paths))), 0, 0
    began = now = time.perf_counter()
    free = deque(asker.lines)
    while True:
        over = number >= len(requests) if once else now - began > seconds
        while free and not over:
            free.popleft().send_request(requests[number % len(requests)], time.perf_counter())
            number, busy = number + 1, busy + 1
            over = once and number >= len(requests)
        if not busy:
            break
        done = asker.wait_for_finished(LONGEST_WAIT_S)
        busy -= len(done)
        free.extend(done)
        now = time.perf_counter()
    result = asker.make_result(began)
    asker.close()
    return result


def step_by_step(site: Site, steps: list[list[str]]) -> Result:
    """One viewer in a hurry: the tiles of each view over six connections, the next view when all are here."""
    asker = TileClient(site, BROWSER_CONNECTIONS)
    began = time.perf_counter()
    for paths in steps:
        waiting, free, busy, due = deque(paths), deque(asker.lines), 0, time.perf_counter()
        while waiting or busy:
            while waiting and free:
                free.popleft().send_request(site.make_request(waiting.popleft()), due)
                busy += 1
            done = asker.wait_for_finished(LONGEST_WAIT_S)
            busy -= len(done)
            free.extend(done)
    result = asker.make_result(began)
    asker.close()
    return result


def at_their_pace(site: Site, viewers: list[list[tuple[float, list[str]]]], grace_s: float = 10) -> Result:
    """Many viewers at once. Of each: (second, paths of the new view), over six connections of its own.

    A tile counts from the moment its view was opened. Requests still waiting `grace_s` after the end count as failed.
    """
    asker = TileClient(site, BROWSER_CONNECTIONS * len(viewers))
    free = [deque(asker.lines[BROWSER_CONNECTIONS * v : BROWSER_CONNECTIONS * (v + 1)]) for v in range(len(viewers))]
    events = sorted((at, v, paths) for v, steps in enumerate(viewers) for at, paths in steps)
    waiting: list[deque] = [deque() for _ in viewers]
    began, next_event, busy = time.perf_counter(), 0, 0
    last = events[-1][0] if events else 0.0
    while next_event < len(events) or busy or any(waiting):
        now = time.perf_counter() - began
        if now > last + grace_s:
            break
        while next_event < len(events) and events[next_event][0] <= now:
            at, viewer, paths = events[next_event]
            waiting[viewer].extend((path, began + at) for path in paths)
            next_event += 1
        for viewer, queue in enumerate(waiting):
            while queue and free[viewer]:
                path, due = queue.popleft()
                free[viewer].popleft().send_request(site.make_request(path), due, viewer)
                busy += 1
        pause = max(0.0, events[next_event][0] - now) if next_event < len(events) else 1.0
        for line in asker.wait_for_finished(min(pause, 1.0)):
            busy -= 1
            free[line.tag].append(line)
    result = asker.make_result(began)
    result.failed += busy + sum(map(len, waiting)) + sum(len(paths) for _, _, paths in events[next_event:])
    asker.close()
    return result
