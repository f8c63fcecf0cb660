"""What the lists of cases and slides say about analyses and reading. Registered when this app is loaded.

Each provider takes many rows at once and costs a fixed number of queries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from analysis.models import Analysis, Detection, Figure, Verdict
from analysis.services import case_runs, erasing, review, revisions, runs, whose_count
from analysis.services.case_counts import CaseCounts, NotCountedYet, SlideCount
from analysis.services.readings import Reading, Readings
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may
from slides.facts import facts
from slides.models import Slide
from slides.services.doubts import shorten_doubts

State = Job.State
FRESH_COUNTS = 4  # of a page with several cases; the others are asked for when they come into view


def register_progress() -> None:
    facts.of_cases = describe_cases
    facts.of_slides = describe_slides
    facts.subjects = find_audit_subjects
    facts.unread = filter_unread
    facts.made_of = erasing.describe_made_rows
    facts.worked_on = erasing.find_job_objects
    facts.erase = erasing.erase_analyses
    facts.plan = describe_plan
    facts.arrived = case_runs.analyse_on_arrival
    facts.outlined = ask_for_recount


def ask_for_recount(slide: Slide) -> None:
    """The tumour is where counts look."""
    revisions.ask_for_recount(Analysis.objects.filter(slide=slide))


def describe_slides(slides: Iterable[Slide], user) -> dict[Any, dict]:
    slides = list(slides)
    by_slide, _ = _load_progress(slides, user)
    return {slide.pk: _describe_slide(slide, by_slide.get(slide.pk), user) for slide in slides}


def describe_cases(cases: Iterable, user) -> dict[Any, dict]:
    cases = list(cases)
    rows = Slide.objects.filter(case__in=cases).exclude(state=Slide.State.REFUSED)
    slides: dict[Any, list[Slide]] = {case.pk: [] for case in cases}
    for slide in rows.select_related("case__team", "job"):
        slides[slide.case_id].append(slide)
    slides = {pk: _leave_out_sheets(of_case) for pk, of_case in slides.items()}
    by_slide, readings = _load_progress([slide for of_case in slides.values() for slide in of_case], user)
    judged = {pk: _find_judged(of_case, by_slide) for pk, of_case in slides.items()}
    readers = _list_readers(cases, judged, readings)
    every = [row for of_case in judged.values() for row in of_case]
    counts = CaseCounts(every, readings, user, fresh=None if len(cases) == 1 else FRESH_COUNTS)
    names = {row["id"]: row["username"] for of_case in readers.values() for row in of_case}
    return {
        pk: _add_look(_choose_case_state(of_case, by_slide))
        | _describe_count(counts, judged[pk], user, names)
        | {"readers": readers[pk], "differ": sum(readings.count_differing(row.pk) for row, _ in judged[pk])}
        for pk, of_case in slides.items()
    }


def describe_plan(case, slides: list[Slide], user) -> dict:
    """The one press that analyses what is left of a case."""
    if not may(user, "analysis.run", case.team):
        return {}
    plan = case_runs.plan_case(case, slides)
    if not plan.slides:
        return {}
    url = reverse("case-analyse", args=[case.pk])
    return {"slides": len(plan.slides), "time": plan.time, "url": url, "left_out": plan.held_back}


def find_audit_subjects(slides: Iterable[Slide]) -> dict[str, Any]:
    """What the audit calls the analyses of the slides, with the slide of each."""
    rows = Analysis.objects.filter(slide__in=slides).values_list("pk", "slide_id")
    return {f"analysis {pk}": slide_id for pk, slide_id in rows}


def filter_unread(cases: QuerySet, user) -> QuerySet:
    """Cases whose newest finished analysis of a slide holds a call or a figure that the user has not judged."""
    counted = ~Q(slide__kind=Slide.Kind.SHEET) | ~Exists(_find_tissue(OuterRef("slide__case")))
    is_done = Q(job__state=State.DONE) | Q(job__isnull=True)
    standing = Analysis.objects.filter(withdrawn__isnull=True, slide__case__in=cases.order_by().values("pk"))
    ended = standing.filter(counted, is_done)
    newest = ended.order_by("slide_id", "-created").distinct("slide_id").values("pk")
    calls = Detection.objects.filter(mitosis=True, analysis__in=newest)
    on_figures = review.newest_verdicts(Verdict.objects.filter(figure__isnull=False, analysis__in=newest))
    stood_by = on_figures.exclude(label=Verdict.Label.WITHDRAWN).values("figure")
    figures = Figure.objects.filter(pk__in=stood_by, analysis__in=newest)
    return cases.filter(_has_open(calls, "detection", user) | _has_open(figures, "figure", user))


def _find_tissue(case) -> QuerySet:
    return Slide.objects.filter(case=case, kind=Slide.Kind.TISSUE).exclude(state=Slide.State.REFUSED)


def _has_open(marks: QuerySet, kind: str, user) -> Exists:
    """Whether a case has one of the marks on which no verdict of the user is in force."""
    mine = Verdict.objects.filter(**{kind: OuterRef("pk")}, reader=user).order_by("-revision")
    is_open = Q(mine__isnull=True) | Q(mine=Verdict.Label.WITHDRAWN)
    open_marks = marks.annotate(mine=Subquery(mine.values("label")[:1])).filter(is_open)
    return Exists(open_marks.filter(analysis__slide__case=OuterRef("pk")))


@dataclass
class SlideProgress:
    """Where a slide's analyses are: the newest one, the newest finished one, and the reading of that which is shown."""

    newest: Analysis
    finished: Analysis | None = None
    reading: Reading | None = None


