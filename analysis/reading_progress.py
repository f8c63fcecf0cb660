"""What the lists of cases and slides say about analyses and reading. Registered when this app is loaded.

Each provider takes many rows at once and costs a fixed number of queries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from analysis.models import Analysis, Detection, Verdict
from analysis.services import counting, erasing, review, runs
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may
from slides.facts import facts
from slides.models import Slide

State = Job.State
ACTIVE = {State.QUEUED, State.RUNNING}


def register_progress() -> None:
    facts.of_cases = describe_cases
    facts.of_slides = describe_slides
    facts.subjects = find_audit_subjects
    facts.unread = filter_unread
    facts.made_of = erasing.describe_made_rows
    facts.worked_on = erasing.find_job_objects
    facts.erase = erasing.erase_analyses


def describe_slides(slides: Iterable[Slide], user) -> dict[Any, dict]:
    slides = list(slides)
    by_slide = _load_progress([slide.pk for slide in slides], user)
    return {slide.pk: _describe_slide(slide, by_slide.get(slide.pk), user) for slide in slides}


def describe_cases(cases: Iterable, user) -> dict[Any, dict]:
    cases = list(cases)
    slides: dict[Any, list[Slide]] = {case.pk: [] for case in cases}
    for slide in (
        Slide.objects.filter(case__in=cases).exclude(state=Slide.State.REFUSED).select_related("case__team", "job")
    ):
        slides[slide.case_id].append(slide)
    by_slide = _load_progress([slide.pk for rows in slides.values() for slide in rows], user)
    readers = _list_readers(cases, by_slide.values())
    return {case.pk: _describe_case(slides[case.pk], by_slide, readers[case.pk], user) for case in cases}


def find_audit_subjects(slides: Iterable[Slide]) -> dict[str, Any]:
    """What the audit calls the analyses of the slides, with the slide of each."""
    rows = Analysis.objects.filter(slide__in=slides).values_list("pk", "slide_id")
    return {f"analysis {pk}": slide_id for pk, slide_id in rows}


def filter_unread(cases: QuerySet, user) -> QuerySet:
    """Cases whose newest finished analysis of a slide holds a call that the user has not judged."""
    newest = Analysis.objects.filter(job__state=State.DONE).order_by("slide_id", "-created").distinct("slide_id")
    mine = Verdict.objects.filter(detection=OuterRef("pk"), reader=user).order_by("-revision")
    calls = Detection.objects.filter(mitosis=True, analysis__in=newest.values("pk"))
    open_calls = calls.annotate(mine=Subquery(mine.values("label")[:1])).filter(
        Q(mine__isnull=True) | Q(mine=Verdict.Label.WITHDRAWN)
    )
    return cases.filter(Exists(open_calls.filter(analysis__slide__case=OuterRef("pk"))))


@dataclass
class SlideProgress:
    """Where a slide's analyses are: the newest one, the newest finished one, and the user's reading of that."""

    newest: Analysis
    finished: Analysis | None = None
    reading: dict[str, int] = field(default_factory=dict)


def _load_progress(slide_ids: list, user) -> dict[Any, SlideProgress]:
    """By slide id, for slides that have an analysis."""
    found: dict[Any, SlideProgress] = {}
    for analysis in Analysis.objects.filter(slide__in=slide_ids).select_related("job").order_by("-created"):
        progress = found.setdefault(analysis.slide_id, SlideProgress(analysis))
        if progress.finished is None and runs.analysis_state(analysis) == State.DONE:
            progress.finished = analysis
    finished = [progress.finished.pk for progress in found.values() if progress.finished]
    summary = counting.count_by_analysis(finished, user)
    for progress in found.values():
        progress.reading = summary[progress.finished.pk] if progress.finished else {}
    return found


def _describe_slide(slide: Slide, progress: SlideProgress | None, user) -> dict:
    viewer = reverse("viewer", args=[slide.pk])
    fact = _choose_state(slide, progress)
    label = {"ready": "Analyse", "unread": "Read", "reading": "Go on"}.get(fact["key"], "Open")
    may_do = {"Analyse": "analysis.run", "Read": "verdict.give", "Go on": "verdict.give"}.get(label)
    if may_do and not may(user, may_do, slide.case.team):
        label = "Open"
    ready = slide.state == Slide.State.READY
    return _add_look(fact) | {"action": {"label": label, "url": viewer} if ready else None}


def _describe_case(slides: list[Slide], by_slide: dict[Any, SlideProgress], readers: list[dict], user) -> dict:
    """The case is as far as its least advanced slide; counts are summed."""
    states = [_choose_state(slide, by_slide.get(slide.pk)) for slide in slides]
    fact = min(states, key=lambda state: ORDER.index(state["key"])) if states else EMPTY
    readings = [by_slide[slide.pk].reading for slide in slides if slide.pk in by_slide and by_slide[slide.pk].reading]
    # The user's provisional count, and how much of it is still the model's word.
    count, count_fact = None, ""
    if readings:
        count = sum(reading["provisional"] for reading in readings)
        confirmed = sum(reading["confirmed"] for reading in readings)
        count_fact = f"{confirmed} confirmed" if any(reading["judged"] for reading in readings) else "model only"
    return _add_look(fact) | {"count": count, "count_fact": count_fact, "readers": readers}


# What needs attention first comes first.
ORDER = [
    *("failed", "quarantine", "no_size", "checking", "analysing", "waiting"),
    *("ready", "stopped", "unread", "reading", "read"),
]
LOOKS = {  # word, icon, tone
    "failed": ("Failed", "circle-alert", "bad"),
    "no_size": ("No pixel size", "ruler", "warn"),
    "checking": ("Checking", "loader", "accent"),
    "analysing": ("Analysing", "activity", "accent"),
    "waiting": ("Waiting", "clock", ""),
    "ready": ("Ready", "circle", ""),
    "stopped": ("Stopped", "circle-x", ""),
    "unread": ("Unread", "circle-dashed", "accent"),
    "reading": ("Reading", "eye", "accent"),
    "read": ("Read", "circle-check", "yes"),
    "empty": ("No slides", "image", ""),
    "refused": ("Refused", "circle-alert", "bad"),
    "quarantine": ("Waits for an administrator", "shield", "warn"),
}
EMPTY = {"key": "empty", "fact": "nothing uploaded yet", "percent": None}


def _choose_state(slide: Slide, progress: SlideProgress | None) -> dict:
    """The key of LOOKS, one fact, and how far in per cent."""
    if slide.state != Slide.State.READY:
        if slide.state != Slide.State.CHECKING:
            return _make_state(slide.state, slide.reason)
        if slide.job is not None and slide.job.state == State.QUEUED:
            return _make_state("waiting", "for its check")
        return _make_state("checking", "being checked")
    if progress is None:
        no_size = slide.mpp is None
        return _make_state("no_size", "set it to analyse") if no_size else _make_state("ready", "not analysed yet")
    state, job = runs.analysis_state(progress.newest), progress.newest.job
    if state == State.RUNNING:
        tiles = f"{job.done} of {job.total} tiles" if job.total else "starting"
        first = job.step[:1].lower() + job.step[1:]  # before the first tile comes the first look, a minute or two
        return _make_state("analysing", first if first and not job.done else tiles, job.percent)
    if state == State.QUEUED:
        return _make_state("waiting", "in the queue", job.percent if job.done else None)
    if progress.finished is not None:
        return _choose_reading_state(progress)
    if state == State.FAILED:
        return _make_state("failed", job.message)
    return _make_state("stopped", f"cancelled after {job.done} of {job.total} tiles")


def _choose_reading_state(progress: SlideProgress) -> dict:
    judged, left = progress.reading["judged"], progress.reading["open"]
    if not judged and not left:
        return _make_state("read", runs.analysis_message(progress.finished) or "the model called no mitosis")
    if not judged:
        return _make_state("unread", f"{left} to judge")
    if left:
        return _make_state("reading", f"{judged} of {judged + left} judged", round(100 * judged / (judged + left)))
    return _make_state("read", f"{judged} judged")


def _make_state(key: str, fact: str, percent: int | None = None) -> dict:
    return {"key": key, "fact": fact, "percent": percent}


def _add_look(fact: dict) -> dict:
    word, icon, tone = LOOKS[fact["key"]]
    return {"state": word, "icon": icon, "tone": tone, "fact": fact["fact"], "percent": fact["percent"]}


def _list_readers(cases: list, progress: Iterable[SlideProgress]) -> dict[Any, list[dict]]:
    """By case: those assigned and those who judged something, with done, reading or none."""
    finished = [row.finished for row in progress if row.finished]
    slide_case = dict(Slide.objects.filter(pk__in=[row.slide_id for row in finished]).values_list("pk", "case_id"))
    case_of = {row.pk: slide_case[row.slide_id] for row in finished}
    calls: dict[Any, int] = dict.fromkeys((case.pk for case in cases), 0)
    rows = Detection.objects.filter(analysis__in=finished, mitosis=True).order_by().values("analysis")
    for row in rows.annotate(n=Count("pk")):
        calls[case_of[row["analysis"]]] += row["n"]
    judged: dict[Any, dict[int, int]] = {case.pk: {} for case in cases}
    if cases:
        assigned = cases[0].readers.through.objects.filter(case__in=cases)
        for case_id, user_id in assigned.values_list("case_id", "user_id"):
            judged[case_id][user_id] = 0
    in_force = review.newest_verdicts(Verdict.objects.filter(analysis__in=finished))
    in_force = in_force.exclude(label=Verdict.Label.WITHDRAWN)
    on_calls = Count("pk", filter=Q(detection__mitosis=True))
    for row in in_force.order_by().values("analysis", "reader").annotate(n=Count("pk"), called=on_calls):
        of_case = judged[case_of[row["analysis"]]]
        of_case[row["reader"]] = of_case.get(row["reader"], 0) + row["called"]
    people = get_user_model().objects.in_bulk({user_id for of_case in judged.values() for user_id in of_case})
    return {
        case_id: [_describe_reader(people[pk], done, calls[case_id]) for pk, done in sorted(of_case.items())]
        for case_id, of_case in judged.items()
    }


def _describe_reader(person, judged: int, calls: int) -> dict:
    state = "done" if calls and judged >= calls else "reading" if judged else "none"
    return {"username": person.username, "initials": person.initials, "state": state}
