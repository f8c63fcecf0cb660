"""Is the process alive (/healthz), and can the whole do its work (/readyz)?"""

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mitoweb.lib.jobs.models import WorkerPulse

WORKER_SILENT_S = 60


@never_cache
@require_safe
def show_liveness(request: HttpRequest) -> JsonResponse:
    """This process answers. Touches nothing else, so that a lost database does not get web processes killed."""
    return JsonResponse({"status": "ok"})


@dataclass(frozen=True)
class Trouble:
    """What a part of the whole lacks: one word for programs, one sentence for people."""

    part: str
    word: str
    sentence: str


@never_cache
@require_safe
def show_readiness(request: HttpRequest) -> JsonResponse:
    """200 when everything that work needs is there, else 503 with one sentence for each thing that is not.

    `parts` says of each by name what a monitor wants to know: ok, or in one word what is wrong.
    """
    troubles = [*_check_database(), *_check_folders()]
    parts = dict.fromkeys(["database", "worker", *_folders()], "ok") | {each.part: each.word for each in troubles}
    sentences = list(dict.fromkeys(each.sentence for each in troubles))
    return JsonResponse(
        {"status": "not ready" if troubles else "ready", "troubles": sentences, "parts": parts},
        status=503 if troubles else 200,
    )


def _check_database() -> list[Trouble]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        since = Now() - timedelta(seconds=WORKER_SILENT_S)
        alive = WorkerPulse.objects.filter(name__startswith=WorkerPulse.SUPERVISOR, at__gte=since).exists()
    except (DatabaseError, InterfaceError):
        connection.close()
        sentence = "The database does not answer."
        return [Trouble("database", "away", sentence), Trouble("worker", "unknown", sentence)]
    troubles = []
    if missing:
        sentence = f"The database lacks {len(missing)} migrations: run manage.py migrate."
        troubles.append(Trouble("database", "behind", sentence))
    if not alive:
        sentence = f"No worker has shown itself for {WORKER_SILENT_S} seconds: run manage.py worker."
        troubles.append(Trouble("worker", "silent", sentence))
    return troubles


def _folders() -> dict[str, Path]:
    """What is written where: each may lie on a disk of its own. Only the watched one is not made where it lacks."""
    made = {
        "uploads": settings.UPLOADS_ROOT,
        "slides": settings.SLIDES_ROOT,
        "sealed": settings.SEALED_ROOT,
        "tiles": settings.TILE_CACHE_ROOT,
        "models": settings.MODELS_ROOT,
        "data sets": settings.DATA_SETS_ROOT,
        "gate": settings.GATES_ROOT,
        "training": settings.TRAINING_ROOT,
        "var": settings.VAR_DIR,
    }
    watched = {"watch": Path(settings.WATCH_DIR)} if settings.WATCH_DIR else {}
    return {name: _existing(Path(folder)) for name, folder in made.items()} | watched


def _check_folders() -> list[Trouble]:
    """What is wrong with folders. Of those that share a full disk one sentence names all."""
    troubles: list[Trouble] = []
    short: dict[tuple[int, int], list[str]] = {}
    for name, place in _folders().items():
        try:
            disk, free = place.stat().st_dev, shutil.disk_usage(place).free
        except OSError as error:
            sentence = f"The folder of {name} cannot be reached: {error.strerror}."
            troubles.append(Trouble(name, "unreachable", sentence))
            continue
        if not os.access(place, os.W_OK | os.X_OK):
            troubles.append(Trouble(name, "read-only", f"Nothing can be written to the folder of {name}."))
        elif free < settings.DISK_RESERVE_BYTES:
            short.setdefault((disk, free), []).append(name)
    for (_, free), names in short.items():
        sentence = (
            f"Only {free / 2**30:.1f} GiB of disk are free for {', '.join(names)}; "
            f"{settings.DISK_RESERVE_BYTES / 2**30:.1f} are kept in reserve."
        )
        troubles += [Trouble(name, "full", sentence) for name in names]
    return troubles


def _existing(folder: Path) -> Path:
    """The folder, or where it will be made: those of a fresh installation come with their first file."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder
