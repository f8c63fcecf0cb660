"""What administrators decide about a model version: approve it, retire it, roll back to the one before it."""

from django.db import transaction

from analysis.models import Activation, ModelStanding, ModelVersion
from analysis.services import gates, model_versions
from analysis.services.model_standing import State, find_state, take_step
from mitoweb.lib.errors import Refused
from mitoweb.people.models import Team


def approve_model(model: ModelVersion, by) -> ModelStanding:
    """An administrator's yes to a version that was checked: a second one's, unless the lab switched that off.

    One that was trained here is approved on its gate's report. Rights are the caller's.
    """
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        if find_state(model) == State.CANDIDATE:
            return gates.approve_on_report(model, by)
        if model.created_by_id == by.pk and model_versions.needs_second_admin(None):
            raise Refused("You added this version; another administrator approves it.", "permission_denied")
        return take_step(model, State.APPROVED, by)


def retire_model(model: ModelVersion, reason: str, by) -> ModelStanding:
    """Take a version out of use for good. Refused without a reason, and while it is in use or asked for anywhere.

    Analyses that used it keep it, and those that run go on with it.
    """
    reason = reason.strip()
    if not reason:
        raise Refused("A reason is needed: it is kept with the version.", "reason_missing")
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        if users := model_versions.map_before(model, [None, *Team.objects.all()]):
            where = "every team" if None in users else ", ".join(team.name for team in users if team)
            raise Refused(f"{model.name} is in use by {where}; activate another version there first.", "model_in_use")
        if model.activations.filter(approved=None, withdrawn=None).exists():
            raise Refused("An activation of it waits for a second administrator; withdraw that first.", "asked")
        return take_step(model, State.RETIRED, by, reason)


def roll_back(model: ModelVersion, by) -> list[Activation]:
    """Take a version out of force wherever it is, at once: what was in force before it is so again. Gives the
    activations that were taken back. Needs one administrator; rights are the caller's.

    Raises Refused where it is in force nowhere, or where nothing else was before it.
    """
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        before = model_versions.map_before(model, [None, *Team.objects.all()])
        if not before:
            raise Refused(f"{model.name} is in use nowhere.", "not_in_use")
        if None in before.values():
            raise Refused(f"No version was in use before {model.name}.", "nothing_before")
        live = model.activations.filter(approved__isnull=False, withdrawn=None).order_by("pk")
        return [model_versions.withdraw_activation(each, by, "activation.roll_back") for each in live]
