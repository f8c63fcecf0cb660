"""Decoded tiles kept on the disk, shared by all web processes.

    TILE_CACHE_ROOT/<slide id>/<what it was made from>/<level>/<column>_<row>.jpeg

What lies here can be made again. Who may see a slide is asked before anybody looks here. A file is written whole or
not at all, and ends with a checksum: after a power cut one may be there whose bytes never reached the disk. What
follows a JPEG's end every reader skips, so nginx sends the file as it is. A hit moves its time, and when
TILE_CACHE_BYTES are reached the files used longest ago go.
"""

import fcntl
import hashlib
import logging
import math
import os
import shutil
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from slides.files.paths import checked_ns
from slides.wsi.decoder import CROP_QUALITY, TILE_QUALITY

FORGOTTEN = ".forgotten"  # ids of slides that were erased, so that a tile on its way is not put back
FORGOTTEN_S = 24 * 3600
LOCK = ".lock"
TOUCH_AFTER_S = 60  # the time of a file that is asked for again and again is not moved each time
SWEEP_SHARE = 16  # a process looks at the size after writing a sixteenth of the limit
KEPT_SHARE = 0.9  # of the limit after a sweep
CHECKSUM = struct.Struct("<I")
log = logging.getLogger(__name__)

_lock = threading.Lock()
_written_bytes = math.inf  # since the last sweep; what earlier processes have left is not known before the first
_sweeper: threading.Thread | None = None


def cache_root() -> Path:
    return Path(settings.TILE_CACHE_ROOT)


def made_from(slide) -> str:
    """What decides the bytes of a slide's pictures, beside the part that they show.

    A check that is done again may make levels and index anew, of the same file; the overview is written at its end.
    """
    cut = f"{slide.sha256} {slide.tile_size} {slide.tile_overlap} {slide.scene}"
    return f"{cut} {slide.has_made_levels} {checked_ns(slide)} {TILE_QUALITY} {CROP_QUALITY}"


def tile_path(slide, level: int, column: int, row: int) -> Path:
    """Where the tile lies, or would."""
    key = hashlib.sha256(made_from(slide).encode()).hexdigest()[:16]
    return cache_root() / str(slide.pk) / key / str(level) / f"{column}_{row}.jpeg"


def read_tile(path: Path) -> bytes | None:
    """The tile, if it is here and whole."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            stored = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    body, checksum = stored[: -CHECKSUM.size], stored[-CHECKSUM.size :]
    if not body or checksum != checksum_of(body):
        path.unlink(missing_ok=True)
        return None
    if time.time() - status.st_mtime > TOUCH_AFTER_S:
        with suppress(FileNotFoundError):  # swept away meanwhile
            os.utime(path)
    return body


def checksum_of(body: bytes) -> bytes:
    return CHECKSUM.pack(zlib.crc32(body))


def write_tile(slide_id: UUID, path: Path, body: bytes) -> bool:
    """Keep a tile; False where it could not be kept, which costs only time."""
    if settings.TILE_CACHE_BYTES <= 0:
        return False
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(body + checksum_of(body))
        fresh.replace(path)
    except FileNotFoundError:  # the folder was swept away or forgotten in between
        return False
    except OSError as error:
        log.warning("A tile cannot be kept in the cache: %s", error.strerror)
        with suppress(OSError):
            fresh.unlink()
        return False
    if (cache_root() / FORGOTTEN / str(slide_id)).exists():
        _remove_folder(cache_root() / str(slide_id))
        return False
    _count_written(len(body))
    return True


def forget_slide(slide_id: UUID | str) -> None:
    """Remove every tile of a slide, for good: one that is being made at this moment is not kept either."""
    name = str(UUID(str(slide_id)))
    (cache_root() / FORGOTTEN).mkdir(parents=True, exist_ok=True)
    (cache_root() / FORGOTTEN / name).touch()
    _remove_folder(cache_root() / name)


def _remove_folder(folder: Path) -> None:
    """Remove a folder into which somebody may be writing."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def _count_written(body_bytes: int) -> None:
    """Sweep in a thread at the first tile, and when this process has written its share since the last time."""
    global _written_bytes, _sweeper
    with _lock:
        _written_bytes += body_bytes
        busy = _sweeper is not None and _sweeper.is_alive()
        if busy or _written_bytes < settings.TILE_CACHE_BYTES / SWEEP_SHARE:
            return
        _written_bytes = 0
        _sweeper = threading.Thread(target=sweep_cache, name="tile-cache-sweep", daemon=True)
    _sweeper.start()


def sweep_cache() -> int:
    """Bring the cache below its limit; how many files went. One process at a time, others leave it to that one."""
    with _try_lock() as mine:
        if not mine:
            return 0
        for mark in (cache_root() / FORGOTTEN).glob("*"):
            if time.time() - mark.stat().st_mtime > FORGOTTEN_S:
                mark.unlink(missing_ok=True)
        every = sorted(_list_tiles(), key=lambda file: file[1])
        total, removed = sum(size for _, _, size in every), 0
        goal = settings.TILE_CACHE_BYTES * (KEPT_SHARE if total > settings.TILE_CACHE_BYTES else 1)
        for path, _, size in every:
            if total <= goal:
                break
            with suppress(FileNotFoundError):
                path.unlink()
                removed += 1
            total -= size
        return removed


def _list_tiles() -> Iterator[tuple[Path, float, int]]:
    """(path, time of last use, bytes) of every tile."""
    for folder, _, names in os.walk(cache_root()):
        if folder.endswith(FORGOTTEN):
            continue
        for name in set(names) - {LOCK}:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                status = path.stat()
                yield path, status.st_mtime, status.st_size


@contextmanager
def _try_lock() -> Iterator[bool]:
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
