"""A backup brought back into a fresh installation."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.db.models.functions import Now

from mitoweb.lib.jobs.models import Job
from slides.models import Slide, Upload
from slides.services import erase
from slides.services.backup import database
from slides.services.backup.manifest import DUMP, BackupTrouble, Manifest, copy_file, differing_files, roots
from slides.wsi.disk import fsync

MARK = "restoring"  # in VAR_DIR while files are brought back: what a killed attempt left may be overwritten
LOST_CLAIM = timedelta(seconds=1)


def restore_backup(folder: Path, say: Callable[[str], None] = lambda text: None) -> Manifest:
    """Bring a backup back. BackupTrouble, with nothing changed, where it is damaged or the installation is in use.

    Files first, then the database in one transaction: until that has ended there is nobody who could sign in.
    """
    manifest = Manifest.read(folder)
    _refuse_used_installation()
    say(f"Checking {len(manifest.files)} files of the backup …")
    for sentence in differing_files(folder, manifest):
        raise BackupTrouble(f"The backup is damaged, so nothing was changed: {sentence}")
    say("Files …")
    _mark().parent.mkdir(parents=True, exist_ok=True)
    _mark().touch()
    try:
        _bring_files(folder, manifest)
    except OSError as error:
        raise BackupTrouble(f"The files could not be written: {error.strerror}. Mend it and start again.") from error
    say("Database …")
    database.load_database(folder / DUMP)
    call_command("migrate", verbosity=0, interactive=False)
    with transaction.atomic():
        _catch_up(manifest)
    _mark().unlink()
    return manifest


def _mark() -> Path:
    return Path(settings.VAR_DIR) / MARK


def _refuse_used_installation() -> None:
    """People, cases or files would be overwritten, and a program at work would go on with what is gone."""
    if others := database.other_sessions():
        raise BackupTrouble(f"{others} other programs use the database: stop MitoWeb first.")
    if _goes_on():
        return
    for model in (apps.get_model("people.User"), apps.get_model("slides.Case")):
        if _has_table(model) and model.objects.exists():
            words = model._meta.verbose_name_plural
            raise BackupTrouble(f"This installation has {words} already; a backup goes into a fresh one.")
    for name, root in roots().items():
        if _content_of(root):
            raise BackupTrouble(f"The folder of {name} is not empty; a backup goes into a fresh installation.")


def _goes_on() -> bool:
    """Whether all that is here is of an attempt that was killed: since it began nobody has done anything."""
    if not _mark().exists():
        return False
    began = datetime.fromtimestamp(_mark().stat().st_mtime, UTC)
    audit = apps.get_model("people.AuditEntry")
    return not (_has_table(audit) and audit.objects.filter(actor__isnull=False, at__gte=began).exists())


def _has_table(model: type[Model]) -> bool:
    return model._meta.db_table in connection.introspection.table_names()


def _content_of(root: Path) -> list[Path]:
    """What lies in a folder, which may be a disk of its own, and then has a place for what its checks find."""
    return [path for path in root.iterdir() if path.name != "lost+found"] if root.is_dir() else []


def _bring_files(folder: Path, manifest: Manifest) -> None:
    for root in roots().values():
        for left in _content_of(root):  # not the folder itself: where a disk begins, it cannot be removed
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, entry in manifest.files.items():
        if name == DUMP:
            continue
        kind, _, rest = name.partition("/")
        if copy_file(folder / name, roots()[kind] / rest) != entry:
            raise BackupTrouble(f"{name} changed while it was copied; start again.")
    for root in roots().values():
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                fsync(path)


def _catch_up(manifest: Manifest) -> None:
    """What ended while the backup was made ends here too, and what was at work then is put back to be done again."""
    Job.objects.filter(state=Job.State.RUNNING).update(lease_until=Now() - LOST_CLAIM, worker="")
    for pk, reason in manifest.refused.items():
        gone = {"state": Slide.State.REFUSED, "reason": reason, "folder": "", "files": [], "sealed_files": []}
        Slide.objects.filter(pk=pk).update(**gone, sealed_until=None, privacy={}, sha256="")
        on_its_way = Upload.objects.filter(slide=pk, state=Upload.State.CHECKING)
        on_its_way.update(state=Upload.State.REFUSED, reason=reason)
    for slide in Slide.objects.filter(pk__in=manifest.erased):
        erase.erase_slide(None, slide)
