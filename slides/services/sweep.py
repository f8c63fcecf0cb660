"""What crashes and closed browsers leave: finish what is whole, end what is too old, remove what nobody knows."""

import fcntl
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from slides import files
from slides.models import Slide, Upload
from slides.services import uploads

ORPHAN_AGE_S = 3600  # younger ones may belong to a transaction that has not ended


@dataclass
class Swept:
    finished: int = 0
    expired: int = 0
    parts: int = 0
    folders: int = 0

    def __str__(self) -> str:
        return (
            f"{self.finished} finished, {self.expired} expired, "
            f"{self.parts} part files and {self.folders} folders without a row removed"
        )


def sweep() -> Swept:
    swept = Swept()
    for upload in Upload.objects.filter(state=Upload.State.UPLOADING).iterator():
        if uploads.offset_of(upload) == upload.length:
            uploads.finish(upload)
            swept.finished += 1
        elif upload.expires < timezone.now() and not _is_being_written(files.part_path(upload)):
            _expire(upload)
            swept.expired += 1
    swept.parts = _remove_unknown_parts()
    swept.folders = _remove_unknown_folders()
    return swept


def _expire(upload: Upload) -> None:
    days = settings.UPLOAD_LIFE.days
    reason = f"Not continued for {days} days; what had arrived was removed."
    still_open = Upload.objects.filter(pk=upload.pk, state=Upload.State.UPLOADING)
    if still_open.update(state=Upload.State.CANCELLED, step=uploads.Step.EXPIRED, reason=reason):
        files.part_path(upload).unlink(missing_ok=True)


def _is_being_written(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _remove_unknown_parts() -> int:
    parts = [path for path in _old_entries(settings.UPLOADS_ROOT) if path.suffix == ".part"]
    known = {str(pk) for pk in Upload.objects.filter(state=Upload.State.UPLOADING).values_list("pk", flat=True)}
    strays = [path for path in parts if path.stem not in known]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def _remove_unknown_folders() -> int:
    entries = [path for path in _old_entries(settings.SLIDES_ROOT) if re.fullmatch(r"[0-9a-f-]{36}", path.name)]
    on_the_way = Q(state__in=[Upload.State.UPLOADING, Upload.State.CHECKING])
    known = set(Slide.objects.exclude(folder="").values_list("folder", flat=True))
    known |= {files.upload_folder(upload) for upload in Upload.objects.filter(on_the_way)}
    strays = [path for path in entries if path.name not in known]
    for path in strays:
        files.remove_folder(path.name)
    return len(strays)


def _old_entries(folder: Path) -> list[Path]:
    """Entries untouched for an hour; listed before the rows are read, so that none made in between seems a stray."""
    if not Path(folder).is_dir():
        return []
    limit = time.time() - ORPHAN_AGE_S
    return [Path(entry.path) for entry in os.scandir(folder) if entry.stat(follow_symlinks=False).st_mtime < limit]
