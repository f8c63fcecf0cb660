"""Take a slide out of a zip archive without trusting a word of it.

    files = unpack(Path("…/3f1c….zip"), folder, ArchiveLimits(total_bytes=50 * 10**9))

The directory is read first: too many entries, bombs, links, names that lead out of the folder and everything else that
no slide needs is refused before a byte is written. Then each file is copied while its real bytes are counted. All of it
happens in a child with limits, and files get names of our own.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import re
import stat
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from slides.wsi.disk import fsync
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.dicom.series import HEAD_BYTES, series_of
from slides.wsi.sandbox import limits as bounds
from slides.wsi.sandbox.one_task import ChildFailed, ChildTooSlow, answer_of, begin, taken
from slides.wsi.sets import ARCHIVE, SINGLE_SUFFIXES, SlideSet, names_in, slide_files, slide_sets, the_only

__all__ = ["ArchiveLimits", "slide_files", "unpack", "unpack_here"]

PIECE_BYTES = 2**20
DIRECTORY_BYTES = 4 * 2**20  # of an archive's list of entries: a thousand take about 100 KB
SMALL_BYTES = 16 * 2**20  # below, the ratio says nothing: a blank picture shrinks a thousandfold
DEEPEST = 8
LONGEST_NAME = 1024
NESTED = re.compile(r"\.(zip|7z|rar|gz|tgz|bz2|xz|zst|tar|jar|iso|cab|lha|lzh|arj)$", re.IGNORECASE)
NESTED_MAGICS = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ")
ENCRYPTED = 0x1 | 0x40 | 0x2000
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SPOILT = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
DAMAGED = "The zip archive is damaged, or its sizes are not what it says."


@dataclasses.dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may cost. total_bytes: of all that is unpacked. ratio: unpacked over packed bytes."""

    total_bytes: int
    entries: int = 2000
    ratio: int = 100
    timeout_s: float = 1800.0
    memory_mb: int = 1024


def unpack(path: Path, folder: Path, limits: ArchiveLimits) -> list[Path]:
    """Unpack the one slide in the archive into `folder`, in a child; its files, the main one first.

    They are named after the archive's own stem: `<stem>.svs`, `<stem>.mrxs` with its folder `<stem>/`, or
    `<stem>/0001.dcm` and so on. SlideRefused leaves nothing behind; a repeat overwrites what a killed attempt left.
    OSError where the disk is at fault, CutShort where the machine ended the child.
    """
    path, folder = path.absolute(), folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    asked = json.dumps({"path": str(path), "folder": str(folder), "limits": dataclasses.asdict(limits)})
    try:
        answer = _answer(path, folder, asked, limits.timeout_s)
    except SlideRefused:
        _remove(path.stem, folder)
        raise
    return [folder / name for name in answer["files"]]


def _answer(path: Path, folder: Path, asked: str, timeout_s: float) -> dict[str, Any]:
    try:
        said = answer_of("slides.wsi.archive", [asked], [path], folder, timeout_s)
    except ChildTooSlow:
        raise SlideRefused(f"The zip archive could not be unpacked in {timeout_s:g} s.", "limits") from None
    except ChildFailed as failure:
        raise SlideRefused(f"The zip archive could not be unpacked safely ({failure}).", "limits") from None
    if "disk" in said:
        raise OSError(said["disk"], os.strerror(said["disk"]))
    return taken(said, "No room on the disk for what an archive holds")


def unpack_here(path: Path, folder: Path, limits: ArchiveLimits) -> list[str]:
    """What the child does: check the directory, copy, give back names relative to `folder`."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(_Bounded(file)) as archive:
            entries = _checked(archive.infolist(), path.stat().st_size, limits)
            chosen = _the_slide(archive, entries)
            targets = [folder / name for name in names_in(path.stem, chosen)]
            left = limits.total_bytes
            for name, target in zip(chosen.files, targets, strict=True):
                left -= _copy(archive, entries[name], target, left)
            for each in {folder, *(target.parent for target in targets)}:
                fsync(each)
    except SPOILT:
        raise SlideRefused(DAMAGED, "broken") from None
    return [target.relative_to(folder).as_posix() for target in targets]


class _Bounded:
    """A file of which not more than DIRECTORY_BYTES are read at once: `zipfile` reads the whole directory in one go."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, count: int = -1) -> bytes:
        if count > DIRECTORY_BYTES:
            raise SlideRefused("The zip archive has far more entries than a slide needs.", "limits")
        return self._file.read(DIRECTORY_BYTES if count < 0 else count)


