"""gunicorn's threaded worker, made quick for viewers: it stays with a connection and takes whole answers.

A viewer asks for the next tile as soon as one has come. gthread hands each request from its poller to a thread and the
connection back: four wake-ups, which cost more than a tile. Here the thread that answered waits a few milliseconds for
the next request of the same connection, as long as nobody else waits for a thread. What it reads is offered to the
application's `quick(request)`, which answers the whole request in bytes or not at all; then gunicorn reads it as ever.
"""

import select
import ssl

from gunicorn.workers.gthread import TConn, ThreadWorker

STAY_MS = 3
MOST_IN_A_ROW = 64
MOST_BYTES = 16 * 1024


class StayingWorker(ThreadWorker):
    def handle(self, conn: TConn) -> bool:
        """Answer one request, and those that follow at once. False closes the connection."""
        kept = self.handle_one(conn)
        for _ in range(MOST_IN_A_ROW):
            if kept is not True or not self.alive or not self.tpool._work_queue.empty() or not asks_again(conn):
                break
            kept = self.handle_one(conn)
        return kept

    def handle_one(self, conn: TConn) -> bool:
        quick = getattr(self.wsgi, "quick", None)
        if quick is None or not is_between_requests(conn):
            return super().handle(conn)
        try:
            conn.sock.setblocking(True)
            request = conn.sock.recv(MOST_BYTES)
            answer = quick(request) if request else None
            if answer is None:
                conn.parser.unreader.unread(request)
                return super().handle(conn) if request else False
            conn.sock.sendall(answer)
        except OSError:  # the viewer went on to another view and hung up
            return False
        return True


def is_between_requests(conn: TConn) -> bool:
    """Whether gunicorn has read whole requests from this plain connection before, and nothing of the next."""
    if not conn.initialized or conn.is_http2 or isinstance(conn.sock, ssl.SSLSocket):
        return False
    return conn.parser.mesg is not None and not conn.parser.unreader.buf.getvalue()


def asks_again(conn: TConn) -> bool:
    """Whether the next request arrives now. What was read ahead already is left to gunicorn's poller."""
    if conn.is_http2 or conn.parser.unreader.buf.getvalue():
        return False
    wait = select.poll()
    wait.register(conn.sock, select.POLLIN)
    return bool(wait.poll(STAY_MS))
