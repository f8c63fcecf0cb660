"""What the page of a case says of learning from it. Registered when this app is loaded."""

from django.urls import reverse

from analysis.models import LearningSwitch, LockedSlide
from mitoweb.people.rights import may
from slides.facts import facts


def register_learning() -> None:
    facts.learning = describe_for_case


def describe_for_case(case, user) -> dict:
    """Nothing while nobody has said anything of it and this user could not."""
    last = LearningSwitch.objects.filter(case=case).select_related("by").first()
    may_switch = may(user, "learning.withdraw", case.team_id)
    is_locked = LockedSlide.objects.standing().filter(slide__case=case).exists()
    if last is None and not may_switch and not is_locked:
        return {}
    return {
        "on": last is None or last.on,
        "last": last,
        "locked": is_locked,
        "change_url": reverse("case-learning", args=[case.pk]) if may_switch else "",
    }