def _checked(
    entries: Sequence[zipfile.ZipInfo], packed_bytes: int, limits: ArchiveLimits
) -> dict[str, zipfile.ZipInfo]:
    """Name → entry of all files in the archive, refused by what its directory says."""
    if len(entries) > limits.entries:
        reason = f"The zip archive has {len(entries):,} entries; a slide has at most {limits.entries:,}."
        raise SlideRefused(reason, "limits")
    for entry in entries:
        _refuse_odd_entry(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    total = sum(entry.file_size for entry in files)
    if total > limits.total_bytes:
        size = f"{total / 1e9:,.1f} GB unpacked, and {limits.total_bytes / 1e9:,.1f} GB are free for it"
        raise SlideRefused(f"The zip archive is too large: {size}.", "limits")
    if total > SMALL_BYTES and total > limits.ratio * packed_bytes:
        raise SlideRefused("The zip archive grows more when unpacked than slides do.", "limits")
    named = {_plain(entry): entry for entry in files}
    if len({unicodedata.normalize("NFC", _plain(entry)).casefold() for entry in files}) < len(files):
        raise SlideRefused("Two files in the zip archive have the same name.", "parts")
    return named


def _refuse_odd_entry(entry: zipfile.ZipInfo) -> None:
    name = _plain(entry)
    parts = name.rstrip("/").split("/")
    if entry.flag_bits & ENCRYPTED:
        raise SlideRefused("The zip archive is encrypted; send it without a password.", "format")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise SlideRefused("The zip archive holds a link or a device; slides are plain files.", "format")
    outside = name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in entry.orig_filename
    if outside or len(name) > LONGEST_NAME or len(parts) > DEEPEST or not all(parts):
        raise SlideRefused("The zip archive names files outside of its own folder.", "format")
    if NESTED.search(name):
        raise SlideRefused("The zip archive holds another archive; pack the slide itself.", "format")
    if not entry.is_dir() and entry.compress_type not in METHODS:
        raise SlideRefused("The zip archive is packed in an unusual way; pack it again as plain zip.", "format")


def _plain(entry: zipfile.ZipInfo) -> str:
    """The name as the archive has it; old programs for Windows write backslashes."""
    return entry.orig_filename.replace("\\", "/")


def _the_slide(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> SlideSet:
    def series_in(name: str) -> str | None:
        with archive.open(entries[name]) as member:
            return series_of(member.read(HEAD_BYTES))

    sets, _ = slide_sets(entries, series_in, SINGLE_SUFFIXES)
    return the_only(sets)


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one member, at most `left` bytes of it; how many. The directory's word for its size must hold."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as member, target.open("wb") as file:
        while piece := member.read(PIECE_BYTES):
            if written == 0 and piece.startswith(NESTED_MAGICS):
                raise SlideRefused("The zip archive holds another archive; pack the slide itself.", "format")
            written += len(piece)
            if written > left:
                raise SlideRefused("The zip archive is larger than it says.", "limits")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if written != entry.file_size:
        raise zipfile.BadZipFile
    return written


def _remove(stem: str, folder: Path) -> None:
    """Take away what an attempt wrote: files of the archive's stem beside it, and the folder of that name."""
    for path in folder.glob(f"{stem}.*"):
        if path.suffix != ARCHIVE:
            path.unlink()
    inner = folder / stem
    if inner.is_dir():
        for path in inner.iterdir():
            path.unlink()
        inner.rmdir()


def main(arguments: list[str]) -> None:
    """Set limits, unpack, answer in JSON on stdout."""
    asked = json.loads(arguments[1])
    limits = ArchiveLimits(**asked["limits"])
    bounds.leave_network()
    bounds.limit_self(int(arguments[0]), limits.memory_mb, math.ceil(limits.timeout_s), write_bytes=limits.total_bytes)
    begin()
    try:
        answer: dict[str, Any] = {"files": unpack_here(Path(asked["path"]), Path(asked["folder"]), limits)}
    except SlideRefused as refusal:
        answer = {"refused": [refusal.reason, refusal.kind]}
    except OSError as error:
        if error.errno == errno.EINVAL:  # a directory that leads to places before the file's start
            answer = {"refused": [DAMAGED, "broken"]}
        else:
            answer = {"disk": error.errno}  # the disk's fault, not the archive's: tried again by the job
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