def _load_progress(slides: list[Slide], user) -> tuple[dict[Any, SlideProgress], Readings]:
    """By slide id, for slides that have an analysis."""
    by_id = {slide.pk: slide for slide in slides}
    found: dict[Any, SlideProgress] = {}
    standing = Analysis.objects.filter(slide__in=by_id, withdrawn__isnull=True)
    for analysis in standing.select_related("job").order_by("-created"):
        analysis.slide = by_id[analysis.slide_id]
        progress = found.setdefault(analysis.slide_id, SlideProgress(analysis))
        if progress.finished is None and runs.analysis_state(analysis) == State.DONE:
            progress.finished = analysis
    finished = [progress.finished for progress in found.values() if progress.finished]
    readings = Readings(analysis.pk for analysis in finished)
    for analysis in finished:
        found[analysis.slide_id].reading = _choose_reading(analysis, readings, user)
    return found, readings


def _choose_reading(analysis: Analysis, readings: Readings, user) -> Reading:
    """The user's own, or of a reader where the user is none."""
    if whose_count.judges(user, analysis.slide.case.team_id):
        return readings.of_reader(analysis.pk, user.pk)
    judged = {reading.reader_id: reading.judged for reading in readings.list_readers(analysis.pk)}
    return readings.of_reader(analysis.pk, whose_count.pick_reader(user, judged))


def _leave_out_sheets(slides: list[Slide]) -> list[Slide]:
    """A sheet of cut-outs says nothing of how far its case is, unless the case has nothing else."""
    return [slide for slide in slides if slide.kind != Slide.Kind.SHEET] or slides


def _find_judged(slides: list[Slide], by_slide: dict[Any, SlideProgress]) -> list[tuple[Analysis, Reading]]:
    """The finished analysis of each slide that has one, and the reading that is shown of it."""
    found = (by_slide.get(slide.pk) for slide in slides)
    return [(each.finished, each.reading) for each in found if each and each.finished and each.reading]


def _describe_slide(slide: Slide, progress: SlideProgress | None, user) -> dict:
    viewer = reverse("viewer", args=[slide.pk])
    fact = _choose_state(slide, progress)
    label = {"ready": "Analyse", "unread": "Read", "reading": "Go on"}.get(fact["key"], "Open")
    may_do = {"Analyse": "analysis.run", "Read": "verdict.give", "Go on": "verdict.give"}.get(label)
    if may_do and not may(user, may_do, slide.case.team):
        label = "Open"
    ready = slide.state == Slide.State.READY
    return _add_look(fact) | {"action": {"label": label, "url": viewer} if ready else None}


