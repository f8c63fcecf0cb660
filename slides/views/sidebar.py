"""Numbers beside the places of the side bar."""

from slides.models import Case, Upload
from slides.services import quarantine
from slides.services.cases import list_unread


def _team_cases(user, team):
    return Case.objects.visible_to(user).filter(team=team)


COUNTERS = {
    "cases": lambda user, team: _team_cases(user, team).count(),
    "assigned": lambda user, team: _team_cases(user, team).assigned_to(user).count(),
    "unread": lambda user, team: list_unread(_team_cases(user, team), user).count(),
    "quarantine": lambda user, team: quarantine.list_quarantined(
        user
    ).count(),  # of all teams: administrators alone see it
    "uploads": lambda user, team: Upload.objects.visible_to(user).filter(case__team=team).on_their_way().count(),
}
