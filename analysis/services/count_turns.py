"""Counts for many who ask: none is worked out twice, and of one analysis one at a time.

A count of very many calls takes a second or more, and a web process has few threads. So each process keeps the counts
it made last, by the analysis' revision, which every verdict raises; a lock in the database lets one of an analysis
through, in whichever process; and those who would wait long are told to ask again. What a count lacks for want of time
is asked anew after a while.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from django.db import connection

from analysis.models import Analysis
from analysis.services import counting, protocols
from analysis.services.count_child import busy
from analysis.services.protocols import Choice
from analysis.services.runs import analysis_state
from slides.models import Region

MOST_KEPT = 32
MOST_AT_ONCE = 8  # counts made or waited for in one web process: half of its threads
PATIENCE_S = 1.5
ASK_AGAIN_S = 0.03
KEPT_UNFINISHED_S = 60

_kept: OrderedDict[tuple, tuple[dict, float]] = OrderedDict()  # with the time at which it is too old
_kept_lock = Lock()
_places = BoundedSemaphore(MOST_AT_ONCE)


def count_in_turn(
    analysis: Analysis, reader, where: str | Region, quick: bool = False, choice: Choice | None = None
) -> dict:
    """counting.count_mitoses, of the revision that the caller read or a later one. quick, choice: see
    counting.count_by_ids. Raises NotNow."""
    choice = choice or protocols.choice_of(analysis.slide.case)
    key = _make_key(analysis, reader, where, choice)
    keys = [key, (*key, "quick")] if quick else [key]
    found = _find_kept(keys)
    if found is None:
        with _take_place(), _take_turn(analysis):
            found = _find_kept(keys)  # made meanwhile by the one before
            if found is None:
                found = counting.count_by_ids(analysis, reader, where, quick, choice)
                _keep(keys[-1], found)
    return counting.name_people(found)


def count_anew_in_turn(analysis: Analysis, reader, where: str | Region) -> dict:
    """The same, never one that was kept: for a file, whose rows are read at the same time. Raises NotNow."""
    with _take_place(), _take_turn(analysis):
        return counting.count_mitoses(analysis, reader, where)


def _make_key(analysis: Analysis, reader, where: str | Region, choice: Choice) -> tuple:
    """All that a count depends on: what the revision stands for, and what changes without it."""
    slide, protocol = analysis.slide, choice.protocol
    counted_by = (protocol.name, protocol.version, protocol.on, choice.chosen, *choice.notes)
    of_case = (slide.case.tumour_type, slide.case.organ)
    pinned = (analysis_state(analysis), analysis.mpp_source, analysis.mpp_x, analysis.mpp_y, analysis.area_mm2)
    of_slide = (slide.kind, slide.width, slide.height, slide.mpp_x, slide.mpp_y)
    asked = tuple((doubt["code"], doubt["answer"] is None) for doubt in slide.doubts)
    checked = analysis.validity and (analysis.validity["grade"], *analysis.validity["reasons"])
    place = (where.pk, where.name) if isinstance(where, Region) else counting.RANKS.get(where, where)
    return analysis.pk, analysis.revision, pinned, of_slide, asked, checked, counted_by, of_case, reader.pk, place


def _find_kept(keys: list[tuple]) -> dict | None:
    """What is kept under the first of the keys that has something."""
    with _kept_lock:
        for key in keys:
            found, until = _kept.get(key, (None, 0.0))
            if time.monotonic() < until:
                _kept.move_to_end(key)
                return found
            _kept.pop(key, None)
    return None


def _keep(key: tuple, found: dict) -> None:
    until = math.inf if counting.is_finished(found) else time.monotonic() + KEPT_UNFINISHED_S
    with _kept_lock:
        _kept[key] = found, until
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)


@contextmanager
def _take_place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise busy()
    try:
        yield
    finally:
        _places.release()


@contextmanager
def _take_turn(analysis: Analysis) -> Iterator[None]:
    """The only count of this analysis for as long, in all processes. The lock ends with its connection, too."""
    number = analysis.pk.int >> 65  # what fits into PostgreSQL's bigint
    until = time.monotonic() + PATIENCE_S
    while not _ask_database("SELECT pg_try_advisory_lock(%s)", number):
        if time.monotonic() > until:
            raise busy()
        time.sleep(ASK_AGAIN_S)
    try:
        yield
    finally:
        _ask_database("SELECT pg_advisory_unlock(%s)", number)


def _ask_database(question: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [number])
        return cursor.fetchone()[0]
