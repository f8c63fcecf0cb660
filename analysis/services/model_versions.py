"""Model versions and which one is in use: register, add, activate, approve, withdraw, and what happened.

A version never changes once it is registered (a trigger refuses it); how it stands is `services.model_standing`. What
is in use is the newest activation that was approved and not withdrawn, of a version that is not retired. The first
version that came with the program is active from installation; a later one is activated by people, like any other.
"""

import uuid
from collections.abc import Iterable
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from analysis.models import Activation, ModelVersion
from analysis.pipeline.cards.card import read_card
from analysis.pipeline.cards.store import ModelFile, list_models
from analysis.services.model_standing import State, refuse_unusable, take_step
from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from mitoweb.people.models import Team

DETECTION = Activation.Purpose.DETECTION


# Which versions there are ----------------------------------------------------------------------------------------
def register_shipped(folder: Path | None = None) -> list[ModelVersion]:
    """Make rows for the versions under analysis/weights that have none yet; returns the new ones. Loads no network."""
    files = list_models(folder or Path(settings.SHIPPED_MODELS))
    known = set(
        ModelVersion.objects.filter(sha256__in=[file.sha256 for file in files]).values_list("sha256", flat=True)
    )
    new = [register_file(file, shipped=True) for file in files if file.sha256 not in known]
    _keep_one_in_use({file.sha256 for file in files})
    return new


def list_meant_for(model: ModelVersion) -> tuple[str, ...]:
    """Tumours that a version was made for, as its card says; of a row from before cards said so, the card that comes
    with the program."""
    told = model.card.get("meant_for")
    return tuple(told) if told is not None else _map_meant_for(Path(settings.SHIPPED_MODELS)).get(model.sha256, ())


@lru_cache(maxsize=4)
def _map_meant_for(folder: Path) -> dict[str, tuple[str, ...]]:
    cards = [read_card(path) for path in sorted(folder.glob("*.json"))]
    return {card.sha256: card.meant_for for card in cards}


def _keep_one_in_use(shipped: set[str]) -> None:
    """At installation, and when the version in use comes with the program no longer, the last one shipped is used."""
    with transaction.atomic():
        usable = ModelVersion.objects.approved().filter(sha256__in=shipped)
        model = usable.select_for_update(of=("self",)).order_by("-name").first()
        current = find_active_model(None)
        is_first = current is None or not current.activations.exists()
        is_at_hand = current is not None and (current.sha256 in shipped or not current.shipped)
        if model is None or (is_at_hand and not is_first):
            return
        reason = "Came with the program." if is_first else f"{current.name} no longer comes with the program."
        activation = Activation.objects.create(model=model, reason=reason, approved=timezone.now())
        _record_change(activation, None, "activation.approve", reason)


def register_file(file: ModelFile, *, shipped: bool, by=None) -> ModelVersion:
    """One row per hash. A name that other weights have already is told apart by the hash. What comes with the program
    is approved."""
    card = file.card.as_json()
    with transaction.atomic():
        taken = ModelVersion.objects.filter(name=file.name).exclude(sha256=file.sha256).exists()
        model, is_new = ModelVersion.objects.get_or_create(
            sha256=file.sha256,
            defaults={
                "name": f"{file.name[:50]}+{file.sha256[:8]}" if taken else file.name,
                "card": card,
                "threshold": file.card.threshold,
                "parameters": file.card.parameters,
                "shipped": shipped,
                "created_by": by,
            },
        )
        if is_new:
            how = "came with the program" if shipped else "was added"
            audit.record_change(by, None, "model.register", _audit_subject(model), f"Model {model.name} {how}.")
            if shipped:
                take_step(model, State.APPROVED, reason="Came with the program.")
    return model


def find_weights(sha256: str) -> Path | None:
    """The weights with this hash, of those that came with the program or were added; None where they are not there."""
    folders = (Path(settings.SHIPPED_MODELS), Path(settings.MODELS_ROOT))
    paths = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    paths.sort(key=lambda path: path.stem != sha256)  # those that were added are named by their hash
    return next((path for path in paths if hash_file(path) == sha256), None)


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


# Which one is in use ---------------------------------------------------------------------------------------------
def find_active_model(team: Team | None, purpose: str = DETECTION) -> ModelVersion | None:
    """The version that an analysis of the team uses when none is named."""
    return _find_active(list_approved(purpose), team, _find_newest_shipped())


def _find_newest_shipped() -> ModelVersion | None:
    return ModelVersion.objects.approved().filter(shipped=True).order_by("-created").first()


def list_approved(purpose: str = DETECTION) -> list[Activation]:
    """Approved and not withdrawn, of versions that may be used still, the newest first."""
    rows = Activation.objects.filter(purpose=purpose, approved__isnull=False, withdrawn__isnull=True)
    rows = rows.filter(model__in=ModelVersion.objects.approved())
    return list(rows.select_related("model", "team", "asked_by", "approved_by").order_by("-approved"))


def _find_active(
    approved: Iterable[Activation], team: Team | None, otherwise: ModelVersion | None
) -> ModelVersion | None:
    team_id = team.pk if team else None
    return next((row.model for row in approved if row.team_id in (None, team_id)), otherwise)


