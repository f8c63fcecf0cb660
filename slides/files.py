"""Where uploads and slides lie on the disk, and how a file gets from one place to the other for good.

    UPLOADS_ROOT/<upload id>.part        what has arrived; its size is the offset
    SLIDES_ROOT/<folder>/<file><suffix>  whole files, named by us; <folder> is the upload's id or its bundle's
    SLIDES_ROOT/<folder>/thumbnail.jpeg  made by the check, as are levels.tiff and native.idx
    SLIDES_ROOT/<folder>.unpacked/       while it is checked: what an archive holds
    SLIDES_ROOT/<folder>.making/         while it is checked: the working copy being written
    SLIDES_ROOT/<folder>.copy/           the working copy, whole, until it takes the place of what was sent
    SEALED_ROOT/<folder>/                the original as it was sent, once the working copy is in its place

All lie on one filesystem, so that a rename moves a whole slide at once. Names from people never become paths.
"""

import os
import re
import shutil
import stat
import unicodedata
from pathlib import Path, PurePosixPath
from uuid import uuid5

from django.conf import settings

from slides.wsi.disk import fsync
from slides.wsi.sets import MRXS, MRXS_PART, TAKEN_SUFFIXES

THUMBNAIL = "thumbnail.jpeg"
LEVELS = "levels.tiff"
NATIVE = "native.idx"
FOLDER = r"[0-9a-f-]{36}"
UNPACKED, MAKING, COPY = BESIDE = ("unpacked", "making", "copy")
LONGEST_NAME = 255
LONGEST_LABEL = 60
# Characters that turn the reading direction or show nothing: "gnp.svs" could hide as "svs.png".
INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def part_path(upload) -> Path:
    return part_path_of(upload.pk)


def part_path_of(upload_id) -> Path:
    return Path(settings.UPLOADS_ROOT) / f"{upload_id}.part"


def upload_folder(upload) -> str:
    """The folder its slide will have: known from the start, so that a finish done twice ends at the same place.

    A bundle's id comes from the browser; hashed with case and person it cannot name the folder of another slide.
    """
    return str(upload.pk if upload.bundle is None else uuid5(upload.case_id, f"{upload.user_id} {upload.bundle}"))


def kept_path(upload) -> Path:
    """Where the whole file goes. The files of a MRXS set must find each other, so they are named by its folder."""
    folder = upload_folder(upload)
    suffix = kept_suffix(upload.name)
    name = f"{folder if suffix == MRXS else upload.pk}{suffix}"
    if MRXS_PART.fullmatch(upload.path):
        name = f"{folder}/{upload.path}"
    return Path(settings.SLIDES_ROOT) / folder / name


def slide_folder(slide) -> Path:
    if not slide.folder:
        raise FileNotFoundError("The slide has no files.")
    return Path(settings.SLIDES_ROOT) / slide.folder


def slide_paths(slide) -> list[Path]:
    folder = slide_folder(slide)
    return [folder / name for name in slide.files]


def thumbnail_path(slide) -> Path:
    return slide_folder(slide) / THUMBNAIL


def checked_ns(slide) -> int:
    """When the last check of the slide ended, which is when its overview was written; 0 where there is none."""
    try:
        return os.stat(f"{settings.SLIDES_ROOT}/{slide.folder}/{THUMBNAIL}").st_mtime_ns  # noqa: PTH116 for each tile
    except OSError:
        return 0


def levels_path(slide) -> Path:
    """Levels that the file lacks, made for tiles; there where Slide.has_made_levels says so."""
    return slide_folder(slide) / LEVELS


def native_path(slide) -> Path:
    """Where in the files the tiles lie that are sent as they are (slides.wsi.native)."""
    return slide_folder(slide) / NATIVE


def beside(slide, what: str) -> Path:
    """A folder that is there while the slide is checked. what: one of BESIDE."""
    return Path(settings.SLIDES_ROOT) / f"{_checked(slide.folder)}.{what}"


def sealed_folder(slide) -> Path:
    return Path(settings.SEALED_ROOT) / _checked(slide.folder)


def free_bytes(path: Path) -> int:
    """Room on the filesystem that will hold `path`, whose parents may not exist yet."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def move_for_good(source: Path, target: Path) -> None:
    """Rename so that a crash at any point leaves the whole file under one of the two names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fsync(source)
    source.rename(target)
    for folder in target.parents[:3]:  # the innermost may be that of a MRXS set
        fsync(folder)


def write_for_good(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
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
    name = _checked(folder)
    remove_temporary(name)
    for root in (settings.SLIDES_ROOT, settings.SEALED_ROOT):
        remove_tree(Path(root) / name)


def remove_temporary(folder: str) -> None:
    """Delete what lies beside a slide only while it is checked."""
    for what in BESIDE:
        remove_tree(Path(settings.SLIDES_ROOT) / f"{_checked(folder)}.{what}")


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
            _empty(Path(folder, name))
    shutil.rmtree(path)


def remove_file(path: Path) -> None:
    """Delete a file for good, as `remove_tree` does; one that is not there is no error."""
    _empty(path)
    path.unlink(missing_ok=True)


def _empty(path: Path) -> None:
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


def _checked(folder: str) -> str:
    if not re.fullmatch(FOLDER, folder):
        raise ValueError(f"Not a slide folder: {folder!r}")
    return folder


def clean_name(name: str) -> str:
    """A file name as it may be shown: without folders and characters that hide something, its extension kept."""
    last = re.split(r"[\\/]", name)[-1]
    shown = visible(last)
    suffix = PurePosixPath(shown).suffix
    if len(shown) > LONGEST_NAME:
        shown = shown[: LONGEST_NAME - len(suffix)] + suffix
    return shown if shown.strip(". ") else "unnamed"


def suggested_label(name: str) -> str:
    """The stem of a file name, short enough for a label."""
    stem = PurePosixPath(clean_name(name)).stem
    return clean_label(stem.removesuffix(".ome")) or "Slide"


def clean_label(text: str) -> str:
    return visible(text)[:LONGEST_LABEL].strip()


def visible(text: str) -> str:
    """The text without characters that hide something, blanks run together."""
    return " ".join("".join(c for c in text if c in "\t\n" or unicodedata.category(c) not in INVISIBLE).split())


def suffix_of(name: str) -> str:
    """The extension of a cleaned name in lower case, "" when it has none. Of ended uploads it is all that is left."""
    shown = clean_name(name)
    return shown if shown in TAKEN_SUFFIXES else PurePosixPath(shown).suffix.lower()


def kept_suffix(name: str) -> str:
    """The extension a kept file gets: one of ours; DICOM instances often come without."""
    suffix = suffix_of(name)
    return suffix if suffix in TAKEN_SUFFIXES else ".dcm"


def refused_suffix(name: str) -> str:
    """Why a file of this name cannot be a slide, "" when it can. Asked before anything is sent."""
    suffix = suffix_of(name)
    if suffix in TAKEN_SUFFIXES or suffix == "" or suffix[1:].isdigit():  # DICOM instances are named by a UID
        return ""
    return f"Files that end in {suffix[:20]} are not taken; slides are {', '.join(TAKEN_SUFFIXES)}."
