"""gunicorn's threaded worker that stays with a connection for a moment.

A viewer asks for the next tile as soon as one has come. gthread hands each request from its poller to a thread and the
connection back: four wake-ups, which cost more than a tile. Here the thread that answered waits a few milliseconds
for the next request of the same connection, as long as nobody else waits for a thread.
"""

import select

from gunicorn.workers.gthread import TConn, ThreadWorker

STAY_MS = 3
MOST_IN_A_ROW = 64


class StayingWorker(ThreadWorker):
    def handle(self, conn: TConn) -> bool:
        """Answer one request, and those that follow at once."""
        kept = super().handle(conn)
        for _ in range(MOST_IN_A_ROW):
            if kept is not True or not self.alive or not self.tpool._work_queue.empty() or not asks_again(conn):
                break
            kept = super().handle(conn)
        return kept


def asks_again(conn: TConn) -> bool:
    """Whether the next request arrives now. One read ahead already is left to the poller's side."""
    if conn.is_http2 or conn.parser.unreader.buf.getvalue():
        return False
    wait = select.poll()
    wait.register(conn.sock, select.POLLIN)
    return bool(wait.poll(STAY_MS))
