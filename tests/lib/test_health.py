"""/healthz says that the process answers, /readyz that the whole can work, with a sentence for what is missing."""

import json
import shutil
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


def parts(rf) -> tuple[int, dict[str, str]]:
    response = health.show_readiness(rf.get("/readyz"))
    return response.status_code, {k: v for k, v in json.loads(response.content)["parts"].items() if v != "ok"}


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
    assert response.status_code == 200
    said = response.json()
    assert (said["status"], said["troubles"]) == ("ready", [])
    assert set(said["parts"]) >= {"database", "worker", "uploads", "slides", "sealed"}
    assert set(said["parts"].values()) == {"ok"}


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


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["UPLOADS_ROOT", "SLIDES_ROOT", "SEALED_ROOT", "TILE_CACHE_ROOT", "WATCH_DIR"])
def test_each_folder_that_is_full_or_cannot_be_reached_is_named(rf, settings, tmp_path, monkeypatch, part):
    """Uploads, slides and sealed originals may lie on disks of their own."""
    pulse()
    name = part.partition("_")[0].lower().replace("tile", "tiles")
    disk = tmp_path / "a disk of its own"
    disk.mkdir()
    setattr(settings, part, disk)
    usage = shutil.disk_usage
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda place: usage(place)._replace(free=0 if place == disk else 2**50))
        assert parts(rf) == (503, {name: "full"})
    setattr(settings, part, disk / "lost" / "folder")
    (disk / "lost").symlink_to(tmp_path / "an unmounted disk")
    assert parts(rf) == (503, {name: "unreachable"})
    assert ready(rf)[1] == [f"The folder of {name} cannot be reached: No such file or directory."]


@pytest.mark.django_db(transaction=True)
def test_not_ready_while_the_database_is_away_and_ready_when_it_is_back(rf, postgres):
    pulse()
    postgres.stop(signal.SIGINT)
    assert ready(rf) == (503, ["The database does not answer."])
    postgres.start()
    connection.close()
    assert ready(rf) == (200, [])
