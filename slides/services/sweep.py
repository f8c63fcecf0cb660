"""What crashes and closed browsers leave: finish what is whole, end what is too old, remove what nobody knows."""

import fcntl
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mitoweb.people import audit
from slides import files
from slides.files import tile_cache
from slides.models import Slide, Upload
from slides.services import erase, uploads
from slides.services.cases import lock_case

ORPHAN_AGE_S = 3600  # younger ones may belong to a transaction that has not ended


@dataclass
class SweepCounts:
    finished: int = 0
    expired: int = 0
    parts: int = 0
    folders: int = 0
    originals: int = 0
    erasures: int = 0
    tiles: int = 0

    def __str__(self) -> str:
        return (
            f"{self.finished} finished, {self.expired} expired, "
            f"{self.parts} part files and {self.folders} folders without a row removed, "
            f"{self.originals} sealed originals deleted, {self.erasures} erasures started again, "
            f"{self.tiles} kept tiles above the limit removed"
        )


def sweep_leftovers() -> SweepCounts:
    swept = SweepCounts()
    for upload in Upload.objects.filter(state=Upload.State.UPLOADING).iterator():
        if uploads.finish_if_whole(upload):
            swept.finished += 1
        elif upload.expires < timezone.now() and not _is_being_written(files.part_path(upload)):
            _expire_upload(upload)
            swept.expired += 1
    swept.parts = _remove_all(_unknown_parts())
    swept.originals = _delete_expired_originals()
    swept.folders = _remove_all(_unknown_folders())
    swept.erasures = erase.requeue_erasures()
    swept.tiles = tile_cache.sweep_cache()
    return swept


def _expire_upload(upload: Upload) -> None:
    days = settings.UPLOAD_LIFE.days
    reason = f"Not continued for {days} days; what had arrived was removed."
    still_open = Upload.objects.filter(pk=upload.pk, state=Upload.State.UPLOADING)
    if uploads.end_uploads(still_open, state=Upload.State.CANCELLED, step=uploads.Step.EXPIRED, reason=reason):
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


def list_strays() -> list[Path]:
    """Files and folders of uploads and slides, of work on them, of originals and of kept tiles that no row knows."""
    return [*_unknown_parts(), *_unknown_folders()]


def remove_stray(path: Path) -> None:
    if path.is_dir():
        with suppress(OSError):  # the next sweep tries again
            files.remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_all(strays: list[Path]) -> int:
    for path in strays:
        remove_stray(path)
    return len(strays)


def _unknown_parts() -> list[Path]:
    parts = [path for path in _old_entries(settings.UPLOADS_ROOT) if path.suffix == ".part"]
    known = {str(pk) for pk in Upload.objects.filter(state=Upload.State.UPLOADING).values_list("pk", flat=True)}
    return [path for path in parts if path.stem not in known]


def _delete_expired_originals() -> int:
    """Row before file: an original that the row no longer names is a stray, and goes as one."""
    expired = Slide.objects.filter(sealed_until__lt=timezone.now()).exclude(sealed_files=[])
    count = 0
    for slide in expired.select_related("case__team"):
        with transaction.atomic():
            lock_case(slide.case_id)
            if not expired.filter(pk=slide.pk).update(sealed_files=[], sealed_until=None):
                continue
            audit.record_change(None, slide.case.team, "slide.unseal", f"slide {slide.pk}", "Sealed original deleted")
        files.remove_tree(files.sealed_folder(slide))
        count += 1
    return count


def _unknown_folders() -> list[Path]:
    old = {root: _old_entries(root) for root in (settings.SLIDES_ROOT, settings.SEALED_ROOT, settings.TILE_CACHE_ROOT)}
    on_the_way = Q(state__in=[Upload.State.UPLOADING, Upload.State.CHECKING])
    checking = set(Slide.objects.filter(state=Slide.State.CHECKING).values_list("folder", flat=True))
    sealed = set(Slide.objects.exclude(sealed_files=[]).values_list("folder", flat=True)) | checking
    known = set(Slide.objects.exclude(folder="").values_list("folder", flat=True))
    known |= {files.upload_folder(upload) for upload in Upload.objects.filter(on_the_way)}
    work = {f"{folder}.{what}" for folder in checking for what in files.WORK_FOLDERS}
    slides = {str(pk) for pk in Slide.objects.values_list("pk", flat=True)}
    return [
        *_find_strays(old[settings.SLIDES_ROOT], rf"{files.FOLDER}(\.({'|'.join(files.WORK_FOLDERS)}))?", known | work),
        *_find_strays(old[settings.SEALED_ROOT], files.FOLDER, sealed),
        *_find_strays(old[settings.TILE_CACHE_ROOT], files.FOLDER, slides),
    ]


def _find_strays(entries: Iterable[Path], pattern: str, known: set[str]) -> list[Path]:
    return [path for path in entries if re.fullmatch(pattern, path.name) and path.name not in known]


def _old_entries(folder: Path) -> list[Path]:
    """Entries untouched for an hour; listed before the rows are read, so that none made in between seems a stray."""
    if not Path(folder).is_dir():
        return []
    limit = time.time() - ORPHAN_AGE_S
    return [Path(entry.path) for entry in os.scandir(folder) if entry.stat(follow_symlinks=False).st_mtime < limit]
