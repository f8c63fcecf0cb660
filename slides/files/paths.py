"""Where the files of uploads and slides lie (see slides/files/__init__.py)."""

import os
import re
import shutil
from pathlib import Path
from uuid import uuid5

from django.conf import settings

from slides.files.names import kept_suffix
from slides.wsi.sets import MRXS, MRXS_PART

THUMBNAIL = "thumbnail.jpeg"
LEVELS = "levels.tiff"
NATIVE = "native.idx"
FOLDER = r"[0-9a-f-]{36}"
UNPACKED, MAKING, COPY = WORK_FOLDERS = ("unpacked", "making", "copy")


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


def work_folder(slide, what: str) -> Path:
    """A folder that is there while the slide is checked. what: one of BESIDE."""
    return Path(settings.SLIDES_ROOT) / f"{checked_folder(slide.folder)}.{what}"


def sealed_folder(slide) -> Path:
    return Path(settings.SEALED_ROOT) / checked_folder(slide.folder)


def free_bytes(path: Path) -> int:
    """Room on the filesystem that will hold `path`, whose parents may not exist yet."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def checked_folder(folder: str) -> str:
    if not re.fullmatch(FOLDER, folder):
        raise ValueError(f"Not a slide folder: {folder!r}")
    return folder
