"""Which team a person is looking at: kept in the session, checked against the memberships at each request."""

from mitoweb.lib.access import refuse_unless
from mitoweb.people.models import Team

KEY = "team"
NO_TEAM = "There is no team to do this in: administrators make teams, and team leads invite to theirs."


def list_teams(request) -> list[Team]:
    """The teams the person may look at (administrators: all). One query for each request."""
    if not hasattr(request, "_teams"):
        request._teams = list(Team.objects.visible_to(request.user).order_by("name"))
    return request._teams


def current_team(request) -> Team | None:
    """The chosen team, else the first; None for a person without a team. A team that was left is no longer chosen."""
    teams = list_teams(request)
    chosen = request.session.get(KEY)
    return next((team for team in teams if team.pk == chosen), teams[0] if teams else None)


def require_team(request) -> Team:
    """The team to do something in; refused without one, which is how an administrator finds a new installation."""
    team = current_team(request)
    refuse_unless(team is not None, NO_TEAM)
    return team


def choose_team(request, team: Team) -> None:
    request.session[KEY] = team.pk
