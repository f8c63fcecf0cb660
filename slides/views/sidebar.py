"""Numbers beside the places of the side bar."""

from slides.api.filters import unread
from slides.models import Case, Upload
from slides.services import quarantine


def _cases(user, team):
    return Case.objects.visible_to(user).filter(team=team)


COUNTERS = {
    "cases": lambda user, team: _cases(user, team).count(),
    "assigned": lambda user, team: _cases(user, team).assigned_to(user).count(),
    "unread": lambda user, team: unread(_cases(user, team), user).count(),
    "quarantine": lambda user, team: quarantine.waiting(user).count(),  # of all teams: administrators alone see it
    "uploads": lambda user, team: Upload.objects.visible_to(user).filter(case__team=team).on_their_way().count(),
}
