"""The count that the list shows of a case: that of one slide, the worst, and the number that the viewer opens with.

To search a slide for its busiest region takes a moment. So the list looks at the fewest slides it can (no region holds
more than the whole) and keeps what was found, by the viewer too. What is kept is named by the revision of the analysis,
which rises with every verdict: it cannot be out of date.
"""

import hashlib
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.core.cache import cache

from analysis.models import Analysis
from analysis.pipeline.count import poisson_interval
from analysis.pipeline.count.protocols import Protocol
from analysis.services import count_regions, count_turns, counting, protocols, runs
from analysis.services.count_area import TUMOUR, find_undrawn
from analysis.services.readings import Reading, Readings
from mitoweb.lib.errors import NotNow
from mitoweb.lib.jobs.models import Job
from slides.models import Slide
from slides.services.areas import find_drawn

KEPT_S = 14 * 24 * 3600
RULE = 2  # raised when the same rows come to be counted otherwise, so that nothing kept before is shown
Row = tuple[Analysis, Reading]  # an analysis that has ended, and whose count of it is wanted


class NotCountedYet(Exception):
    """More regions to search than this call may."""


@dataclass(frozen=True)
class SlideCount:
    """One reader's count of one slide, where the viewer counts at first."""

    analysis: Analysis
    confirmed: int
    provisional: int
    open: int
    by_reader: dict[int, int]  # what each who judged there confirms
    score: str | None = None
    decided: bool | None = None
    cutoffs: tuple[int, ...] = ()  # counts at which the score changes

    @property
    def rank(self) -> tuple[int, int]:
        return self.confirmed, self.provisional

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % of the confirmed figures, in figures; while calls are open there is none."""
        return None if self.open else poisson_interval(self.confirmed)


class CaseCounts:
    """Counts the slides of a page's cases, at most `fresh` of them anew (None: all)."""

    def __init__(self, rows: list[Row], readings: Readings, user, fresh: int | None) -> None:
        self._readings, self._user, self._fresh = readings, user, fresh
        self._quick = fresh is not None  # a page of many cases waits for none of them
        choices = protocols.map_choices({analysis.slide.case_id: analysis.slide.case for analysis, _ in rows}.values())
        self._protocols = {pk: choice.protocol for pk, choice in choices.items()}
        self._drawn_on = find_drawn({analysis.slide_id for analysis, _ in rows})
        searched = [(analysis, reading) for analysis, reading in rows if not self._is_counted_whole(analysis)]
        keys = [key for analysis, reading in searched for key in self._list_keys(analysis, reading)]
        self._kept = cache.get_many(keys) if keys else {}

    def find_worst(self, rows: list[Row]) -> SlideCount | None:
        """Of the slides of one case the count with the most confirmed figures, then with the most provisional ones.

        None without a slide of tissue. Raises NotCountedYet.
        """
        worst: SlideCount | None = None
        of_tissue = [row for row in rows if row[0].slide.kind != Slide.Kind.SHEET]
        for analysis, reading in sorted(of_tissue, key=lambda row: _rank_whole(row[1]), reverse=True):
            if worst is not None and worst.rank >= _rank_whole(reading):
                break
            found = self._count_slide(analysis, reading)
            if worst is None or found.rank > worst.rank:
                worst = found
        return worst

    def _count_slide(self, analysis: Analysis, reading: Reading) -> SlideCount:
        if self._is_counted_whole(analysis):
            by_reader = {each.reader_id: each.confirmed for each in self._readings.list_readers(analysis.pk)}
            return SlideCount(analysis, reading.confirmed, reading.provisional, reading.open, by_reader)
        keys = self._list_keys(analysis, reading)
        kept = next((self._kept[key] for key in keys if key in self._kept), None)
        if kept is None:
            if self._fresh == 0:
                raise NotCountedYet
            self._fresh = None if self._fresh is None else self._fresh - 1
            reader = get_user_model()(pk=reading.reader_id or self._user.pk)
            try:
                kept = _read_count(count_turns.count_in_turn(analysis, reader, counting.BEST, self._quick))
            except NotNow:
                raise NotCountedYet from None
            if kept.pop("is_finished"):
                cache.set(keys[-1], kept, KEPT_S)
        return SlideCount(analysis, **kept)

    def _is_counted_whole(self, analysis: Analysis) -> bool:
        protocol, area = self._protocols[analysis.slide.case_id], find_undrawn(analysis)
        return analysis.slide_id not in self._drawn_on and count_regions.is_counted_whole(analysis, protocol, area)

    def _list_keys(self, analysis: Analysis, reading: Reading) -> list[str]:
        """Under what the count may be kept, the last for a new one: who judged nothing shares it with all who did
        not."""
        protocol = self._protocols[analysis.slide.case_id]
        own = [_make_key(analysis, protocol, reading.reader_id)] if reading.reader_id else []
        return own if reading.judged else [*own, _make_key(analysis, protocol, None)]


def keep_count(analysis: Analysis, count: dict, protocol: Protocol) -> None:
    """What the viewer asked for, as `count_mitoses` gave it for the best region of a protocol, spares the list the
    search."""
    is_drawn = count["looked_in"]["where"] == TUMOUR
    is_searched = is_drawn or not count_regions.is_counted_whole(analysis, protocol, find_undrawn(analysis))
    if runs.analysis_state(analysis) == Job.State.DONE and is_searched:
        kept = _read_count(count)
        if kept.pop("is_finished"):
            cache.set(_make_key(analysis, protocol, count["reader"].pk), kept, KEPT_S)


def _read_count(count: dict) -> dict:
    by_reader = {row["reader"].pk: row["confirmed"] for row in count["readers"] if row["judged"]}
    told = {name: count[name] for name in ("confirmed", "provisional", "open", "score", "decided")}
    told["cutoffs"] = tuple(cutoff["from"] for cutoff in count["protocol"]["cutoffs"][1:])
    return told | {"by_reader": by_reader, "is_finished": counting.is_finished(count)}


def _rank_whole(reading: Reading) -> tuple[int, int]:
    return reading.confirmed, reading.provisional


def _make_key(analysis: Analysis, protocol: Protocol, reader_id: int | None) -> str:
    """Of all that decides numbers and score and is in no revision."""
    beside = (protocol, analysis.area_mm2, analysis.validity and analysis.validity["grade"], analysis.slide.doubts)
    where = hashlib.sha256(repr(beside).encode()).hexdigest()[:24]
    return f"count:{RULE}:{analysis.pk}:{analysis.revision}:{where}:{reader_id or 'nobody'}"
