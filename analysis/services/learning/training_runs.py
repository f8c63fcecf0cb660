"""Training runs: what may be begun, begun, paused, let go on and cancelled. Rights are the caller's to know.

A run is one job in a lane of its own (`analysis/training_jobs.py` does the work). It goes on from its checkpoint after
whatever stopped it; pausing is stopping its job, going on is queueing it again.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from analysis.lab.errors import ConfigRefused
from analysis.lab.learning.recipe import Recipe, choose_replay_share, find_recipe, list_recipes
from analysis.models import DataSet, ModelVersion, TrainingRun
from analysis.pipeline.networks import PATCH_CLASSIFIER, find_network
from analysis.services import model_standing
from analysis.services.learning.data_sets import take_for_training
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit

KIND = "training.run"
State = TrainingRun.State
# An error is tried once more, with half batches: on a CPU want of memory is a kill, which tells nothing.
ATTEMPTS = 2
EVENTS_KEPT = 200
GREATEST_SEED = 2**31 - 1


# What may be begun ------------------------------------------------------------------------------------------------
def replay_folder() -> Path | None:
    """Where the original data lie, None where the laboratory has none or may not use them."""
    return Path(settings.REPLAY_DATA) if settings.REPLAY_DATA else None


def find_named_recipe(name: str) -> Recipe:
    """Raises Refused naming those that there are. A file's name is none here."""
    try:
        return find_recipe(Path(name).stem if name.endswith(".toml") else name)
    except ConfigRefused as refusal:
        raise Refused(str(refusal), "recipe") from refusal


def list_bases() -> list[ModelVersion]:
    """Versions that a run may go on from: approved, and of the kind that patches train."""
    rows = ModelVersion.objects.approved().order_by("-created")
    return [model for model in rows if not _fault_of_base(model)]


def list_trainable_data_sets() -> list[DataSet]:
    return [row for row in DataSet.objects.order_by("-made") if row.is_ready and row.hash]


def start_run(
    base: ModelVersion, data_set: DataSet, recipe: Recipe, *, seed: int = 1, replay_share: float | None = None, by=None
) -> TrainingRun:
    """Begin a run. Refused: what cannot be trained on or from, more replay than the recipe allows, the same again."""
    by = by if getattr(by, "pk", None) else None
    model_standing.refuse_unusable(base)
    if fault := _fault_of_base(base):
        raise Refused(f"{base.name} cannot be trained on from: {fault}.", "base")
    if not 0 <= seed <= GREATEST_SEED:
        raise Refused(f"A seed is a whole number from 0 to {GREATEST_SEED}.", "seed")
    share = _choose_share(recipe, replay_share)
    try:
        with transaction.atomic():
            data_set = take_for_training(data_set, by)
            _refuse_untrainable(data_set, recipe)
            return _create_run(base, data_set, recipe, seed, share, by)
    except IntegrityError as error:
        if "config" in str(error):  # of somebody who began the same at this moment
            raise _begun_already(_key_of(base, data_set.hash, recipe, seed, share)) from error
        raise


def _fault_of_base(model: ModelVersion) -> str:
    if find_network(model.card["architecture"]).kind != PATCH_CLASSIFIER:
        return "it looks at whole images, and a data set holds patches"
    if model.card["normaliser"] != "none":
        return "it sees normalised patches, and a data set holds plain ones"
    return ""


def _choose_share(recipe: Recipe, asked: float | None) -> float:
    try:
        return choose_replay_share(recipe, asked, replay_folder() is not None)
    except ConfigRefused as refusal:
        raise Refused(str(refusal), "replay_share") from refusal


def _refuse_untrainable(data_set: DataSet, recipe: Recipe) -> None:
    """What the training itself would refuse, told before it is begun."""
    counts = data_set.rows.standing().aggregate(
        mitoses=Count("pk", filter=Q(label__gte=0.5)),
        others=Count("pk", filter=Q(label__lt=0.5)),
        slides=Count("slide", distinct=True),
    )
    mitoses, others = counts["mitoses"], counts["others"]
    if not mitoses or not others:
        only = "mitoses" if mitoses else "places that are no mitosis"
        raise Refused(f"{data_set.name} holds {only} alone; a network learns from both classes.", "one_class")
    if counts["slides"] == 1:
        raise Refused(f"All places of {data_set.name} are of one slide; nothing could be held out.", "one_slide")
    if min(mitoses, others) < recipe.least_places:
        raise Refused(
            f"{data_set.name} holds {mitoses} mitoses and {others} other places; "
            f"{recipe.name} needs {recipe.least_places} of each.",
            "too_few_places",
        )


def _create_run(base, data_set: DataSet, recipe: Recipe, seed: int, share: float, by) -> TrainingRun:
    key = _key_of(base, data_set.hash, recipe, seed, share)
    if TrainingRun.objects.filter(config_key=key, closed=None).exists():
        raise _begun_already(key)
    last = TrainingRun.objects.aggregate(last=Max("number"))["last"] or 0
    run = TrainingRun.objects.create(
        number=last + 1,
        base=base,
        data_set=data_set,
        data_set_hash=data_set.hash,
        recipe=recipe.name,
        recipe_sha256=recipe.sha256,
        recipe_values=json.loads(json.dumps(asdict(recipe))),
        seed=seed,
        replay_share=share,
        config_key=key,
        created_by=by,
        steps=recipe.steps,
        events=[_event("Asked for")],
    )
    run.job = core.enqueue(KIND, run.pk, created_by=by, max_attempts=ATTEMPTS)
    run.save(update_fields=["job"])
    _record(run, by, "begin", f"Run {run.number} asked for: {base.name}, data set {data_set.pk}, {recipe.name}")
    return run