def map_active_models(teams: Iterable[Team]) -> dict[uuid.UUID, list[Team]]:
    """{model id: the teams that use it}, in two queries however many teams there are."""
    approved = list_approved()
    shipped = _find_newest_shipped()
    found: dict[uuid.UUID, list[Team]] = {}
    for team in teams:
        if (model := _find_active(approved, team, shipped)) is not None:
            found.setdefault(model.pk, []).append(team)
    return found


def map_before(model: ModelVersion, teams: Iterable[Team | None]) -> dict[Team | None, ModelVersion | None]:
    """{team that uses the version: what it uses once all activations of that version are taken back}; None where that
    is nothing else."""
    approved, shipped = list_approved(), _find_newest_shipped()
    rest = [row for row in approved if row.model_id != model.pk]
    users = [team for team in teams if _find_active(approved, team, shipped) == model]
    before = {team: _find_active(rest, team, shipped) for team in users}
    return {team: None if other == model else other for team, other in before.items()}


def activate_model(model: ModelVersion, team: Team | None, reason: str, by, purpose: str = DETECTION) -> Activation:
    """Ask for a version to be used by a team (None: by every team). Rights are the caller's.

    In force once a second administrator approves, or at once where the lab switched that off. Raises Refused without
    a reason, for a version that is not approved, and when the same is asked for already.
    """
    reason = reason.strip()
    if not reason:
        raise Refused("A reason is needed: it is kept with the activation.", "reason_missing")
    with transaction.atomic():
        _refuse_unusable_now(model)
        waiting = model.activations.filter(team=team, purpose=purpose, approved=None, withdrawn=None)
        if waiting.exists():
            raise Refused("This activation is asked for already and waits for a second administrator.", "asked")
        alone = not needs_second_admin(team)
        activation = Activation.objects.create(
            model=model,
            team=team,
            purpose=purpose,
            reason=reason,
            asked_by=by,
            approved_by=by if alone else None,
            approved=timezone.now() if alone else None,
        )
        how = "activated without a second administrator, as the lab's setting allows" if alone else "asked for"
        _record_change(activation, by, "activation.approve" if alone else "activation.ask", f"{how}: {reason}")
    return activation


def needs_second_admin(team: Team | None) -> bool:
    """Whether two people are needed. For every team at once, if any team needs two."""
    if team is not None:
        return team.activation_needs_second_admin
    return Team.objects.filter(activation_needs_second_admin=True).exists() or not Team.objects.exists()


def approve_activation(activation: Activation, by) -> Activation:
    """The second administrator's yes. Refused to the one who asked, and when it is settled."""
    with transaction.atomic():
        activation = _lock_activation(activation)
        if activation.withdrawn:
            raise Refused("This activation was withdrawn.", "withdrawn")
        if activation.approved:
            raise Refused("This activation is approved already.", "approved")
        if activation.asked_by_id == by.pk:
            raise Refused("You asked for this activation; another administrator approves it.", "permission_denied")
        _refuse_unusable_now(activation.model)
        activation.approved, activation.approved_by = timezone.now(), by
        activation.save(update_fields=["approved", "approved_by"])
        _record_change(activation, by, "activation.approve", "approved")
    return activation


def _refuse_unusable_now(model: ModelVersion) -> None:
    """The version's row stays locked, so that nobody retires it meanwhile."""
    ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
    refuse_unusable(model)


def withdraw_activation(activation: Activation, by, action: str = "activation.withdraw") -> Activation:
    """Take it back, before or after its approval; the one before it is in force again. Needs one administrator."""
    with transaction.atomic():
        activation = _lock_activation(activation)
        if activation.withdrawn:
            raise Refused("This activation was withdrawn already.", "withdrawn")
        activation.withdrawn = timezone.now()
        activation.save(update_fields=["withdrawn"])
        now = find_active_model(activation.team)
        _record_change(activation, by, action, f"withdrawn; {now.name if now else 'no version'} is in force")
    return activation


def _lock_activation(activation: Activation) -> Activation:
    rows = Activation.objects.select_related("model", "team", "asked_by", "approved_by")
    return rows.select_for_update(of=("self",)).get(pk=activation.pk)


def list_activations(model: ModelVersion, user) -> list[Activation]:
    """The version's activations that the user may see, the newest first."""
    rows = Activation.objects.visible_to(user).filter(model=model)
    return list(rows.select_related("team", "asked_by", "approved_by").order_by("-asked"))


def list_waiting(user) -> list[Activation]:
    """Activations that wait for a second administrator."""
    rows = Activation.objects.visible_to(user).filter(Q(approved=None) & Q(withdrawn=None))
    return list(rows.select_related("model", "team", "asked_by").order_by("asked"))


def _record_change(activation: Activation, by, action: str, text: str) -> None:
    where = f"for {activation.team}" if activation.team else "for every team"
    audit.record_change(
        by, activation.team, action, _audit_subject(activation.model), f"{activation.model.name} {where}: {text}"
    )


def _audit_subject(model: ModelVersion) -> str:
    return f"model {model.pk}"
