"""What keeps clients that send slowly, or not at all, from holding the web server's threads.

A head of a request is gathered without a thread. For its body a thread waits, but not for ever: each client has an
allowance of seconds that waiting uses up and bytes refill, never above where it began. So a client that goes silent is
given up after that many seconds, one that sends a byte now and then as soon, and one that sends steadily, however big
its file, never. Only some of a process's threads may wait at the same time, beside those that the application lets take
pieces of uploads; the others are for pages and tiles.
"""

import select
import socket
import threading
import time

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn

HEAD_END = b"\r\n\r\n"
HEAD_BYTES = 16 * 1024  # what is longer without an end is left to gunicorn, which refuses it
HEAD_WITHIN_S = 10
HEAD_BYTES_PER_S = 4096


class AllowanceUnreader(SocketUnreader):
    """Reads from a client within its allowance. TimeoutError when that is used up or too many others are waited for."""

    def __init__(self, sock: socket.socket, waiting: threading.Semaphore) -> None:
        super().__init__(sock)
        self.waiting = waiting
        self.reset_allowance(HEAD_WITHIN_S, HEAD_BYTES_PER_S)
        self._head_due_s: float | None = None

    def reset_allowance(self, silence_s: float, bytes_per_s: float) -> None:
        """Begin anew: how long the client may be silent, and how many bytes make up for a second."""
        self.left_s = self.most_s = silence_s
        self.bytes_per_s = bytes_per_s

    def chunk(self, size_hint: int | None = None) -> bytes:
        if not is_readable(self.sock, 0):
            if not self.waiting.acquire(blocking=False):
                raise TimeoutError("Too many clients are waited for")
            try:
                self.wait_for_bytes()
            finally:
                self.waiting.release()
        data = super().chunk(size_hint)
        self.left_s = min(self.most_s, self.left_s + len(data) / self.bytes_per_s)
        return data

    def wait_for_bytes(self) -> None:
        """Until bytes are there, whatever number of others is waited for."""
        limit_s = self.sock.gettimeout()  # gunicorn sets one while it reads what is left of a body
        longest_s = max(0.0, self.left_s if limit_s is None else min(limit_s, self.left_s))
        began = time.monotonic()
        came = is_readable(self.sock, longest_s)
        self.left_s -= time.monotonic() - began
        if not came:
            raise TimeoutError("The client sends too slowly")

    def take_head(self) -> bytes | None:
        """What has come, from the head of the next request on; b"" when the client hung up, None when more must come.

        Does not wait. What it gives is out of the buffer.
        """
        came = self.take_buffered()
        while HEAD_END not in came and len(came) < HEAD_BYTES:
            try:
                fresh = self.sock.recv(HEAD_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self.unread(came)
                if came and self._head_due_s is None:
                    self._head_due_s = time.monotonic() + HEAD_WITHIN_S
                return None
            if not fresh:
                return b""
            came += fresh
        self._head_due_s = None
        self.reset_allowance(HEAD_WITHIN_S, HEAD_BYTES_PER_S)
        return came

    def is_overdue(self) -> bool:
        """Whether a head was begun and has not come whole in time."""
        return self._head_due_s is not None and time.monotonic() > self._head_due_s


class ArrivingBody(Body):
    """A body of known length of which what has come can be had before the rest."""

    reader: LengthReader

    def read1(self, size: int) -> bytes:
        """At most `size` bytes and at least one, waiting only where none is there; b"" at the end.

        Who reads like this counts the requests that do so, and does not take a place of those that wait.
        """
        if held := min(size, self.buf.tell()):
            return self.read(held)
        unreader = self.reader.unreader
        wanted = min(size, self.reader.length)
        if wanted and not unreader.buf.getbuffer().nbytes:
            try:
                unreader.wait_for_bytes()
                unreader.unread(unreader.chunk(wanted))
            except OSError:
                self.failed = True  # where the next request would begin is not known any more
                raise
        return self.reader.read(min(wanted, unreader.buf.getbuffer().nbytes))


def set_allowance(conn: TConn, waiting: threading.Semaphore) -> None:
    """Have a plain connection, before its first request, read by a AllowanceUnreader."""
    conn.init()
    if not conn.is_http2:
        conn.parser.unreader = AllowanceUnreader(conn.sock, waiting)


def is_readable(sock: socket.socket, within_s: float) -> bool:
    wait = select.poll()
    wait.register(sock, select.POLLIN)
    return bool(wait.poll(1000 * within_s))
