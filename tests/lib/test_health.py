"""/healthz says that the process answers, /readyz that the whole can work, with a sentence for what is missing."""

import json
import signal
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from mitoweb import health
from mitoweb.lib.jobs.models import WorkerPulse


def ready(rf) -> tuple[int, list[str]]:
    response = health.show_readiness(rf.get("/readyz"))
    return response.status_code, json.loads(response.content)["troubles"]


def pulse(seconds_ago: int = 0) -> None:
    WorkerPulse.objects.update_or_create(
        name="foreman test", defaults={"at": timezone.now() - timedelta(seconds=seconds_ago)}
    )


def test_healthz_never_touches_the_database(client):
    """Without the mark django_db any query would fail the test."""
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_database_disk_and_worker_are_there(client):
    pulse()
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "troubles": []})


@pytest.mark.django_db
def test_not_ready_without_a_pulse_of_the_worker_and_ready_again_with_one(rf):
    pulse(seconds_ago=61)
    assert ready(rf) == (503, ["No worker has shown itself for 60 seconds: run manage.py worker."])
    pulse()
    assert ready(rf) == (200, [])


@pytest.mark.django_db
def test_not_ready_with_a_missing_migration(rf):
    pulse()
    MigrationRecorder.Migration.objects.filter(app="jobs").order_by("-id").first().delete()
    status, [sentence] = ready(rf)
    assert status == 503
    assert "run manage.py migrate" in sentence


@pytest.mark.django_db
def test_not_ready_when_the_disk_is_below_its_reserve(rf, settings):
    pulse()
    settings.DISK_RESERVE_BYTES = 2**60
    status, [sentence] = ready(rf)
    assert status == 503
    assert "of disk are free" in sentence


@pytest.mark.django_db(transaction=True)
def test_not_ready_while_the_database_is_away_and_ready_when_it_is_back(rf, postgres):
    pulse()
    postgres.stop(signal.SIGINT)
    assert ready(rf) == (503, ["The database does not answer."])
    postgres.start()
    connection.close()
    assert ready(rf) == (200, [])
