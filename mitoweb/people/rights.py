"""Which role may do what inside its team: the one table that pages, API and tasks ask."""

from mitoweb.people.models import Membership, Role, Team

_R, _T, _O, _L, _S = Role.READER, Role.TECHNICIAN, Role.OBSERVER, Role.LEAD, Role.RESEARCHER

RIGHTS: dict[str, frozenset[str]] = {
    "view": frozenset({_R, _T, _O, _L, _S}),
    "case.edit": frozenset({_T, _L}),
    "case.erase": frozenset({_L}),
    "slide.upload": frozenset({_T, _L}),
    "slide.edit": frozenset({_T, _L}),
    "region.draw": frozenset({_R, _T, _L}),
    "analysis.run": frozenset({_T, _L}),
    "verdict.give": frozenset({_R, _L}),
    "comment.give": frozenset({_R, _T, _L, _S}),
    "explain": frozenset({_R, _T, _L, _S}),
    "export": frozenset({_R, _L, _S}),
    "token.own": frozenset({_R, _T, _L, _S}),
    "job.log": frozenset({_T, _L}),
    "members.manage": frozenset({_L}),
    "protocol.choose": frozenset({_R, _T, _L}),
    "protocol.default": frozenset({_L}),
    "learning.withdraw": frozenset({_L}),
    # Models, data sets, training runs, the locked set, protocols, activation, quarantine and the Django admin belong to
    # administrators alone.
    "model.manage": frozenset(),
    "learning.manage": frozenset(),
    "training.manage": frozenset(),
    "protocol.manage": frozenset(),
    "slide.release": frozenset(),
}


def role_of(user, team: Team | int | None) -> str | None:
    """The user's role in the team; None outside it. One query, kept on the user for the request."""
    if team is None or not user.is_authenticated:
        return None
    cache = user.__dict__.setdefault("_roles", {})
    if not cache:
        cache.update(dict(Membership.objects.filter(user=user).values_list("team_id", "role")))
    return cache.get(team.pk if isinstance(team, Team) else team)


def may(user, action: str, team: Team | int | None) -> bool:
    """Whether the user may do the action in the team. An unknown action is an error, not a no."""
    roles = RIGHTS[action]
    if not user.is_authenticated or not user.is_active:
        return False
    return user.is_superuser or role_of(user, team) in roles


def has_part(user, action: str, team: Team | int | None) -> bool:
    """Whether the action belongs to the user's role. An administrator may do all, and has no part without a role."""
    return role_of(user, team) in RIGHTS[action]


def list_rights(user, team: Team | int | None) -> dict[str, bool]:
    """Every action with whether it is allowed: for templates and the viewer. Without a team, nothing done in one."""
    return {
        action.replace(".", "_"): (team is not None or not roles) and may(user, action, team)
        for action, roles in RIGHTS.items()
    }
