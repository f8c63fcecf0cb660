"""Ask for an analysis, stop it, let it go on. The work itself is analysis/tasks.py."""

import hashlib

from django.conf import settings
from django.db import transaction

from analysis.models import Analysis, ModelVersion
from analysis.pipeline.cards.card import NORMALISERS
from analysis.services import model_versions
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides.models import Region, Slide
from slides.services.cases import mark_case_of_slide_changed
from slides.services.doubts import join_doubts, refuse_open_doubts
from slides.services.outlines import checked_polygon

KIND = "analysis.run"
# Coarser than 10x, a nucleus is a handful of pixels and what the network sees is made up by the resampling.
COARSEST_MPP = 1.05


def start_analysis(
    slide: Slide,
    user,
    region: Region | None = None,
    model: ModelVersion | None = None,
    mode: str = Analysis.Mode.CANDIDATES,
    normaliser: str | None = None,
    idempotency_key: str | None = None,
) -> Analysis:
    """Write the analysis with all that decides its result, and its job, in one transaction. Rights are the caller's.

    A key used before by the same person on the same slide gives the analysis of that time. Raises Refused.
    """
    refuse_unready(slide)
    polygon = None
    if region:
        if region.slide_id != slide.pk:
            raise Refused("The region lies on another slide.", "region_elsewhere")
        # Checked again: what is pinned may never be changed.
        polygon = checked_polygon(region.polygon, slide.width, slide.height)
    model = _choose_model(slide, model)
    pinned = _pin_choices(slide, model, mode, normaliser)
    analysis = Analysis(slide=slide, region=region, polygon=polygon, created_by=user, **pinned)
    key = None
    if idempotency_key:  # one person's on one slide, of a length the job row holds
        key = f"analysis:{hashlib.sha256(f'{user.pk}:{slide.pk}:{idempotency_key}'.encode()).hexdigest()}"
    with transaction.atomic():
        mark_case_of_slide_changed(slide.pk)
        job = core.enqueue(KIND, analysis.pk, team=slide.case.team, created_by=user, idempotency_key=key)
        if job.object_id != analysis.pk:
            return Analysis.objects.get(pk=job.object_id)
        analysis.job = job
        analysis.save(force_insert=True)
        where = "a region" if region else "the whole slide"
        text = f"Asked for an analysis of {where}: {model.name}, {analysis.get_mode_display()}"
        _record_change(analysis, user, "analysis.start", text)
    return analysis


def cancel_analysis(analysis: Analysis, user) -> Analysis:
    """Stop the analysis at its next tile; what was found stays. One that has ended already is left as it is."""
    with transaction.atomic():
        if analysis.job and core.cancel(analysis.job, user):
            _record_change(analysis, user, "analysis.cancel", "Cancelled an analysis")
    return _reload_analysis(analysis)


def retry_analysis(analysis: Analysis, user) -> Analysis:
    """Let a failed or cancelled analysis go on where its finished tiles end. Raises Refused in any other state."""
    slide = analysis.slide
    if analysis.withdrawn:
        raise Refused("These detections were withdrawn; import the file again.", "withdrawn")
    refuse_open_doubts(slide)
    if slide.doubts and (analysis.mpp_x, analysis.mpp_y) != (slide.mpp_x, slide.mpp_y):
        raise Refused("The slide has another pixel size since; start a new analysis.", "size_changed")
    with transaction.atomic():
        if not (analysis.job and core.retry(analysis.job, user)):
            raise Refused("Only an analysis that failed or was cancelled can go on.", "not_stopped")
        mark_case_of_slide_changed(analysis.slide_id)
        _record_change(analysis, user, "analysis.retry", "Let an analysis go on")
    return _reload_analysis(analysis)


def describe_open_doubts(slide: Slide) -> str:
    """Why an analysis that was queued cannot begin; empty where it can. An answer may be taken back meanwhile."""
    asked = slide.open_doubts
    return f"The slide waits for an answer, then this analysis can go on: {join_doubts(asked)}" if asked else ""


PINNED = (
    *("model", "model_sha256", "mode", "normaliser", "threshold", "floor", "mpp_x", "mpp_y", "mpp_source"),
    *("slide", "slide_sha256", "region", "polygon", "created_by"),
)


def begin_anew(analysis: Analysis) -> None:
    """Ask for the same analysis once more, in the place of one whose tiles this version would lay otherwise.

    What was found stays with the old one, and with it what readers judged. Done twice it asks once. Inside a
    transaction.
    """
    new = Analysis(software=settings.VERSION, **{name: getattr(analysis, name) for name in PINNED})
    team, key = analysis.slide.case.team, f"analysis after:{analysis.pk}"
    job = core.enqueue(KIND, new.pk, team=team, created_by=new.created_by, idempotency_key=key, in_turn_of=analysis.job)
    if job.object_id == new.pk:
        new.job = job
        new.save(force_insert=True)
        _record_change(new, None, "analysis.start", "Began an analysis anew that an update of MitoWeb had cut short")


