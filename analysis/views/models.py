"""Pages of the model versions. Everybody reads them; administrators change what is in use, through the REST API."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from analysis.models import Activation, Analysis, ModelUpload, ModelVersion
from analysis.services import model_versions
from analysis.views import model_cards
from analysis.views.gates import LOOKS, tell_news
from analysis.views.model_compare import compare_models_page
from mitoweb.lib.access import get_visible
from mitoweb.people.models import Team
from mitoweb.people.rights import may


@dataclass(frozen=True)
class UseStatus:
    """Whether a version is in use, in a word, an icon, a tone and a fact."""

    word: str
    icon: str
    tone: str
    fact: str = ""


STANDING = {
    "uploaded": UseStatus("Uploaded", "clock", "warn", "not checked yet"),
    "validated": UseStatus("Checked", "clock", "warn", "waits for an approval"),
    "candidate": UseStatus("Candidate", "clock", "warn", "trained here, waits for its gate"),
    "retired": UseStatus("Retired", "archive", ""),
}


@dataclass(frozen=True)
class HistoryLine:
    """One thing that happened to a version: the word for it, when, for which team, by whom, and why. activation: what
    can be taken back."""

    word: str
    at: datetime
    team: str
    who: str
    reason: str
    activation: Activation | None = None


def _describe_use(model: ModelVersion, in_use: dict, waiting: set, teams: list[Team]) -> UseStatus:
    if model.state in STANDING:
        return STANDING[model.state]
    users = in_use.get(model.pk, [])
    is_everybody = len(users) == len(teams) > 1
    fact = "by every team" if is_everybody else "by " + ", ".join(team.name for team in users)
    if users:
        return UseStatus("In use", "circle-check", "yes", fact)
    if model.pk in waiting:
        return UseStatus("Waits", "clock", "warn", "for a second administrator")
    return UseStatus("Not in use", "circle", "")


def _count_uses(user):
    """Versions with `times_used`, of the analyses that the user sees."""
    seen = Analysis.objects.visible_to(user).values("pk")
    return ModelVersion.objects.with_state().annotate(times_used=Count("analyses", filter=Q(analyses__in=seen)))


def _tell_history(model: ModelVersion, activations: list[Activation]) -> list[HistoryLine]:
    """Its steps and activations, the newest first."""
    steps = [
        HistoryLine(step.get_state_display(), step.at, "", str(step.by or "system"), step.reason)
        for step in model.standings.select_related("by")
    ]
    lines = [*steps, *map(_tell_activation, activations)]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _tell_activation(row: Activation) -> HistoryLine:
    who = str(row.asked_by or "system")
    if row.approved and row.asked_by:
        is_alone = row.approved_by_id in (None, row.asked_by_id)
        who += ", alone as the lab's setting allows" if is_alone else f", approved by {row.approved_by}"
    word = "Withdrawn" if row.withdrawn else "Activated" if row.approved else "Waits"
    may_go = row if row.approved and not row.withdrawn else None
    at = row.withdrawn or row.approved or row.asked
    return HistoryLine(word, at, str(row.team or "every team"), who, row.reason, may_go)


def _tell_decisions(model: ModelVersion, user, teams: list[Team]) -> dict:
    """What an administrator may decide now, and what a click will do."""
    before = model_versions.map_before(model, teams)
    others = {other.name for other in before.values() if other}
    is_own = model.created_by_id == user.pk and model_versions.needs_second_admin(None)
    return {
        "may_approve": model.state == "validated" and not is_own,
        "is_own": model.state == "validated" and is_own,
        "may_activate": model.state == "approved",
        "rolls_back_to": " and ".join(sorted(others)) if before and None not in before.values() else "",
        "may_be_judged": model.state in ("approved", "validated", "candidate") and _is_beside_another(model),
        "may_retire": model.state in ("approved", "validated", "candidate") and not before,
    }


def _is_beside_another(model: ModelVersion) -> bool:
    """Whether there is a version in use that the gate could hold it against."""
    active = model_versions.find_active_model(None)
    return active is not None and active.pk != model.pk


@require_safe
def models_page(request):
    teams = list(Team.objects.visible_to(request.user))
    in_use = model_versions.map_active_models(teams)
    waiting = model_versions.list_waiting(request.user)
    rows = _count_uses(request.user).visible_to(request.user).order_by("-created")
    table = [
        {
            "model": model,
            "use": _describe_use(model, in_use, {row.model_id for row in waiting}, teams),
            "detection": model_cards.detection_f1(model),
            "patch": model_cards.patch_f1(model),
        }
        for model in rows
    ]
    uploads = ModelUpload.objects.visible_to(request.user).exclude(state=ModelUpload.State.TAKEN)
    context = {"table": table, "waiting": waiting, "manages": may(request.user, "model.manage", None)}
    context["uploads"] = uploads.select_related("by", "job")
    return render(request, "analysis/models.html", context)


@require_safe
def model_page(request, pk: uuid.UUID):
    row = get_visible(_count_uses(request.user), request.user, pk=pk)
    teams = list(Team.objects.visible_to(request.user))
    history = model_versions.list_activations(row, request.user)
    waiting = [activation for activation in history if not activation.approved and not activation.withdrawn]
    in_use = model_versions.map_active_models(teams)
    manages = may(request.user, "model.manage", None)
    use = _describe_use(row, in_use, {row.pk} if waiting else set(), teams)
    context = {
        "model": row,
        "manages": manages,
        "use": use,
        "evaluations": model_cards.list_evaluations(row),
        "facts": model_cards.list_card_facts(row),
        "notes": model_cards.list_card_notes(row),
        "history": _tell_history(row, history),
        "waiting": waiting,
        "teams": teams,
        "alone": [team for team in teams if not model_versions.needs_second_admin(team)],
        "ticks": [f"{tick / 5:.1f}" for tick in range(6)],
    }
    if manages:
        context |= _tell_decisions(row, request.user, teams)
        context["gates"] = [(report, LOOKS[report.verdict or report.state]) for report in row.gate_reports.with_facts()]
        context["gate_news"] = tell_news(row)
    return render(request, "analysis/model.html", context)


urlpatterns = [
    path("", models_page, name="models"),
    path("compare/", compare_models_page, name="model-compare"),
    path("<uuid:pk>/", model_page, name="model"),
]
