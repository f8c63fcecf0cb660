"""Places that readers judged, as training wants them: one for each cell of a slide, whatever analyses showed it.

A slide may have been analysed several times; marks of different analyses within 7.5 µm are one place, and a reader's
last answer there is the one in force. What is not used is counted by why.
"""

import datetime
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import FloatField, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from analysis.models import Verdict
from analysis.pipeline.merge import RADIUS_UM
from analysis.pipeline.tumour_words import is_one_of
from analysis.services import review
from analysis.services.learning.choice import LEFT_OUT, TWO, Choice
from analysis.services.learning.keeping_apart import is_held_back, with_standing
from slides.models import Slide

MITOSIS, UNSURE = Verdict.Label.MITOSIS, Verdict.Label.UNSURE
# Why a place is not used, in the order in which it is asked.
HELD_BACK = "slide H05 is for reporting only"
LOCKED = "in the locked set, or of a case in it"
WITHDRAWN = "case withdrawn from learning"
NO_SIZE = "slide without a pixel size"
NOT_READY = "slide not ready"
SHEET = "sheet of cut-out figures"
COPY = "another copy of the file is used"
NOT_SURE = "nobody was sure"
ONE_READER = "one reader alone"
DIFFER = "readers differ"
OTHER_PURPOSE = "judged for the other purpose by fewer readers"
CAPPED = "a reader's share was above the cap"


@dataclass(frozen=True)
class Vote:
    """One reader's answer in force on one place."""

    verdict: uuid.UUID
    reader: int
    label: str
    purpose: str
    at: datetime.datetime


@dataclass
class Place:
    """A place and who judged it; `added`: a reader added it by hand."""

    slide: Slide
    x_l0: float
    y_l0: float
    added: bool
    votes: list[Vote] = field(default_factory=list)


@dataclass(frozen=True)
class LabelledPlace:
    """A place with its label: settled ones 0 or 1, others (k + 1) / (n + 2) for `mitoses` k among n voters."""

    slide: Slide
    x_l0: float
    y_l0: float
    added: bool
    purpose: str
    votes: tuple[Vote, ...]
    label: float
    settled: bool

    @property
    def mitoses(self) -> int:
        return sum(vote.label == MITOSIS for vote in self.votes)

    @property
    def order(self) -> tuple:
        """The same for the same verdicts, whatever the database gave first."""
        return str(self.slide.case_id), str(self.slide.pk), self.y_l0, self.x_l0


def label_places(choice: Choice, slides: QuerySet[Slide], left_out: Counter[str]) -> list[LabelledPlace]:
    """Of these slides, what the choice takes, in its order; `left_out` counts the other places by why."""
    wanted = {slide.pk: slide for slide in _select_slides(choice, slides)}
    reasons = _find_unused_slides(wanted.values())
    found = []
    for place in _collect_places(choice, wanted):
        if reason := reasons.get(place.slide.pk):
            left_out[reason] += 1
        else:
            found += _label_place(choice, place, left_out)
    return sorted(found, key=lambda place: place.order)


def _select_slides(choice: Choice, slides: QuerySet[Slide]) -> Iterator[Slide]:
    rows = with_standing(slides.select_related("case")).order_by("created", "pk")
    if choice.teams:
        rows = rows.filter(case__team__in=choice.teams)
    if choice.scanners:
        rows = rows.filter(scanner__in=choice.scanners)
    for slide in rows:
        if not choice.tumours or is_one_of(slide.case.tumour_type, choice.tumours):
            yield slide


def _find_unused_slides(slides: Iterable[Slide]) -> dict[uuid.UUID, str]:
    """Of the slides that nothing is taken from, why. Of copies of one file the first that came is used."""
    found, files = {}, set()
    for slide in slides:
        file = (slide.sha256, slide.scene)
        reasons = {
            HELD_BACK: is_held_back(slide.label),
            LOCKED: slide.is_locked,
            WITHDRAWN: slide.learns is False,
            NOT_READY: slide.state != Slide.State.READY,
            SHEET: slide.kind == Slide.Kind.SHEET,
            NO_SIZE: slide.mpp_x is None,
            COPY: bool(slide.sha256) and file in files,
        }
        reason = next((why for why, holds in reasons.items() if holds), None)
        if reason:
            found[slide.pk] = reason
        else:
            files.add(file)
    return found


