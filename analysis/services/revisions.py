"""The counter that viewers follow. Whatever changes an analysis takes the next number under a lock on its row, so rows
become visible in the order of their numbers and "everything after R" never misses one."""

import uuid

from django.db import connection

from analysis.models import Analysis


def take_revision(analysis_id: uuid.UUID) -> int:
    """Lock the analysis and return its next revision, to be stored on the rows that this transaction writes.

    Raises Analysis.DoesNotExist, and RuntimeError outside a transaction, where the lock would be gone at once.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("bump() belongs inside the transaction that writes the rows")
    analysis = Analysis.objects.select_for_update().only("revision").get(pk=analysis_id)
    analysis.revision += 1
    analysis.save(update_fields=["revision"])
    return analysis.revision
