"""Cases whose score cannot change any more by a reader's verdicts, each with its analysis and that reader.

The count is that of the list (`case_counts`): the case's worst slide, of the reader who judged most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from django.contrib.auth import get_user_model
from django.db.models import Q

from analysis.models import Analysis
from analysis.services.case_counts import CaseCounts, NotCountedYet
from analysis.services.readings import Readings
from mitoweb.lib.jobs.models import Job
from slides.models import Case, Slide

CASES_AT_ONCE = 50


@dataclass(frozen=True)
class DecidedCase:
    """confirmed, score: of the reader, in the best window of the case's protocol."""

    case: Case
    analysis: Analysis
    reader_id: int
    confirmed: int
    score: str


def list_decided_cases() -> Iterator[DecidedCase]:
    """Of all teams, by case; a few queries for each fifty cases, and a count for each case whose count is not kept."""
    judged = Analysis.objects.filter(withdrawn=None, verdicts__isnull=False).values("slide__case")
    ids = list(Case.objects.filter(pk__in=judged).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CASES_AT_ONCE):
        yield from _decide_cases(ids[start : start + CASES_AT_ONCE])


def _decide_cases(ids: list) -> Iterator[DecidedCase]:
    is_done = Q(job__state=Job.State.DONE) | Q(job__isnull=True)
    newest = Analysis.objects.filter(is_done, withdrawn=None, slide__case__in=ids, slide__kind=Slide.Kind.TISSUE)
    newest = newest.order_by("slide_id", "-created").distinct("slide_id").values("pk")
    rows = Analysis.objects.filter(pk__in=newest).select_related("slide__case__team", "job", "model")
    by_case = [list(of_case) for _, of_case in groupby(rows.order_by("slide__case", "pk"), _case_of)]
    readings = Readings(analysis.pk for of_case in by_case for analysis in of_case)
    for of_case in by_case:
        if found := _decide_case(of_case, readings):
            yield found


def _case_of(analysis: Analysis):
    return analysis.slide.case_id


def _decide_case(analyses: list[Analysis], readings: Readings) -> DecidedCase | None:
    judged: dict[int, int] = {}
    for analysis in analyses:
        for each in readings.list_readers(analysis.pk):
            judged[each.reader_id] = judged.get(each.reader_id, 0) + each.judged
    if not judged:
        return None
    reader_id = min(judged, key=lambda pk: (-judged[pk], pk))
    rows = [(analysis, readings.of_reader(analysis.pk, reader_id)) for analysis in analyses]
    try:
        worst = CaseCounts(rows, readings, get_user_model()(pk=reader_id), fresh=None).find_worst(rows)
    except NotCountedYet:
        return None  # the search took too long, so that nothing says that it is decided
    if worst is None or not worst.decided or worst.score is None:
        return None
    return DecidedCase(worst.analysis.slide.case, worst.analysis, reader_id, worst.confirmed, worst.score)
