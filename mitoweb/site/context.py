"""What the frame of every page shows: team, counts, worker. Computed only where a template asks for it."""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils import timezone

from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.people import rights, teams
from mitoweb.people.models import Team

ALIVE_FOR = timedelta(seconds=60)  # a worker that was silent for longer counts as gone

# name -> (user, team) -> number. Apps further along the way of a slide register theirs when they are loaded.
counters: dict[str, Callable[[Any, Team], int]] = {
    "jobs": lambda user, team: Job.objects.visible_to(user).filter(team=team, state__in=["queued", "running"]).count(),
}


# What administrators read above every page as long as it holds; each gives its sentence, or None where all is well.
warnings: list[Callable[[], str | None]] = []


class Counts:
    """Numbers beside the places of the side bar; each is one query, made when it is shown."""

    def __init__(self, user, team: Team | None) -> None:
        self._user, self._team = user, team

    def __getitem__(self, name: str) -> int | None:
        counter = counters.get(name)
        return None if counter is None or self._team is None else counter(self._user, self._team)


class PageFrame:
    """Lazy, so that a page without the frame (tiles, fragments, sign-in) costs no query."""

    demo = settings.DEMO
    version = settings.VERSION

    def __init__(self, request) -> None:
        self._request = request

    @cached_property
    def _is_signed_in(self) -> bool:
        return getattr(self._request, "user", None) is not None and self._request.user.is_authenticated

    @cached_property
    def teams(self) -> list[Team]:
        return teams.list_teams(self._request) if self._is_signed_in else []

    @cached_property
    def team(self) -> Team | None:
        return teams.current_team(self._request) if self._is_signed_in else None

    @cached_property
    def may(self) -> dict[str, bool]:
        return rights.list_rights(self._request.user, self.team) if self._is_signed_in else {}

    @cached_property
    def admin(self) -> bool:
        return self._is_signed_in and self._request.user.is_superuser

    @cached_property
    def warnings(self) -> list[str]:
        return [sentence for warning in warnings if (sentence := warning())] if self.admin else []

    @cached_property
    def counts(self) -> Counts:
        return Counts(getattr(self._request, "user", None), self.team)

    @cached_property
    def worker(self) -> dict[str, Any]:
        return worker_state() if self._is_signed_in else {}


def worker_state() -> dict[str, Any]:
    """Whether a supervisor of jobs showed itself lately, in words: "1 worker, CPU"."""
    fresh = WorkerPulse.objects.filter(name__startswith=WorkerPulse.SUPERVISOR, at__gt=timezone.now() - ALIVE_FOR)
    devices = [device or "CPU" for device in fresh.values_list("device", flat=True)]
    if not devices:
        return {"alive": False, "text": "No worker running"}
    noun = "worker" if len(devices) == 1 else "workers"
    return {"alive": True, "text": f"{len(devices)} {noun}, {', '.join(sorted(set(devices)))}"}


def add_page_frame(request) -> dict[str, PageFrame]:
    return {"shell": PageFrame(request)}