def _collect_places(choice: Choice, slides: dict[uuid.UUID, Slide]) -> Iterator[Place]:
    """Places with a vote that the choice takes, slide by slide."""
    marks: dict[uuid.UUID, dict[tuple, list[Any]]] = {}
    for row in _select_verdicts(slides):
        mark = (row.analysis_id, row.detection_id, row.figure_id)
        marks.setdefault(row.analysis__slide_id, {}).setdefault(mark, []).append(row)
    for slide_id, rows_by_mark in marks.items():
        for rows in _join_marks(slides[slide_id], rows_by_mark):
            votes = [vote for vote in _newest_votes(rows) if _takes(choice, vote)]
            if votes:
                yield Place(slides[slide_id], rows[0].x, rows[0].y, any(row.figure_id for row in rows), votes)


def _select_verdicts(slides: Iterable[uuid.UUID]) -> Iterable[Any]:
    given = Verdict.objects.filter(analysis__slide__in=list(slides), analysis__withdrawn=None)
    rows = review.newest_verdicts(given).order_by("-analysis__created", "analysis", "revision")
    rows = rows.annotate(
        x=Coalesce("detection__x_l0", "figure__x_l0", output_field=FloatField()),
        y=Coalesce("detection__y_l0", "figure__y_l0", output_field=FloatField()),
    )
    columns = ("pk", "reader_id", "label", "purpose", "at", "analysis_id", "analysis__slide_id", "detection_id")
    return rows.values_list(*columns, "figure_id", "x", "y", named=True)


def _join_marks(slide: Slide, rows_by_mark: dict[tuple, list[Any]]) -> Iterator[list[Any]]:
    """Marks of one slide, those of different analyses at one place joined about the newest analysis' one."""
    marks = list(rows_by_mark)
    if len({mark[0] for mark in marks}) < 2 or slide.mpp_x is None or slide.mpp_y is None:
        yield from rows_by_mark.values()
        return
    from scipy.spatial import cKDTree  # here, since it takes longer to load than all of a web process

    places_um = [(rows[0].x * slide.mpp_x, rows[0].y * slide.mpp_y) for rows in rows_by_mark.values()]
    tree, taken = cKDTree(np.array(places_um)), set()
    for index, mark in enumerate(marks):
        if index in taken:
            continue
        joined, analyses = list(rows_by_mark[mark]), {mark[0]}
        near = tree.query_ball_point(places_um[index], RADIUS_UM)
        for other in sorted(near, key=lambda at: (np.hypot(*np.subtract(places_um[at], places_um[index])), at)):
            if other not in taken and marks[other][0] not in analyses:
                taken.add(other)
                analyses.add(marks[other][0])
                joined += rows_by_mark[marks[other]]
        taken.add(index)
        yield joined


def _newest_votes(rows: list[Any]) -> list[Vote]:
    """Of each reader the last answer at the place; none of who took it back."""
    last: dict[int, Any] = {}
    for row in sorted(rows, key=lambda row: (row.at, str(row.pk))):
        last[row.reader_id] = row
    standing = [row for row in last.values() if row.label != Verdict.Label.WITHDRAWN]
    return [Vote(row.pk, row.reader_id, row.label, row.purpose, row.at) for row in standing]


def _takes(choice: Choice, vote: Vote) -> bool:
    day = timezone.localdate(vote.at)
    in_time = (choice.since is None or choice.since <= day) and (choice.until is None or day <= choice.until)
    return in_time and vote.purpose in choice.purposes and vote.reader not in choice.without


def _label_place(choice: Choice, place: Place, left_out: Counter[str]) -> list[LabelledPlace]:
    """The place once or not at all. Answers for the two purposes are never mixed: those of more readers are taken."""
    votes = [vote for vote in place.votes if vote.label != UNSURE]
    by_purpose = [tuple(v for v in votes if v.purpose == purpose) for purpose in choice.purposes]
    by_purpose = sorted(filter(None, by_purpose), key=len, reverse=True)
    if not by_purpose:
        left_out[NOT_SURE] += 1
        return []
    if len(by_purpose) > 1:
        left_out[OTHER_PURPOSE] += 1
    voters = tuple(sorted(by_purpose[0], key=lambda vote: str(vote.verdict)))
    count, mitoses = len(voters), sum(vote.label == MITOSIS for vote in voters)
    # Settled by a majority of three or more, or by all of two (as MIDOG's readers settle theirs).
    settled = 2 * mitoses != count if count > 2 else count == 2 and mitoses in (0, 2)
    if count == 1 and choice.agreement == TWO:
        left_out[ONE_READER] += 1
        return []
    if not settled and count > 1 and choice.disputed == LEFT_OUT:
        left_out[DIFFER] += 1
        return []
    label = float(2 * mitoses > count) if settled else (mitoses + 1) / (count + 2)
    return [LabelledPlace(place.slide, place.x_l0, place.y_l0, place.added, voters[0].purpose, voters, label, settled)]
