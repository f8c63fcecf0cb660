"""The part file of an upload: who writes to it, and how bytes get to its end.

What has arrived is its size; the kernel's lock on it says who writes. Both survive a kill at any point.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from mitoweb.lib.errors import NotNow, Refused
from slides import files
from slides.services import quota
from slides.wsi.sandbox.one_task import FULL

READ_BYTES = 256 * 1024
LOOK_AT_DISK_EVERY_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a piece should give. algorithm: a name that hashlib knows."""

    algorithm: str
    digest: bytes


class Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


class DiskFull(quota.OutOfSpace):
    def __init__(self) -> None:
        super().__init__(
            "The server's disk is full; what was sent is kept and goes on when there is room.", "disk_full"
        )


class Busy(NotNow):
    def __init__(self) -> None:
        super().__init__("Another window is sending this file.", "locked")


class TooSlow(Refused):
    def __init__(self) -> None:
        super().__init__("Too little came for too long; what came is kept, go on behind it.", "too_slow")


@contextmanager
def lock_part(path: Path) -> Iterator[int | None]:
    """The part file, opened and locked against other windows; None when all of it was put away already."""
    try:
        part = os.open(path, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        if os.fstat(part).st_nlink == 0 or not path.exists():  # it ended between open and lock
            yield None
        else:
            yield part
    finally:
        os.close(part)


def append_bytes(part: int, stream: Readable, length: int, checksum: Checksum | None = None) -> None:
    """Copy up to `length` bytes to the end of the part file, and with a checksum all of them or none.

    What came before an error is kept where no checksum was sent, and survives a power cut when this returns or raises.
    """
    try:
        if checksum is None:
            _copy_bytes(part, stream, length)
        else:
            _append_verified(part, stream, length, checksum)
    finally:
        os.fsync(part)


def _append_verified(part: int, stream: Readable, length: int, checksum: Checksum) -> None:
    """The size of the part file is what was acknowledged, so bytes that may be wrong wait in a file without a name:
    a cut connection or a kill leaves none of them.
    """
    with tempfile.TemporaryFile(dir=settings.UPLOADS_ROOT, buffering=0) as piece:
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
        if _copy_bytes(piece.fileno(), stream, length, digest.update) < length:
            return
        if digest.digest() != checksum.digest:
            raise Refused("The bytes changed on their way; send them again.", "checksum.differs")
        piece.seek(0)
        _copy_bytes(part, piece, length)


def _copy_bytes(target: int, stream: Readable, length: int, hear: Callable[[bytes], None] = lambda chunk: None) -> int:
    """How many of `length` bytes came; `hear` is told each."""
    written = looked_at = 0
    _refuse_on_full_disk()
    while written < length and (chunk := _read_chunk(stream, min(READ_BYTES, length - written))):
        hear(chunk)
        _write_all(target, chunk)
        written += len(chunk)
        if written - looked_at >= LOOK_AT_DISK_EVERY_BYTES:
            _refuse_on_full_disk()
            looked_at = written
    return written


def _read_chunk(stream: Readable, count: int) -> bytes:
    """b"" at the end, and where the connection is gone; TooSlow where it is there and nothing comes."""
    try:
        return stream.read(count)
    except OSError as error:  # Django's for a body that cannot be read is one too
        if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
            raise TooSlow from None
        return b""


def _write_all(part: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[os.write(part, view) :]
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull from error
        raise


def _refuse_on_full_disk() -> None:
    if files.free_bytes(settings.UPLOADS_ROOT) < settings.DISK_RESERVE_BYTES:
        raise DiskFull
