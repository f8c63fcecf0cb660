"""Pages of training runs, for administrators: all of them, a new one, and one with its curves."""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analysis.api.training import require_trainer
from analysis.models import DataSet, ModelVersion, TrainingRun
from analysis.services import gates
from analysis.services.learning import data_sets, training_runs
from analysis.services.learning.choice import read_choice
from analysis.views.data_sets import name_readers
from analysis.views.gates import find_newest
from analysis.views.training_plots import draw_curves
from mitoweb.lib.access import get_visible
from mitoweb.lib.errors import Refused
from mitoweb.lib.refusals import do_or_say
from mitoweb.site.jobs.kinds import Look

State = TrainingRun.State
LOOKS = {
    State.WAITING: Look("Waiting", "clock"),
    State.RUNNING: Look("Training", "activity", "accent"),
    State.PAUSED: Look("Paused", "clock", "warn"),
    State.CANCELLED: Look("Cancelled", "circle-x"),
    State.FAILED: Look("Ended", "circle-alert", "bad"),
    State.DONE: Look("Done", "circle-check", "yes"),
}
# What a run comes past, by the word that its job tells where it is there.
STEPS = (
    ("Data set frozen", ""),
    ("Patches cut", ""),
    ("Reading", "Reading"),
    ("Training", "Training"),
    ("Threshold and temperature", "Threshold"),
    ("Candidate", "Registering"),
    ("Gate", "-"),
)
TRAINING = 3  # the number of that step


class RunForm(forms.Form):
    """What is asked of a new run. Names come from the services."""

    base = forms.ModelChoiceField(ModelVersion.objects.none(), label="Base", empty_label=None)
    data_set = forms.ModelChoiceField(DataSet.objects.none(), label="Data set", empty_label=None)
    recipe = forms.ChoiceField(label="Recipe")
    replay_share = forms.FloatField(label="Replay share", required=False)
    seed = forms.IntegerField(label="Seed", initial=1)

    def __init__(self, data=None) -> None:
        super().__init__(data)
        self.recipes = training_runs.list_offered_recipes()
        self.bases = training_runs.list_bases()
        self.data_sets = training_runs.list_trainable_data_sets()
        self.fields["base"].queryset = ModelVersion.objects.filter(pk__in=[row.pk for row in self.bases])
        self.fields["data_set"].queryset = DataSet.objects.filter(pk__in=[row.pk for row in self.data_sets])
        self.fields["recipe"].choices = [(recipe.name, recipe.name) for recipe in self.recipes]
        self._explain_fields()

    def _explain_fields(self) -> None:
        about = " ".join(f"{recipe.name}: {recipe.about}" for recipe in self.recipes)
        at_most = max((recipe.replay_at_most for recipe in self.recipes), default=0)
        replay = f"Of each batch, 0 to {at_most:g}, from the original data, so that nothing is forgotten. "
        replay += "Empty: as the recipe says."
        if training_runs.replay_folder() is None:
            replay = "The original data are not at hand here, so nothing is replayed."
        texts = {
            "base": "An approved version. Its finder is kept; its other network is trained.",
            "data_set": "Frozen verdicts whose patches are cut. From here on its cases cannot be locked.",
            "recipe": about,
            "replay_share": replay,
            "seed": "Another number draws other batches; the same one gives the same weights.",
        }
        for name, text in texts.items():
            self.fields[name].help_text = text

    @property
    def lacks(self) -> str:
        """What must be there before a run can be begun, in words."""
        if not self.data_sets:
            return "No data set is ready. Freeze one first."
        return "" if self.bases else "No approved version can be trained on from."


@require_safe
def runs_page(request):
    require_trainer(request.user)
    rows = TrainingRun.objects.visible_to(request.user).with_facts()
    table = [{"run": row, "look": LOOKS[row.state], "fact": _fact_of(row)} for row in rows]
    return render(request, "analysis/training_runs.html", {"table": table})


@require_http_methods(["GET", "HEAD", "POST"])
def new_run(request):
    require_trainer(request.user)
    form = RunForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            run = training_runs.start_run(
                asked["base"],
                asked["data_set"],
                training_runs.find_named_recipe(asked["recipe"]),
                seed=asked["seed"],
                replay_share=asked["replay_share"],
                by=request.user,
            )
        except Refused as refusal:
            form.add_error(None, _with_link(refusal))
        else:
            messages.success(request, f"Run {run.number} waits for its turn.")
            return redirect("training-run", run.pk)
    return render(request, "analysis/training_new.html", {"form": form})


def _with_link(refusal: Refused) -> str:
    """The sentence, with a link to the run that it speaks of."""
    run = getattr(refusal, "run", None)
    if run is None:
        return str(refusal)
    return format_html('{} <a href="{}">Open run {}</a>', refusal, reverse("training-run", args=[run.pk]), run.number)


