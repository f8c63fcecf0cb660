"""The counter that viewers follow. Whatever changes an analysis takes the next number under a lock on its row, so rows
become visible in the order of their numbers and "everything after R" never misses one."""

import uuid

from django.db import connection
from django.db.models import QuerySet

from analysis.models import Analysis


def take_revision(analysis_id: uuid.UUID) -> int:
    """The next revision of an analysis, as `take_revisions` gives several."""
    return take_revisions(analysis_id, 1)[0]


def ask_for_recount(analyses: QuerySet[Analysis]) -> None:
    """Have viewers and lists ask anew for counts of some analyses, whose rows stay as they are."""
    for pk in analyses.order_by("pk").values_list("pk", flat=True):
        take_revision(pk)


def take_revisions(analysis_id: uuid.UUID, count: int) -> range:
    """Lock the analysis and return its next revisions, to be stored on the rows that this transaction writes.

    Raises Analysis.DoesNotExist, and RuntimeError outside a transaction, where the lock would be gone at once.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("take_revisions() belongs inside the transaction that writes the rows")
    analysis = Analysis.objects.select_for_update().only("revision").get(pk=analysis_id)
    first = analysis.revision + 1
    analysis.revision += count
    analysis.save(update_fields=["revision"])
    return range(first, first + count)
