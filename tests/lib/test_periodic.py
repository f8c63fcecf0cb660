"""Jobs that nobody asks for: each once in its period, whoever starts, restarts or stands beside."""

import datetime

import pytest

from mitoweb.lib.jobs import periodic
from mitoweb.lib.jobs.models import Job
from mitoweb.lib.jobs.registry import UnknownKind
from mitoweb.lib.jobs.supervisor import JobSupervisor

pytestmark = pytest.mark.django_db
NOON = datetime.datetime(2026, 3, 4, 12, 0, tzinfo=datetime.UTC)


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.now = NOON
        monkeypatch.setattr(periodic.timezone, "now", lambda: self.now)

    def set(self, **later) -> None:
        self.now = NOON + datetime.timedelta(**later)


@pytest.fixture(autouse=True)
def only_ours(monkeypatch):
    monkeypatch.setattr(periodic, "_periods", {})
    periodic.register("test.count", every_s=3600)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def supervisor() -> JobSupervisor:
    """One that has no place for jobs, so that they stay queued."""
    return JobSupervisor({}, None)


def test_a_kind_without_a_handler_is_refused_at_the_start():
    with pytest.raises(UnknownKind):
        periodic.register("no.such.kind", every_s=3600)


def test_a_job_is_queued_once_in_each_period(clock):
    for minutes, count in [(0, 1), (59, 1), (60, 2), (119, 2), (300, 3)]:
        clock.set(minutes=minutes)
        periodic.enqueue_due()
        assert Job.objects.count() == count


def test_each_kind_has_its_own_period(clock):
    periodic.register("test.count_slowly", every_s=86400)
    for hours in range(3):
        clock.set(hours=hours)
        periodic.enqueue_due()
    assert Job.objects.filter(kind="test.count").count() == 3
    assert Job.objects.get(kind="test.count_slowly").lane == "compute"


def test_a_supervisor_asks_at_its_start_and_a_second_one_adds_nothing(clock):
    for one in (supervisor(), supervisor()):
        one._turn()
    assert Job.objects.get().kind == "test.count"


def test_a_supervisor_that_stays_asks_again_in_the_next_period(clock, monkeypatch):
    one, seconds = supervisor(), [1000.0]
    monkeypatch.setattr("mitoweb.lib.jobs.supervisor.time.monotonic", lambda: seconds[0])
    for _ in range(3 * 60):
        one._turn()
        seconds[0] += 60
        clock.now += datetime.timedelta(minutes=1)
    assert Job.objects.count() == 3