@require_safe
def run_page(request, pk):
    require_trainer(request.user)
    run = get_visible(TrainingRun.objects.with_facts(), request.user, pk=pk)
    is_live = run.state in (State.WAITING, State.RUNNING)
    cap = read_choice(run.data_set.choice).cap
    gate = find_newest(run.result) if run.result else None
    context = {
        "run": run,
        "look": LOOKS[run.state],
        "fact": _fact_of(run),
        "is_live": is_live or run.is_stopping,
        "may_pause": is_live and not run.is_stopping,
        "may_go_on": run.state in (State.PAUSED, State.CANCELLED, State.FAILED) and not run.is_stopping,
        "may_cancel": run.state in (State.WAITING, State.RUNNING, State.PAUSED, State.FAILED),
        "said": _sentence_of(run),
        "steps": _steps_of(run, is_judged=gate is not None and gate[0].done is not None),
        "time_left": _time_left(run),
        "waited_min": round(run.waited_s / 60),
        "plots": draw_curves(run.curves, run.steps, run.base.name),
        "measured": [line for line in run.curves if "average_precision" in line],
        "balance": data_sets.measure_standing(run.data_set),
        "left_out": data_sets.list_left_out(run.data_set),
        "readers": name_readers(run.data_set.readers, cap),
        "cap": cap,
        "gate": gate,
        "clauses": gates.list_asked(),
        "events": [event | {"at": parse_datetime(event["at"])} for event in reversed(run.events)],
        "percent": round(100 * run.replay_share),
    }
    return render(request, "analysis/training_run.html", context)


def _fact_of(run: TrainingRun) -> str:
    """What stands beside the state: how far, or what it waits for."""
    job = run.job
    if run.is_stopping:
        return "writing its checkpoint"
    if run.state == State.RUNNING and job:
        if job.step.startswith("Waiting"):
            return job.step.lower()
        return f"step {job.done:,} of {run.steps:,}" if job.done else job.step.lower()
    if run.state == State.WAITING:
        return f"goes on at step {job.done:,}" if job and job.done else "for its turn; analyses come first"
    if run.state in (State.PAUSED, State.CANCELLED, State.FAILED) and job and job.done:
        return f"at step {job.done:,} of {run.steps:,}"
    return ""


def _time_left(run: TrainingRun) -> str:
    """At the speed of this step so far."""
    if run.state != State.RUNNING or run.is_stopping or not run.job.done:
        return ""
    seconds = run.job.step_seconds_left
    if seconds is None:
        return "time left not known yet"
    return f"about {round(seconds / 60):,} min left" if seconds >= 90 else "about a minute left"


def _sentence_of(run: TrainingRun) -> str:
    """What a person should know of a state, with what was kept."""
    message = run.job.message if run.job else ""
    said = {
        State.PAUSED: "Paused. Data set and checkpoint are kept: it goes on from there to the same weights.",
        State.CANCELLED: "Cancelled. Data set and checkpoint are kept: it can be let go on, or the same be begun anew.",
        State.FAILED: f"It ended: {message}" if message else "It ended without a word; its log is in the list of jobs.",
    }
    if run.state == State.WAITING and message:
        return message
    return said.get(run.state, "")


def _steps_of(run: TrainingRun, is_judged: bool) -> list[dict]:
    """The steps of a run, each done, being done, or to come."""
    now = run.job.step if run.job else ""
    done_to = 2 if run.state != State.DONE else len(STEPS) - (not is_judged)
    for at, (_, word) in enumerate(STEPS):
        if word and now.startswith(word) and run.state != State.DONE:
            done_to = at
    if now.startswith(("Waiting", "Out of")) or (run.job and run.job.done and done_to < TRAINING):
        done_to = TRAINING
    is_running = run.state == State.RUNNING
    return [
        {"name": name, "state": "done" if at < done_to else "now" if at == done_to and is_running else "next"}
        for at, (name, _) in enumerate(STEPS)
    ]


def _steer(change):
    """A view that does one thing to a run; what is refused is said on the next page."""

    @require_POST
    def view(request, pk):
        require_trainer(request.user)
        run = get_visible(TrainingRun.objects.with_facts(), request.user, pk=pk)
        do_or_say(request, lambda: change(run, request.user), tell=_with_link)
        return redirect("training-run", run.pk)

    return view


urlpatterns = [
    path("training/", runs_page, name="training-runs"),
    path("training/new/", new_run, name="training-new"),
    path("training/<uuid:pk>/", run_page, name="training-run"),
    path("training/<uuid:pk>/pause/", _steer(training_runs.pause_run), name="training-pause"),
    path("training/<uuid:pk>/go-on/", _steer(training_runs.continue_run), name="training-go-on"),
    path("training/<uuid:pk>/cancel/", _steer(training_runs.cancel_run), name="training-cancel"),
]
