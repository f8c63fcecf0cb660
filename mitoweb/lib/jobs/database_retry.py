"""Outlive a database that is gone for a while."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


def retry_database(work: Callable[[], Result], *, seconds: float = 60, step_s: float = 0.25) -> Result:
    """Return work(), tried again on a fresh connection while the database is away, for at most `seconds`.

    `work` must give the same end when done twice: the answer to a COMMIT may be what got lost. Inside a
    transaction there is nothing to try again, so the error passes through.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            logger.warning("The database is away: %s", str(error).strip())
            connection.close()
            time.sleep(step_s)
