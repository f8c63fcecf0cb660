"""How many pieces of uploads are on their way into this process: never so many that pages and tiles find no thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from mitoweb.lib.errors import NotNow

_lock = threading.Lock()
_pieces: Counter[int] = Counter()  # user id → pieces


class TooManyPieces(NotNow):
    """Clients that speak tus try again, after what Retry-After says (`mitoweb.api_errors`)."""


@contextmanager
def hold_piece_slot(user_id: int) -> Iterator[None]:
    """A place for a piece of this person's; TooManyPieces where there is none."""
    with _lock:
        if _pieces[user_id] >= settings.UPLOAD_PIECES_PER_USER:
            raise TooManyPieces("You are sending several files already; this one goes on in turn.", "pieces.at_once")
        if _pieces.total() >= settings.UPLOAD_PIECES:
            raise TooManyPieces("Many files are being sent; this one goes on when there is room.", "pieces.at_once")
        _pieces[user_id] += 1
    try:
        yield
    finally:
        with _lock:
            _pieces[user_id] -= 1
            if not _pieces[user_id]:
                del _pieces[user_id]
