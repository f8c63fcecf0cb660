"""Wait for a child while the job shows that it is alive."""

import threading
from collections.abc import Callable
from typing import TypeVar

from mitoweb.lib.jobs import core

BEAT_S = 2
Result = TypeVar("Result")


def run_with_heartbeat(run: core.Run, done: int, total: int, work: Callable[[], Result]) -> Result:
    """work()'s result, or what it raises. It runs in a thread of its own and must not touch the database.

    A child that it starts dies with that thread, so also when the job is stopped.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run_work() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 raised again in the job's own thread
            errors.append(error)

    thread = threading.Thread(target=run_work, daemon=True)
    thread.start()
    run.beat(done, total)
    while thread.is_alive():
        thread.join(BEAT_S)
        run.beat(done, total)
    if errors:
        raise errors[0]
    return results[0]
