"""Pages of the model versions. Everybody reads them; administrators change what is in use, through the REST API."""

import uuid
from dataclasses import dataclass

from django.db.models import Count, Q
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from analysis.models import Analysis, ModelVersion
from analysis.services import model_versions
from analysis.views import model_cards
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


def _describe_use(model: ModelVersion, in_use: dict, waiting: set, teams: list[Team]) -> UseStatus:
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
    return ModelVersion.objects.annotate(times_used=Count("analyses", filter=Q(analyses__in=seen)))


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
    context = {"table": table, "waiting": waiting, "manages": may(request.user, "model.manage", None)}
    return render(request, "analysis/models.html", context)


@require_safe
def model_page(request, pk: uuid.UUID):
    row = get_visible(_count_uses(request.user), request.user, pk=pk)
    teams = list(Team.objects.visible_to(request.user))
    history = model_versions.list_activations(row, request.user)
    waiting = [activation for activation in history if not activation.approved and not activation.withdrawn]
    in_use = model_versions.map_active_models(teams)
    context = {
        "model": row,
        "manages": may(request.user, "model.manage", None),
        "use": _describe_use(row, in_use, {row.pk} if waiting else set(), teams),
        "evaluations": model_cards.list_evaluations(row),
        "facts": model_cards.list_card_facts(row),
        "notes": model_cards.list_card_notes(row),
        "history": history,
        "waiting": waiting,
        "teams": teams,
        "alone": [team for team in teams if not model_versions.needs_second_admin(team)],
        "ticks": [f"{tick / 5:.1f}" for tick in range(6)],
    }
    return render(request, "analysis/model.html", context)


urlpatterns = [
    path("", models_page, name="models"),
    path("<uuid:pk>/", model_page, name="model"),
]
