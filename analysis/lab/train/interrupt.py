"""Stopping between two steps, so that what is written is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingStopped(KeyboardInterrupt):
    """A person stopped the run; `str(error)` says how to go on."""


class StopWished(Exception):
    """What a watcher raises where the run shall stop after this step, with a checkpoint of it."""


class StopRequest:
    """Whether somebody wishes the run to stop."""

    def __init__(self) -> None:
        self.made = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turns Ctrl-C and SIGTERM into a wish that is read between steps; a second Ctrl-C stops at once.

    Signals belong to the main thread: elsewhere nothing is caught.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def heard(number: int, _frame: object) -> None:
        if request.made and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.made = True

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