def list_usable_models(team) -> list[dict]:
    """The versions a person may choose from, the one in use first."""
    active = model_versions.find_active_model(team)
    rows = sorted(ModelVersion.objects.usable_by(team), key=lambda model: (model != active, model.name))
    return [
        {"id": str(model.pk), "name": model.name, "threshold": model.threshold, "active": model == active}
        for model in rows
    ]


def refuse_unready(slide: Slide) -> None:
    """Refused where no analysis of the slide can begin."""
    if slide.state != Slide.State.READY:
        state = "was refused" if slide.state == Slide.State.REFUSED else "is still being checked"
        raise Refused(f"The slide {state}; only a ready slide can be analysed.", "slide_not_ready")
    if slide.mpp is None:
        raise Refused(
            "The slide has no pixel size, so sizes on it are unknown; set its pixel size first.", "no_pixel_size"
        )
    refuse_open_doubts(slide)
    if slide.mpp > COARSEST_MPP:
        raise Refused(
            f"The slide has {slide.mpp:.3g} µm/px, too coarse to tell a mitosis; a scan of 1 µm/px or finer is needed.",
            "too_coarse",
        )


def _choose_model(slide: Slide, model: ModelVersion | None) -> ModelVersion:
    team = slide.case.team
    if model is None:
        model = model_versions.find_active_model(team)
        if model is None:
            raise Refused("No model is installed; an administrator adds one on the models page.", "no_model")
    elif not ModelVersion.objects.usable_by(team).filter(pk=model.pk).exists():
        raise Refused(f"The model {model.name} is not activated for this team.", "model_not_active")
    return model


def _pin_choices(slide: Slide, model: ModelVersion, mode: str, normaliser: str | None) -> dict:
    """All that decides the result, as it is now."""
    normaliser = normaliser or model.card["normaliser"]
    if normaliser not in NORMALISERS:
        raise Refused(f"There is no normaliser {normaliser}; one of {', '.join(NORMALISERS)}.", "unknown_normaliser")
    if mode not in Analysis.Mode.values:
        raise Refused(f"There is no mode {mode}; one of {', '.join(Analysis.Mode.values)}.", "unknown_mode")
    return {
        "model": model,
        "model_sha256": model.sha256,
        "mode": mode,
        "normaliser": normaliser,
        "threshold": model.threshold,
        "floor": model.card["floor"],
        "mpp_x": slide.mpp_x,
        "mpp_y": slide.mpp_y,
        "mpp_source": slide.mpp_source,
        "slide_sha256": slide.sha256,
        "software": settings.VERSION,
    }


def note_end(job: Job) -> None:
    """An analysis ended, however it did (called by the core): its case was changed."""
    slide_id = Analysis.objects.filter(pk=job.object_id).values_list("slide_id", flat=True).first()
    mark_case_of_slide_changed(slide_id)


def _record_change(analysis: Analysis, user, action: str, text: str) -> None:
    audit.record_change(user, analysis.slide.case.team, action, f"slide {analysis.slide_id}", text)


def _reload_analysis(analysis: Analysis) -> Analysis:
    return Analysis.objects.select_related("job", "model", "slide__case").get(pk=analysis.pk)


def analysis_state(analysis: Analysis) -> str:
    """The job's; what was withdrawn counts as cancelled, for good."""
    if analysis.withdrawn:
        return Job.State.CANCELLED
    return analysis.job.state if analysis.job else Job.State.DONE


def analysis_message(analysis: Analysis) -> str:
    """The sentence for people that goes with the state."""
    if analysis.withdrawn:
        return "These detections were withdrawn. They and the verdicts on them are kept, and count no more."
    if analysis_state(analysis) == Job.State.DONE and analysis.area_mm2 == 0:
        if analysis.imported:
            return "No tissue was found on the slide, so nothing is told per mm²."
        where = "in the region" if analysis.polygon else "on the slide"
        return f"No tissue was found {where}, so there was nothing to look at."
    return analysis.job.message if analysis.job else ""


def seconds_left(analysis: Analysis) -> float | None:
    """Of its present step, of the tiles at their mean speed so far; None when nothing runs or nothing is known yet."""
    job = analysis.job
    if job is not None and job.step_total:
        return job.step_seconds_left
    if job is None or job.state != Job.State.RUNNING or not job.done or not job.total or analysis.seconds is None:
        return None
    return round((job.total - job.done) * analysis.seconds / job.done, 1)
