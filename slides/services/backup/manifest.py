"""What a backup holds: its files with sizes and hashes, and what ended while it was made."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from pydantic import TypeAdapter, ValidationError

from slides.wsi.disk import fsync, write_private

NAME = "manifest.json"
DUMP = "database.dump"
VERSION = 1
READ_BYTES = 4 * 2**20


class BackupTrouble(Exception):
    """Why there is no backup, or why it is not brought back: a sentence for the person at the terminal."""


@dataclass(frozen=True)
class Entry:
    """bytes and sha256 (hex) of one file."""

    bytes: int
    sha256: str


@dataclass
class Manifest:
    """files: by path in the backup. erased: ids of slides that were erased while it was made, which it does not hold.

    refused: slides that were being checked at the backup's moment and were refused before they could be copied, with
    the reason.
    """

    made: str
    program: str
    files: dict[str, Entry] = field(default_factory=dict)
    erased: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    version: int = VERSION

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files.values())

    def write(self, folder: Path) -> None:
        write_private(folder / NAME, json.dumps(asdict(self), indent=1).encode())
        fsync(folder / NAME)
        fsync(folder)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        path = folder / NAME
        try:
            manifest = TypeAdapter(cls).validate_json(path.read_bytes(), strict=True)
        except FileNotFoundError:
            raise BackupTrouble(f"{folder} holds no whole backup: it has no {NAME}.") from None
        except OSError as error:
            raise BackupTrouble(f"{path} cannot be read: {error.strerror}.") from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "all of it"
            raise BackupTrouble(f"{path} is not what a backup writes ({place}: {first['msg']}).") from None
        if manifest.version != VERSION:
            raise BackupTrouble(f"The backup is of another kind ({manifest.version}); this program reads {VERSION}.")
        if DUMP not in manifest.files:
            raise BackupTrouble(f"{path} names no {DUMP}, so this is no whole backup.")
        for name in manifest.files.keys() - {DUMP}:
            parts = Path(name).parts
            if len(parts) < 2 or parts[0] not in roots() or ".." in parts:
                raise BackupTrouble(f"{path} names a file that no backup holds: {name}.")
        return manifest


def roots() -> dict[str, Path]:
    """The folders of files, by the name that each has in a backup."""
    return {
        "slides": Path(settings.SLIDES_ROOT),
        "sealed": Path(settings.SEALED_ROOT),
        "uploads": Path(settings.UPLOADS_ROOT),
        "models": Path(settings.MODELS_ROOT),
    }


def copy_file(source: Path, target: Path) -> Entry:
    """Copy a file for this account alone and have it on the disk; its size and hash."""
    for folder in reversed([target.parent, *target.parent.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)  # with parents=True those would be open to others
    digest, count = hashlib.sha256(), 0
    number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as sent, os.fdopen(number, "wb") as kept:
        while chunk := sent.read(READ_BYTES):
            digest.update(chunk)
            kept.write(chunk)
            count += len(chunk)
        kept.flush()
        os.fsync(kept.fileno())
    return Entry(count, digest.hexdigest())


def entry_of(path: Path) -> Entry:
    """Size and hash as the disk has them: what the kernel still remembers of the file is let go first."""
    digest, count = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
            count += len(chunk)
    return Entry(count, digest.hexdigest())


def differing_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """A sentence for each file that is not there or not what it was when it was copied."""
    for name, entry in manifest.files.items():
        try:
            if entry_of(folder / name) != entry:
                yield f"{name} is not what was written."
        except OSError as error:
            yield f"{name} cannot be read: {error.strerror}."
