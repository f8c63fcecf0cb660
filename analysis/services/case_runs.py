"""Analyses that nobody sets up one by one: all slides of a case in one press, and a slide as soon as it is ready.

Both take the usual choices: the whole slide, the team's model in use, candidates, the model's own normaliser.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from analysis.models import Analysis
from analysis.services import model_versions, runs
from analysis.services.estimates import describe_seconds, estimate_seconds, measure_pace
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides.models import Case, Slide
from slides.services.cases import lock_case

State = Job.State
STOPPED = {State.FAILED, State.CANCELLED}
SHEET = "A sheet of cut-out figures, no tissue slide."
ANALYSED, UNDER_WAY = "It is analysed already.", "Its analysis is under way."


@dataclass(frozen=True)
class LeftOut:
    slide: Slide
    reason: str


@dataclass
class CasePlan:
    """What one press would do: slides to begin, analyses that stopped and would go on, and what is left out and why."""

    new: list[Slide] = field(default_factory=list)
    stopped: list[Analysis] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    seconds: float | None = None

    @property
    def slides(self) -> list[Slide]:
        return [*self.new, *(analysis.slide for analysis in self.stopped)]

    @property
    def slide_ids(self) -> list:
        return [slide.pk for slide in self.slides]

    @property
    def held_back(self) -> list[LeftOut]:
        """What is left out and neither analysed nor about to be."""
        return [each for each in self.left_out if each.reason not in {ANALYSED, UNDER_WAY}]

    @property
    def time(self) -> str:
        return describe_seconds(self.seconds)


def plan_case(case: Case, slides: list[Slide] | None = None) -> CasePlan:
    """By the newest analysis of each whole slide with its present pixel size. One of a region takes nothing away."""
    slides = list(case.slides.kept().select_related("case__team")) if slides is None else slides
    newest: dict[Any, Analysis] = {}
    # What was imported is none of ours, and no reason to leave a slide out.
    whole = Analysis.objects.filter(slide__in=slides, polygon__isnull=True, model__isnull=False).select_related("job")
    by_id = {slide.pk: slide for slide in slides}
    for analysis in whole.order_by("-created"):
        slide = analysis.slide = by_id[analysis.slide_id]
        if (analysis.mpp_x, analysis.mpp_y) == (slide.mpp_x, slide.mpp_y):
            newest.setdefault(slide.pk, analysis)
    plan = CasePlan()
    for slide in slides:
        _add_slide(plan, slide, newest.get(slide.pk))
    if plan.slides:
        pace = measure_pace(model_versions.find_active_model(case.team))
        plan.seconds = estimate_seconds(plan.slides, pace)
    return plan


def _add_slide(plan: CasePlan, slide: Slide, newest: Analysis | None) -> None:
    state = runs.analysis_state(newest) if newest else None
    try:
        runs.refuse_unready(slide)
    except Refused as refusal:
        plan.left_out.append(LeftOut(slide, str(refusal)))
        return
    if slide.kind != Slide.Kind.TISSUE:
        plan.left_out.append(LeftOut(slide, SHEET))
    elif newest is None:
        plan.new.append(slide)
    elif state in STOPPED:
        plan.stopped.append(newest)
    else:
        plan.left_out.append(LeftOut(slide, ANALYSED if state == State.DONE else UNDER_WAY))


def analyse_case(case: Case, user) -> tuple[list[Analysis], CasePlan]:
    """Begin what is not analysed, and let go on what stopped. Raises Refused where nothing is to be done.

    Pressed twice it begins nothing twice: the case is held while the slides are looked at.
    """
    # Before the case is held, since a job's row is locked before its case's.
    going_on = [runs.retry_analysis(analysis, user) for analysis in plan_case(case).stopped]
    with transaction.atomic():
        lock_case(case.pk)
        plan = plan_case(case)
        begun = [runs.start_analysis(slide, user) for slide in plan.new]
    if not (begun or going_on):
        raise Refused("No slide of this case is left to analyse.", "nothing_to_analyse")
    continued = {analysis.slide_id for analysis in going_on}
    plan.left_out = [each for each in plan.left_out if each.slide.pk not in continued]
    return [*begun, *going_on], plan


def analyse_on_arrival(slide: Slide) -> None:
    """Begin the analysis of a slide that can be analysed from now on, where its team wants that. Once in its life:
    whatever was analysed on it before, by whomever, leaves it to people. Inside the transaction that changed it.
    """
    team = slide.case.team
    team.refresh_from_db(fields=["analyse_on_arrival"])
    if not team.analyse_on_arrival or slide.kind != Slide.Kind.TISSUE or slide.analyses.exists():
        return
    if slide.state != Slide.State.READY or slide.mpp is None or slide.open_doubts:
        return  # asked of people on the page; their answer comes here again
    try:
        with transaction.atomic():
            runs.start_analysis(slide, None)
        text = "Analysis begun on arrival, as the team's setting says"
    except Refused as refusal:
        text = f"Not analysed on arrival: {refusal}"
    audit.record_change(None, team, "analysis.on_arrival", f"slide {slide.pk}", text)
