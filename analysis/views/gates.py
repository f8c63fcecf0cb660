"""The page of a gate's report, and what an administrator does there: look, approve, override. What a version's page
tells of its newest one.
"""

from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, Http404
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from analysis.api.gates import require_judge
from analysis.models import GateOverride, GateReport, ModelVersion
from analysis.services import gates, model_decisions, model_versions, replays
from analysis.services.learning.locked_set import WORN_OUT_AFTER, count_looks
from analysis.services.model_standing import State, find_state
from analysis.views.gate_rows import WIDTH_PX, list_rows
from analysis.views.replays import summarise
from mitoweb.lib.access import get_visible
from mitoweb.lib.refusals import do_or_say
from mitoweb.site.jobs.kinds import Look

LOOKS = {
    "pass": Look("Passed", "circle-check", "yes"),
    "fail": Look("Failed", "circle-x", "bad"),
    "person": Look("Needs a person", "user", "warn"),
    "waiting": Look("Waits for its turn", "clock"),
    "running": Look("Evaluating", "activity", "accent"),
    "failed": Look("Ended", "circle-alert", "bad"),
}
# Kinds of flips as `analysis.lab.gate` calls them.
FLIPS = {
    "lost": "Mitoses found before, now lost",
    "gained": "Mitoses found now, not before",
    "new_false": "New false ones",
    "gone_false": "False ones that are gone",
}
FLIPS_SHOWN = 24  # of a kind


@dataclass(frozen=True)
class News:
    """How a version stands with its gate, for its page."""

    word: str
    sentence: str
    icon: str
    tone: str
    report: GateReport | None = None
    is_live: bool = False


def tell_news(model: ModelVersion) -> News | None:
    """Of the newest report; None of a version that waits for none."""
    newest, waits = find_newest(model), model.state in (State.CANDIDATE, State.VALIDATED)
    if newest is None:
        step = model.standings.last()
        return News("No gate yet.", step.reason if step else "", "shield-check", "warn") if waits else None
    report, look = newest
    if report.is_live:
        told = f"Held against {report.base.name} on the locked set: {look.word.lower()}."
        return News("Its gate is on its way.", told, look.icon, "", report, is_live=True)
    if not waits:
        return None  # what was decided on it stands in the history
    if not report.done:
        message = report.job.message if report.job else ""
        return News("Its gate ended without a verdict.", message, look.icon, "bad", report)
    return News(f"Gate: {look.word.lower()}.", report.sentence, look.icon, look.tone, report)


def find_newest(model: ModelVersion) -> tuple[GateReport, Look] | None:
    """Its newest report, and the word for how that stands."""
    report = model.gate_reports.with_facts().first()
    return (report, LOOKS[report.verdict or report.state]) if report else None


@require_safe
def gate_page(request, pk):
    require_judge(request.user)
    report = get_visible(GateReport.objects.with_facts(), request.user, pk=pk)
    is_live = report.is_live
    before = report.candidate.gate_reports.with_facts().exclude(pk=report.pk)
    context: dict[str, Any] = {
        "report": report,
        "look": LOOKS[report.verdict or report.state],
        "is_live": is_live,
        "step": report.job.step if report.job and is_live else "",
        "said": report.job.message if report.state == "failed" and report.job else "",
        "before": [(row, LOOKS[row.verdict or row.state]) for row in before[:10]],
    }
    if report.done:
        context |= _tell_report(report) | _tell_decisions(report, request.user)
        context["replayed"] = summarise(replays.find_newest_replay(report.candidate), request.user)
    return render(request, "analysis/gate.html", context)