def _describe_count(counts: CaseCounts, rows: list[tuple[Analysis, Reading]], user, names: dict[int, str]) -> dict:
    """The count of the worst slide: how many, of what, what is open, the ruler, and the score of its protocol."""
    nothing = {"count": None, "count_fact": "", "count_open": "", "count_later": False, "ruler": None}
    nothing |= {"score": None, "score_words": "", "decided": None, "cutoffs": ()}
    try:
        worst = counts.find_worst(rows)
    except NotCountedYet:
        return nothing | {"count_later": True}
    if worst is None:
        return nothing
    model_only = not any(reading.judged for _, reading in rows)
    reader_id = next(reading.reader_id for analysis, reading in rows if analysis == worst.analysis)
    shown = worst.provisional if model_only else worst.confirmed
    low, high = (None, None) if model_only else worst.interval or (None, None)
    return nothing | {
        "count": shown,
        "count_fact": f"{_write_whose(model_only, reader_id, user, names)} on {worst.analysis.slide.label}",
        "count_open": _write_open(worst, reader_id, user, names),
        "ruler": {"dot": shown, "up_to": worst.provisional, "low": low, "high": high},
        "score": worst.score,
        "score_words": _write_score(worst),
        "decided": worst.decided,
        "cutoffs": worst.cutoffs if worst.score is not None else (),  # what blocks the score takes them with it
    }


def _write_whose(model_only: bool, reader_id: int | None, user, names: dict[int, str]) -> str:
    if model_only or reader_id is None:
        return "model only"
    return "confirmed" if reader_id == user.pk else f"confirmed by {names[reader_id]}"


def _write_score(count: SlideCount) -> str:
    """Told once nothing can change it. Scores are numbers, or ranges of counts that speak for themselves."""
    if count.score is None or (count.open and not count.decided):
        return ""
    named = f"score {count.score}" if count.score.isdecimal() else count.score
    return f"{named} decided" if count.decided else named


def _write_open(worst: SlideCount, reader_id: int | None, user, names: dict[int, str]) -> str:
    """What is open, and to somebody who does not judge what the other readers count."""
    others = {} if reader_id == user.pk else {pk: n for pk, n in worst.by_reader.items() if pk != reader_id}
    said = [f"{names[pk]} {confirmed}" for pk, confirmed in sorted(others.items())]
    return ", ".join([f"{worst.open} open" if worst.open else "none open", *said])


# What needs attention first comes first.
BLOCKED = ("failed", "quarantine", "no_size", "asked", "checking", "analysing", "waiting")
LOOKS = {  # word, icon, tone
    "failed": ("Failed", "circle-alert", "bad"),
    "no_size": ("No pixel size", "ruler", "warn"),
    "asked": ("Waits for an answer", "circle-help", "warn"),
    "checking": ("Checking", "loader", "accent"),
    "analysing": ("Analysing", "activity", "accent"),
    "waiting": ("Waiting", "clock", ""),
    "ready": ("Ready", "circle", ""),
    "stopped": ("Stopped", "circle-x", ""),
    "unread": ("Unread", "circle-dashed", "accent"),
    "reading": ("Reading", "eye", "accent"),
    "none": ("Nothing called", "circle-check", ""),
    "partly": ("Partly read", "circle-dashed", ""),
    "read": ("Read", "circle-check", "yes"),
    "empty": ("No slides", "image", ""),
    "refused": ("Refused", "circle-alert", "bad"),
    "quarantine": ("Waits for an administrator", "shield", "warn"),
}
EMPTY = {"key": "empty", "fact": "nothing uploaded yet", "percent": None}


