"""How a model version stands: uploaded, validated, approved, or trained here and a candidate, and at last retired.

Each step is a row that is added (`ModelStanding`), with who took it and why. Only an approved version may be put to
use. A retired one keeps its analyses; those that run go on with it, since each has its version pinned.
"""

from django.db import transaction

from analysis.models import ModelStanding, ModelVersion
from mitoweb.lib.errors import Refused
from mitoweb.people import audit

State = ModelStanding.State
# What may follow what; the first step of a version follows none.
NEXT = {
    None: (State.UPLOADED, State.CANDIDATE, State.APPROVED),
    State.UPLOADED: (State.VALIDATED, State.RETIRED),
    State.VALIDATED: (State.APPROVED, State.RETIRED),
    State.CANDIDATE: (State.APPROVED, State.RETIRED),
    State.APPROVED: (State.RETIRED,),
    State.RETIRED: (),
}
UNUSABLE = {
    State.UPLOADED: "is not checked yet",
    State.VALIDATED: "is checked and waits for an administrator's approval",
    State.CANDIDATE: "is a candidate that no gate has let pass",
    State.RETIRED: "is retired",
}


def find_state(model: ModelVersion) -> State:
    """How it stands now, asked of the database."""
    return State(ModelVersion.objects.with_state().values_list("state", flat=True).get(pk=model.pk))


def may_be_used(model: ModelVersion) -> bool:
    """Whether it is approved, and not retired since."""
    return find_state(model) == State.APPROVED


def refuse_unusable(model: ModelVersion) -> None:
    """Raises Refused, with the state in words, where it may not be put to use."""
    if (state := find_state(model)) in UNUSABLE:
        raise Refused(f"{model.name} {UNUSABLE[state]}; only an approved version can be used.", "model_not_approved")


def take_step(model: ModelVersion, state: str, by=None, reason: str = "", facts: dict | None = None) -> ModelStanding:
    """Add a step to what happened to a version, with its line in the audit. Who may is the caller's to know.

    Raises Refused where the step does not follow the one before it.
    """
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        before = model.standings.last()
        if state not in NEXT[State(before.state) if before else None]:
            was = State(before.state).label.lower() if before else "new"
            raise Refused(f"{model.name} is {was}; it cannot become {State(state).label.lower()}.", "model_state")
        by = by if getattr(by, "pk", None) else None
        step = ModelStanding.objects.create(model=model, state=state, by=by, reason=reason, facts=facts or {})
        text = f"{model.name} is {State(state).label.lower()}{f': {reason}' if reason else ''}"
        audit.record_change(by, None, f"model.{state}", f"model {model.pk}", text)
    model.state = step.state
    return step
