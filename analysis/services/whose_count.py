"""Whose count a person is shown who named nobody.

Those whose part in the team is to judge see their own, from the first look on. Who has no such part (observer,
technician, researcher, an administrator outside the team) has none, unless they did judge: they are shown the count of
the reader who judged most.
"""

from django.contrib.auth import get_user_model
from django.db.models import Count

from analysis.models import Analysis
from analysis.services import review
from mitoweb.people.models import Team
from mitoweb.people.rights import has_part


def judges(user, team: Team | int) -> bool:
    """Whether to judge is the person's part in the team, so that a count of nothing is theirs as well."""
    return has_part(user, "verdict.give", team)


def choose_reader(analysis: Analysis, user):
    """The person whose count of the analysis `user` is shown; the user where nobody judged."""
    if judges(user, analysis.slide.case.team_id):
        return user
    rows = review.verdicts_in_force(analysis).order_by().values_list("reader").annotate(judged=Count("pk"))
    chosen = pick_reader(user, dict(rows))
    return user if chosen in (None, user.pk) else get_user_model().objects.get(pk=chosen)


def pick_reader(user, judged: dict[int, int]) -> int | None:
    """The same for somebody who does not judge, of how much each judged, by reader id; None where nobody did."""
    if user.pk in judged:
        return user.pk
    return min(judged, key=lambda reader_id: (-judged[reader_id], reader_id), default=None)
