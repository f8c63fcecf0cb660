"""How far every reader is with whole analyses, many at once: what lists say. Four queries, however many rows.

Over the whole of an analysis, whatever the region; the count in a region is `counting`.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from analysis.models import Detection, Verdict
from analysis.services import review


@dataclass(frozen=True)
class Reading:
    """One reader's verdicts in force over one whole analysis, and what is open for that reader."""

    reader_id: int | None
    confirmed: int
    judged: int
    open: int  # the model's calls and figures that somebody stands by, not judged by this reader

    @property
    def provisional(self) -> int:
        return self.confirmed + self.open


@dataclass(frozen=True)
class _Votes:
    confirmed: int
    judged: int
    on_calls: int
    on_figures: int


class Readings:
    """The readings of some analyses. What nobody judged is there too, as everybody's who has judged nothing."""

    def __init__(self, analysis_ids: Iterable[uuid.UUID]) -> None:
        ids = list(analysis_ids)
        in_force = review.newest_verdicts(Verdict.objects.filter(analysis__in=ids))
        in_force = in_force.exclude(label=Verdict.Label.WITHDRAWN).order_by()
        calls = Detection.objects.filter(analysis__in=ids, mitosis=True).order_by()
        self._calls = _by_analysis(calls.values("analysis").annotate(n=Count("pk")))
        on_figures = in_force.filter(figure__isnull=False)
        self._figures = _by_analysis(on_figures.values("analysis").annotate(n=Count("figure", distinct=True)))
        disputed = in_force.values("analysis", "detection", "figure").annotate(labels=Count("label", distinct=True))
        self._differ: dict[uuid.UUID, int] = {}
        for row in disputed.filter(labels__gt=1):
            self._differ[row["analysis"]] = self._differ.get(row["analysis"], 0) + 1
        self._votes: dict[uuid.UUID, dict[int, _Votes]] = {pk: {} for pk in ids}
        votes = in_force.values("analysis", "reader").annotate(
            confirmed=Count("pk", filter=Q(label=Verdict.Label.MITOSIS)),
            judged=Count("pk"),
            on_calls=Count("pk", filter=Q(detection__mitosis=True)),
            on_figures=Count("pk", filter=Q(figure__isnull=False)),
        )
        for row in votes:
            given = (row[name] for name in ("confirmed", "judged", "on_calls", "on_figures"))
            self._votes[row["analysis"]][row["reader"]] = _Votes(*given)

    def of_reader(self, analysis_id: uuid.UUID, reader_id: int | None) -> Reading:
        """Of somebody who judged nothing, and of None, the model's calls alone."""
        votes = self._votes[analysis_id].get(reader_id, _Votes(0, 0, 0, 0))
        open_calls = self._calls.get(analysis_id, 0) - votes.on_calls
        open_figures = self._figures.get(analysis_id, 0) - votes.on_figures
        return Reading(reader_id, votes.confirmed, votes.judged, open_calls + open_figures)

    def list_readers(self, analysis_id: uuid.UUID) -> list[Reading]:
        """Of all who judged something, by rising id."""
        return [self.of_reader(analysis_id, pk) for pk in sorted(self._votes[analysis_id])]

    def count_differing(self, analysis_id: uuid.UUID) -> int:
        """On how many detections and figures two readers differ."""
        return self._differ.get(analysis_id, 0)


def _by_analysis(rows) -> dict[uuid.UUID, int]:
    return {row["analysis"]: row["n"] for row in rows}
