"""A backup of one point while people work.

The database's point is a snapshot that this program and pg_dump share. Files never change once they are in their place,
so they can be copied afterwards, with four exceptions. A part file grows at its end, and any of its lengths will do. A
slide that is being checked moves its files: it is copied when nobody works on it, and as the snapshot's row knows it.
A refused slide loses its files, and an erased one all: both are written down, and done again when the backup is
brought back.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mitoweb.lib.jobs.models import Job
from slides import files
from slides.models import Slide, Upload
from slides.services import working_copy
from slides.services.backup import database
from slides.services.backup.manifest import DUMP, BackupTrouble, Manifest, copy_file, differing_files, entry_of, roots

LOOK_EVERY_S = 1.0
LATEST_FACTS = ("state", "folder", "reason", "privacy", "job__state", "sealed_files")


@dataclass(frozen=True)
class Point:
    """What the snapshot's rows name: slides with files, uploads on their way."""

    slides: list[Slide]
    uploads: list[Upload]


def make_backup(target: Path, say: Callable[[str], None] = lambda text: None) -> Manifest:
    """Write a backup to the folder `target`, which must not exist yet, and check what was written.

    The folder has another name until all is there, so that what was cut short cannot be taken for a backup.
    """
    if target.exists():
        raise BackupTrouble(f"{target} is there already; name a folder that is not.")
    making = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupTrouble(f"{target} cannot be made: {error.strerror}.") from None
    manifest = Manifest(made=timezone.now().isoformat(timespec="seconds"), program=settings.VERSION)
    try:
        with _shared_snapshot() as (snapshot, point):
            say("Database …")
            database.dump_database(making / DUMP, snapshot)
        _copy_parts(making, manifest, point)
        say(f"{len(point.slides)} slides …")
        for slide in _in_their_turn(point.slides, say):
            _copy_slide(making, manifest, slide)
        _copy_models(making, manifest)
        say("Checking what was written …")
        _check(making, manifest)
        manifest.write(making)
        making.rename(target)
        files.sync_folder(target)
    except BaseException as error:
        shutil.rmtree(making, ignore_errors=True)
        if isinstance(error, OSError):  # of the disk: full, gone, read-only
            raise BackupTrouble(f"The backup could not be written, so there is none: {error.strerror}.") from error
        raise
    return manifest


@contextmanager
def _shared_snapshot() -> Iterator[tuple[str, Point]]:
    """A point of the database that pg_dump sees too, for as long as the block lasts."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        slides = list(Slide.objects.exclude(folder="").select_related("job"))
        uploads = list(Upload.objects.filter(state=Upload.State.UPLOADING))
        yield snapshot, Point(slides, uploads)


def _copy_parts(making: Path, manifest: Manifest, point: Point) -> None:
    """Part files first, since those that become whole move. Of one that did, the whole file is taken."""
    for upload in point.uploads:
        sources = [files.part_path(upload), files.kept_path(upload), files.part_path(upload)]
        sources += sorted((Path(settings.SEALED_ROOT) / files.upload_folder(upload)).glob(f"{upload.pk}*"))
        name = f"uploads/{files.part_path(upload).name}"
        if not any(_copied(making, manifest, source, name) for source in sources):
            manifest.files.pop(name, None)


def _in_their_turn(slides: list[Slide], say: Callable[[str], None]) -> Iterator[Slide]:
    """All slides, those last on which a job works now, each of them when that job has ended."""
    worked_on = []
    for slide in slides:
        if _is_worked_on(slide):
            worked_on.append(slide)
        else:
            yield slide
    for slide in worked_on:
        if _is_worked_on(slide):
            say(f"Waiting for the check of slide {slide.pk} …")
        while _is_worked_on(slide):
            time.sleep(LOOK_EVERY_S)
        yield slide


def _is_worked_on(slide: Slide) -> bool:
    return Job.objects.filter(kind="slide.check", object_id=slide.pk, state=Job.State.RUNNING).exists()


def _copy_slide(making: Path, manifest: Manifest, slide: Slide) -> None:
    """The slide's files as the snapshot's row knows them; again where a check or an erasure came between."""
    while True:
        before = _latest_facts(slide)
        if before is None:
            manifest.erased.append(str(slide.pk))
            return
        if not before["folder"]:
            manifest.refused[str(slide.pk)] = before["reason"]
            return
        try:
            taken = {name: copy_file(path, making / name) for name, path in _files_of(slide)}
        except FileNotFoundError:
            taken = None
        if taken is not None and not _is_worked_on(slide) and _latest_facts(slide) == before:
            manifest.files |= taken
            return
        for name, _ in list(_files_of(slide)):
            (making / name).unlink(missing_ok=True)
        if taken is None and _latest_facts(slide) == before:
            raise BackupTrouble(f"Files of slide {slide.pk} are missing: run manage.py fsck.")
        while _is_worked_on(slide):
            time.sleep(LOOK_EVERY_S)


def _latest_facts(slide: Slide) -> dict | None:
    return Slide.objects.filter(pk=slide.pk).values(*LATEST_FACTS).first()


def _files_of(slide: Slide) -> Iterator[tuple[str, Path]]:
    """Name in the backup and place of each file.

    While the snapshot's row names what was sent and knows of no copy, the sealed original is what it means.
    """
    place, sealed = files.slide_folder(slide), files.sealed_folder(slide)
    if slide.state == Slide.State.CHECKING and not working_copy.is_made(slide) and sealed.exists():
        yield from _listed(sealed, f"slides/{slide.folder}")
        return
    yield from _listed(place, f"slides/{slide.folder}")
    yield from _listed(sealed, f"sealed/{slide.folder}")
    if working_copy.COPY in slide.privacy:
        copy = files.work_folder(slide, files.COPY)
        yield from _listed(copy, f"slides/{copy.name}")


def _listed(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _copy_models(making: Path, manifest: Manifest) -> None:
    """Weights are named by their hash and never change."""
    for path in sorted(roots()["models"].glob("*")):
        if path.is_file() and not path.name.startswith("."):
            _copied(making, manifest, path, f"models/{path.name}")


def _copied(making: Path, manifest: Manifest, source: Path, name: str) -> bool:
    try:
        manifest.files[name] = copy_file(source, making / name)
    except FileNotFoundError:
        return False
    return True


def _check(making: Path, manifest: Manifest) -> None:
    database.check_dump(making / DUMP)
    (making / DUMP).chmod(0o600)
    manifest.files[DUMP] = entry_of(making / DUMP)
    for sentence in differing_files(making, manifest):
        raise BackupTrouble(f"The backup cannot be trusted: {sentence}")