def _key_of(base: ModelVersion, data_set_hash: str, recipe: Recipe, seed: int, share: float) -> str:
    parts = [base.sha256, data_set_hash, recipe.sha256, seed, share]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _begun_already(key: str) -> Refused:
    run = TrainingRun.objects.filter(config_key=key, closed=None).first()
    which = f"run {run.number} ({run.state.label.lower()})" if run else "a run"
    refusal = Refused(
        f"The same is {which} already: an equal run would give equal weights. Take another seed.", "run_twice"
    )
    refusal.run = run
    return refusal


# Steering one -----------------------------------------------------------------------------------------------------
def pause_run(run: TrainingRun, by=None) -> TrainingRun:
    """Stop it with a checkpoint. Refused where it has ended."""
    with transaction.atomic():
        run = _lock(run)
        if run.state not in (State.WAITING, State.RUNNING) or not core.cancel(run.job, by):
            raise Refused(f"Run {run.number} is {run.state.label.lower()}; there is nothing to pause.", "not_running")
        run.job.refresh_from_db()
        run.paused = timezone.now()
        _add_event(run, f"Paused by {by}" if by else "Paused")
        run.save(update_fields=["paused", "events"])
        _record(run, by, "pause", f"Run {run.number} paused")
    return run


def continue_run(run: TrainingRun, by=None) -> TrainingRun:
    """Let it go on from its checkpoint. Refused where it runs or is done, and where the same was begun since."""
    with transaction.atomic():
        run = _lock(run)
        if run.state not in (State.PAUSED, State.CANCELLED, State.FAILED) or run.is_stopping:
            raise Refused(f"Run {run.number} is {run.state.label.lower()}; it cannot go on.", "not_stopped")
        others = TrainingRun.objects.filter(config_key=run.config_key, closed=None).exclude(pk=run.pk)
        if others.exists():
            raise _begun_already(run.config_key)
        model_standing.refuse_unusable(run.base)
        run.paused = run.cancelled = run.closed = None
        if run.job is None or not core.retry(run.job, by):
            run.job = core.enqueue(KIND, run.pk, created_by=by, max_attempts=ATTEMPTS)
        run.job.refresh_from_db()
        _add_event(run, f"Let go on by {by}" if by else "Let go on")
        run.save(update_fields=["paused", "cancelled", "closed", "job", "events"])
        _record(run, by, "continue", f"Run {run.number} goes on")
    return run


def cancel_run(run: TrainingRun, by=None) -> TrainingRun:
    """End it. Its data set and its checkpoint are kept. Refused where it has ended."""
    with transaction.atomic():
        run = _lock(run)
        if run.state in (State.DONE, State.CANCELLED):
            raise Refused(f"Run {run.number} is {run.state.label.lower()} already.", "not_running")
        if run.job and core.cancel(run.job, by):
            run.job.refresh_from_db()
        run.cancelled = run.closed = timezone.now()
        _add_event(run, f"Cancelled by {by}" if by else "Cancelled")
        run.save(update_fields=["cancelled", "closed", "events"])
        _record(run, by, "cancel", f"Run {run.number} cancelled")
    return run


def note_end(job: Job) -> None:
    """Called in the transaction that ends the job, whoever ends it."""
    run = TrainingRun.objects.select_for_update(of=("self",)).filter(job=job).first()
    if run is None:
        return
    words = {Job.State.DONE: "Done", Job.State.FAILED: "Ended", Job.State.CANCELLED: "Stopped"}
    said = f": {job.message}" if job.message and job.state == Job.State.FAILED else ""
    _add_event(run, words[Job.State(job.state)] + said)
    if job.state == Job.State.FAILED:
        run.closed = timezone.now()
    run.save(update_fields=["events", "closed"])


# What the job writes, inside its own transaction -------------------------------------------------------------------
def note_event(run_id, text: str, **facts) -> None:
    """One line of what happened, and what else is known since."""
    run = TrainingRun.objects.select_for_update(of=("self",)).get(pk=run_id)
    _add_event(run, text)
    for name, value in facts.items():
        setattr(run, name, value)
    run.save(update_fields=["events", *facts])


def keep_curves(run_id, curves: list[dict], waited_s: float) -> None:
    TrainingRun.objects.filter(pk=run_id).update(curves=curves, waited_s=waited_s)


def keep_result(run_id, model: ModelVersion, lineage: dict) -> None:
    """The candidate version that came out."""
    note_event(run_id, f"Candidate {model.name} is there", result=model, lineage=lineage)


def count_awaited_analyses() -> int:
    """Jobs that somebody waits for, which run or could run now: a training makes way for them."""
    from mitoweb.lib.jobs import registry

    awaited = [one.kind for one in registry.in_lane(Job.Lane.COMPUTE) if not one.in_background]
    now = Q(not_before=None) | Q(not_before__lte=timezone.now())
    live = Q(state=Job.State.RUNNING) | Q(state=Job.State.QUEUED) & now
    return Job.objects.filter(live, lane=Job.Lane.COMPUTE, kind__in=awaited).count()


def _lock(run: TrainingRun) -> TrainingRun:
    rows = TrainingRun.objects.select_related("base", "data_set", "job")
    return rows.select_for_update(of=("self",)).get(pk=run.pk)


def _event(text: str) -> dict[str, str]:
    return {"at": timezone.now().isoformat(timespec="seconds"), "text": text}


def _add_event(run: TrainingRun, text: str) -> None:
    run.events = [*run.events, _event(text)][-EVENTS_KEPT:]


def _record(run: TrainingRun, by, action: str, text: str) -> None:
    audit.record_change(by, None, f"training.{action}", f"training_run {run.pk}", text)


def list_offered_recipes() -> list[Recipe]:
    """Those that come with the program."""
    return list_recipes()
