"""Is the process alive (/healthz), and can the whole do its work (/readyz)?"""

import shutil
from datetime import timedelta

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


@never_cache
@require_safe
def show_readiness(request: HttpRequest) -> JsonResponse:
    """200 when everything that work needs is there, else 503 with one sentence for each thing that is not."""
    troubles = [*_check_database(), *_check_disk()]
    return JsonResponse(
        {"status": "not ready" if troubles else "ready", "troubles": troubles}, status=503 if troubles else 200
    )


def _check_database() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        since = Now() - timedelta(seconds=WORKER_SILENT_S)
        alive = WorkerPulse.objects.filter(name__startswith=WorkerPulse.SUPERVISOR, at__gte=since).exists()
    except (DatabaseError, InterfaceError):
        connection.close()
        return ["The database does not answer."]
    troubles = []
    if missing:
        troubles.append(f"The database lacks {len(missing)} migrations: run manage.py migrate.")
    if not alive:
        troubles.append(f"No worker has shown itself for {WORKER_SILENT_S} seconds: run manage.py worker.")
    return troubles


def _check_disk() -> list[str]:
    folder = settings.VAR_DIR
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free >= settings.DISK_RESERVE_BYTES:
        return []
    return [
        f"Only {free / 2**30:.1f} GiB of disk are free; {settings.DISK_RESERVE_BYTES / 2**30:.1f} are kept in reserve."
    ]