def _tell_report(report: GateReport) -> dict:
    told = report.report
    looks = {look.code: look for look in report.looks.select_related("by")}
    names = told["pictures"]
    flips = [dict(flip, picture=names.get(f"flip.{number}", "")) for number, flip in enumerate(told["flips"])]
    groups = [(title, [flip for flip in flips if flip["kind"] == kind]) for kind, title in FLIPS.items()]
    return {
        "told": told,
        "rows": list_rows(told, looks),
        "width": WIDTH_PX,
        "plots": [(title, names[name]) for name, title in
                  (("f1", "Detection F1 by slides"), ("froc", "Recall by false ones"), ("calibration", "Calibration"))],
        "flips": [(title, rows[:FLIPS_SHOWN], len(rows)) for title, rows in groups if rows],
        "looks": count_looks(),
        "worn_out_after": WORN_OUT_AFTER,
    }  # fmt: skip


def _tell_decisions(report: GateReport, user) -> dict:
    """What can be decided on it now, and what is in the way."""
    candidate = report.candidate
    standing, state = gates.find_standing(candidate), find_state(candidate)
    is_newest = standing.report is not None and standing.report.pk == report.pk
    waits = state == State.CANDIDATE and is_newest
    is_own = candidate.created_by_id == user.pk and model_versions.needs_second_admin(None)
    waiting = report.overrides.filter(settled=None).select_related("asked_by").first()
    return {
        "state": state,
        "lacks": standing.lacks if is_newest else "there is a newer report",
        "may_look": is_newest and state in (State.CANDIDATE, State.VALIDATED),
        "may_approve": waits and standing.may_be_approved and not is_own,
        "is_own": waits and standing.may_be_approved and is_own,
        "may_override": waits and not standing.may_be_approved and waiting is None,
        "waiting": waiting,
        "asked_it": waiting is not None and waiting.asked_by_id == user.pk,
        "overrides": report.overrides.exclude(settled=None).select_related("asked_by", "settled_by"),
    }


@require_safe
def gate_picture(request, pk, name):
    """One of the report's own pictures; what it does not name is not there."""
    require_judge(request.user)
    report = get_visible(GateReport.objects.done(), request.user, pk=pk)
    if name not in report.report["pictures"].values():
        raise Http404
    file = gates.folder_of(report.pk) / name
    if not file.is_file():
        raise Http404
    return FileResponse(file.open("rb"), content_type="image/png")


@require_POST
def ask_for_gate(request, pk):
    model = get_visible(ModelVersion, request.user, pk=pk)
    require_judge(request.user)
    report = do_or_say(request, lambda: gates.ask_for_report(model, request.user))
    return redirect("gate", report.pk) if report else redirect("model", model.pk)


def _acting(act):
    """A view that does one thing to a report; what is refused is said on its page."""

    @require_POST
    def view(request, pk):
        require_judge(request.user)
        report = get_visible(GateReport.objects.with_facts(), request.user, pk=pk)
        do_or_say(request, lambda: act(report, request.POST, request.user))
        return redirect("gate", report.pk)

    return view


def _look(report: GateReport, said, by) -> None:
    gates.settle_clause(report, said.get("code", ""), said.get("passes") == "yes", said.get("reason", ""), by)


def _approve(report: GateReport, _, by) -> None:
    model_decisions.approve_model(report.candidate, by)


def _override(report: GateReport, said, by) -> None:
    gates.ask_override(report, said.get("reason", ""), by)


@require_POST
def settle_override(request, pk):
    require_judge(request.user)
    override = get_visible(GateOverride.objects.select_related("report"), request.user, pk=pk)
    granted = request.POST.get("granted") == "yes"
    do_or_say(request, lambda: gates.settle_override(override, granted, request.user))
    return redirect("gate", override.report_id)


urlpatterns = [
    path("<uuid:pk>/gate/", ask_for_gate, name="gate-ask"),
    path("gates/<uuid:pk>/", gate_page, name="gate"),
    path("gates/<uuid:pk>/pictures/<path:name>", gate_picture, name="gate-picture"),
    path("gates/<uuid:pk>/look/", _acting(_look), name="gate-look"),
    path("gates/<uuid:pk>/approve/", _acting(_approve), name="gate-approve"),
    path("gates/<uuid:pk>/override/", _acting(_override), name="gate-override"),
    path("gates/overrides/<uuid:pk>/settle/", settle_override, name="gate-override-settle"),
]