def _choose_case_state(slides: list[Slide], by_slide: dict[Any, SlideProgress]) -> dict:
    """What keeps a slide from being read comes first, with the slide's name; then how far the reading of all is."""
    states = [(slide.label, _choose_state(slide, by_slide.get(slide.pk))) for slide in slides]
    for key in BLOCKED:
        for label, state in states:
            if state["key"] == key:
                return state if len(states) == 1 else state | {"fact": f"{label}: {state['fact']}"}
    analysed = _find_judged(slides, by_slide)
    if not analysed:
        return states[0][1] if states else EMPTY
    state = _choose_reading_state(analysed)
    rest = [label for label, each in states if each["key"] in {"ready", "stopped"}]
    if not rest:
        return state
    if state["key"] == "read":
        state["key"] = "partly"
    missing = rest[0] if len(rest) == 1 else f"{len(rest)} slides"
    return state | {"fact": f"{state['fact']}; {missing} not analysed"}


def _choose_state(slide: Slide, progress: SlideProgress | None) -> dict:
    """The key of LOOKS, one fact, and how far in per cent."""
    if slide.state != Slide.State.READY:
        if slide.state != Slide.State.CHECKING:
            return _make_state(slide.state, slide.reason)
        if slide.job is not None and slide.job.state == State.QUEUED:
            return _make_state("waiting", "for its check")
        return _make_state("checking", "being checked")
    if progress is None:
        if slide.mpp is None:
            return _make_state("no_size", "set it to analyse")
        if slide.open_doubts:
            return _make_state("asked", shorten_doubts(slide.open_doubts))
        return _make_state("ready", "not analysed yet")
    state, job = runs.analysis_state(progress.newest), progress.newest.job
    if state == State.RUNNING:
        tiles = f"{job.done} of {job.total} tiles" if job.total else "starting"
        first = job.step[:1].lower() + job.step[1:]  # before the first tile comes the first look, a minute or two
        return _make_state("analysing", first if first and not job.done else tiles, job.percent)
    if state == State.QUEUED:
        return _make_state("waiting", "in the queue", job.percent if job.done else None)
    if progress.finished is not None and progress.reading is not None:
        return _choose_reading_state([(progress.finished, progress.reading)])
    if state == State.FAILED:
        return _make_state("failed", job.message)
    return _make_state("stopped", f"cancelled after {job.done} of {job.total} tiles")


def _choose_reading_state(rows: list[tuple[Analysis, Reading]]) -> dict:
    """Of one slide or of several together."""
    judged, left = (sum(getattr(reading, name) for _, reading in rows) for name in ("judged", "open"))
    if not judged and not left:
        message = runs.analysis_message(rows[0][0]) if len(rows) == 1 else ""
        return _make_state("none", message or "the model called no mitosis")
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


def _list_readers(cases: list, judged: dict[Any, list], readings: Readings) -> dict[Any, list[dict]]:
    """By case: those assigned and those who judged something, with done, reading or none."""
    ids: dict[Any, set[int]] = {
        pk: {each.reader_id for analysis, _ in rows for each in readings.list_readers(analysis.pk)}
        for pk, rows in judged.items()
    }
    if cases:
        assigned = cases[0].readers.through.objects.filter(case__in=cases)
        for case_id, user_id in assigned.values_list("case_id", "user_id"):
            ids[case_id].add(user_id)
    people = get_user_model().objects.in_bulk({reader_id for of_case in ids.values() for reader_id in of_case})
    return {
        pk: [
            _describe_reader(
                people[reader_id], [readings.of_reader(analysis.pk, reader_id) for analysis, _ in judged[pk]]
            )
            for reader_id in sorted(of_case)
        ]
        for pk, of_case in ids.items()
    }


def _describe_reader(person, readings: list[Reading]) -> dict:
    judged, left = sum(each.judged for each in readings), sum(each.open for each in readings)
    state = "none" if not judged else "reading" if left else "done"
    return {"id": person.pk, "username": person.username, "initials": person.initials, "state": state}
