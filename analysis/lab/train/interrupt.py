"""Stopping between two steps, so that what is written is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingStopped(KeyboardInterrupt):
    """A person stopped the run; `str(error)` says how to go on."""


class Wish:
    """Whether somebody wishes the run to stop."""

    def __init__(self) -> None:
        self.stop = False


@contextmanager
def stops_politely() -> Iterator[Wish]:
    """Turns Ctrl-C and SIGTERM into a wish that is read between steps; a second Ctrl-C stops at once.

    Signals belong to the main thread: elsewhere nothing is caught.
    """
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def heard(number: int, _frame) -> None:
        if wish.stop and number == signal.SIGINT:
            raise KeyboardInterrupt
        wish.stop = True

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
