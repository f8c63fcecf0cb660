"""gunicorn's threaded worker, made quick for viewers and firm with clients that send slowly (`slow_clients`).

A viewer asks for the next tile as soon as one has come. gthread hands each request from its poller to a thread and the
connection back: four wake-ups, which cost more than a tile. Here the thread that answered waits a few milliseconds for
the next request of the same connection, as long as nobody else waits for a thread. What it reads is offered to the
application's `answer_bytes(request, client)`, which answers the whole request or not at all; then gunicorn reads it.
"""

import contextlib
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from django.conf import settings
from gunicorn.http import Request
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import _DEFER as TO_POLLER
from gunicorn.workers.gthread import TConn, ThreadWorker

from slides.web_server.slow_clients import AllowanceUnreader, ArrivingBody, is_readable, set_allowance

STAY_S = 0.003
MOST_IN_A_ROW = 64
WAITING_SHARE = 0.25  # of the threads, that may wait for bodies; pieces of uploads, which are counted, take half
CLOSERS = 8
LINGER_S = 5
PIECE = 64 * 1024


class ViewerWorker(ThreadWorker):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.waiting = threading.BoundedSemaphore(max(1, int(WAITING_SHARE * self.cfg.threads)))
        self.closers = ThreadPoolExecutor(CLOSERS)

    def handle(self, conn: TConn):
        """Answer one request, and those that follow at once.

        True keeps the connection for its next request, TO_POLLER for the rest of this one, False closes it.
        """
        if not conn.initialized and not self.cfg.is_ssl:
            is_readable(conn.sock, STAY_S)  # as a rule the first request comes with the connection
            set_allowance(conn, self.waiting)
        kept = self.handle_one(conn)
        for _ in range(MOST_IN_A_ROW):
            if kept is not True or not self.alive or not self.tpool._work_queue.empty() or not has_next_request(conn):
                break
            kept = self.handle_one(conn)
        return kept

    def handle_one(self, conn: TConn):
        if not has_allowance(conn):
            return super().handle(conn)
        unreader = conn.parser.unreader
        try:
            came = unreader.take_head()
            if came is None and unreader.is_overdue():
                conn.sock.shutdown(socket.SHUT_RDWR)  # without a word: nothing was asked, so nothing lingers
                return False
            if came is None:
                return TO_POLLER
            if not came:
                return False
            answer = self.answer_quickly(conn, came)
            if answer is None:
                unreader.unread(came)
                return super().handle(conn)
            conn.sock.setblocking(True)
            conn.sock.sendall(answer)
        except OSError:  # the viewer went on to another view and hung up
            return False
        return True

    def answer_quickly(self, conn: TConn, request: bytes) -> bytes | None:
        """The application's whole answer, asked for where gunicorn has read a request of this connection before."""
        answer_bytes = getattr(self.wsgi, "answer_bytes", None)
        if answer_bytes is None or conn.parser.mesg is None:
            return None
        return answer_bytes(request, conn.client[0] if isinstance(conn.client, tuple) else "")

    def handle_request(self, req: Request, conn: TConn) -> bool:
        if has_allowance(conn):
            conn.parser.unreader.reset_allowance(settings.BODY_SILENCE_S, settings.BODY_BYTES_PER_S)
            if isinstance(req.body.reader, LengthReader):
                req.body = ArrivingBody(req.body.reader)
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: Future) -> None:
        """A closing connection lingers for some seconds: not here, where it would hold up everybody."""
        if self.alive and not fs.cancelled() and fs.exception() is None and fs.result() is False:
            self.nr_conns -= 1
            self.closers.submit(close_when_read, conn.sock)
        else:
            super().finish_request(conn, fs)


def close_when_read(sock: socket.socket) -> None:
    """Close when the client has done so, LINGER_S later at the latest, taking what it still sends.

    Who is answered before a long body has come would lose the answer if the rest met a closed connection (RFC 9112,
    section 9.6). gunicorn takes 64 KiB of it.
    """
    deadline = time.monotonic() + LINGER_S
    with sock, contextlib.suppress(OSError):  # the client is gone
        sock.shutdown(socket.SHUT_WR)
        while (left_s := deadline - time.monotonic()) > 0:
            sock.settimeout(left_s)
            if not sock.recv(PIECE):
                return


def has_allowance(conn: TConn) -> bool:
    return conn.initialized and not conn.is_http2 and isinstance(conn.parser.unreader, AllowanceUnreader)


def has_next_request(conn: TConn) -> bool:
    """Whether the next request arrives now. What was read ahead already is left to gunicorn's poller."""
    return has_allowance(conn) and not conn.parser.unreader.buf.getvalue() and is_readable(conn.sock, STAY_S)
