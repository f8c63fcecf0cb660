"""How files appear, move and go, so that a crash or whoever has them open changes nothing."""

import os
import shutil
import stat
from pathlib import Path

from django.conf import settings

from slides.files.paths import WORK_FOLDERS, checked_folder
from slides.wsi.disk import fsync, write_private


def move_for_good(source: Path, target: Path) -> None:
    """Rename so that a crash at any point leaves the whole file under one of the two names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fsync(source)
    source.rename(target)
    for folder in target.parents[:3]:  # the innermost may be that of a MRXS set
        fsync(folder)


def write_for_good(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all, for this account alone."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    write_private(fresh, content)
    fsync(fresh)
    fresh.replace(path)
    fsync(path.parent)


def move_folder(source: Path, target: Path) -> None:
    """Rename a whole folder so that a crash leaves it under one of the two names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    fsync(target.parent)
    fsync(source.parent)


def sync_folder(folder: Path) -> None:
    """Have everything in a folder on the disk before somebody relies on it."""
    for path in folder.rglob("*"):
        fsync(path)
    fsync(folder)


def remove_folder(folder: str) -> None:
    """Delete all that a slide has on the disk, the sealed original too; what is not there is no error.

    Nothing outside SLIDES_ROOT and SEALED_ROOT can be named.
    """
    name = checked_folder(folder)
    remove_temporary(name)
    for root in (settings.SLIDES_ROOT, settings.SEALED_ROOT):
        remove_tree(Path(root) / name)


def remove_temporary(folder: str) -> None:
    """Delete what lies beside a slide only while it is checked."""
    for what in WORK_FOLDERS:
        remove_tree(Path(settings.SLIDES_ROOT) / f"{checked_folder(folder)}.{what}")


def remove_tree(path: Path) -> None:
    """Delete a folder for good: its files are emptied first, since removed ones stay whole for whoever has them open.

    Web workers and decoders keep some slides open for hours. Who has mapped an emptied file is ended by SIGBUS when it
    reads on. Web workers map none (slides.wsi.native reads), and jobs have stopped before anything is erased; a decoder
    whose library maps files dies alone, and its pool makes another.
    """
    if not path.is_dir():
        return
    for folder, _, names in os.walk(path):
        for name in names:
            _empty_file(Path(folder, name))
    shutil.rmtree(path)


def remove_file(path: Path) -> None:
    """Delete a file for good, as `remove_tree` does; one that is not there is no error."""
    _empty_file(path)
    path.unlink(missing_ok=True)


def _empty_file(path: Path) -> None:
    """Cut to nothing. What has a second name (a hard link that somebody made by hand) is not ours alone and stays."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # a link, or gone already
        return
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
