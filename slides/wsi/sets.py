"""Which files together make a slide, told by their names: of a folder, of an archive's directory, of an upload.

A1.svs                                    one file
S1/1.dcm  S1/2.dcm                        the DICOM instances of one folder and one series
B2.mrxs  B2/Slidedat.ini  B2/Data0000.dat a MRXS set: the file and the folder of the same name
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.base import FolderBeside, Series
from slides.wsi.formats.dicom.series import HEAD_BYTES, series_of
from slides.wsi.formats.mirax import ALONE, MRXS
from slides.wsi.formats.mirax import PART as MRXS_PART
from slides.wsi.formats.registry import ACCEPTED_SUFFIXES, FORMATS

__all__ = ["ALONE", "MRXS", "MRXS_PART"]  # for those who tell people of them; the rest is defined here

ARCHIVE = ".zip"
SINGLE_SUFFIXES = frozenset(suffix for each in FORMATS if each.bundle is None for suffix in each.suffixes)
TAKEN_SUFFIXES = tuple(sorted({*ACCEPTED_SUFFIXES, ARCHIVE}))
FOLDERS = {suffix: each.bundle for each in FORMATS if isinstance(each.bundle, FolderBeside) for suffix in each.suffixes}
SERIES = [each.bundle for each in FORMATS if isinstance(each.bundle, Series)]
SERIES_KIND = SERIES[0].kind
PICTURES = {suffix for each in FORMATS if not each.names_slides for suffix in each.suffixes}
JUNK = re.compile(r"\.|__MACOSX$|dicomdir$|thumbs\.db$|desktop\.ini$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class SlideSet:
    """Files of one slide. kind: "file", or that of a format's bundle. files: as they were named, the main one first."""

    kind: str
    files: tuple[str, ...]


def slide_sets(
    names: Iterable[str],
    series_of: Callable[[str], str | None] = lambda name: "",
    singles: Iterable[str] = SINGLE_SUFFIXES,
) -> tuple[list[SlideSet], list[str]]:
    """The sets that these names make, in the order of the names, and the names that belong to none.

    names: relative, with "/" between folders. series_of: asked of names that may be instances of a series, which one
    it is; None where the file is no instance. singles: extensions of which each file is a set of its own. Pictures that
    lie beside a slide belong to none. Files that systems leave beside others are left out of both.
    """
    kept = sorted(name for name in names if not any(JUNK.match(part) for part in PurePosixPath(name).parts))
    single_suffixes = frozenset(singles)
    taken: set[str] = set()
    found: list[SlideSet] = []
    instances: dict[tuple[str, str, str], list[str]] = {}
    for name in kept:
        suffix = PurePosixPath(name).suffix.lower()
        if folder := FOLDERS.get(suffix):
            found.append(SlideSet(folder.kind, (name, *_parts_of(name, folder, kept))))
        elif suffix in single_suffixes:
            found.append(SlideSet("file", (name,)))
        elif (series := next((each for each in SERIES if each.may_be(name)), None)) and (
            number := series_of(name)
        ) is not None:
            instances.setdefault((series.kind, str(PurePosixPath(name).parent), number), []).append(name)
    found += [SlideSet(kind, tuple(files)) for (kind, _, _), files in instances.items()]
    slides_at = {PurePosixPath(each.files[0]).parent for each in found if not _is_picture(each)}
    found = [each for each in found if not (_is_picture(each) and PurePosixPath(each.files[0]).parent in slides_at)]
    for each in found:
        taken.update(each.files)
    return sorted(found, key=lambda each: each.files[0]), [name for name in kept if name not in taken]


def slide_sets_in(
    folder: Path, paths: Iterable[Path], singles: Iterable[str] = (*SINGLE_SUFFIXES, ARCHIVE)
) -> tuple[list[SlideSet], list[str]]:
    """The same of files that lie below a folder, named from there; their first bytes tell series apart."""
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    return slide_sets(names, lambda name: _series_of_file(folder / name), singles)


def _series_of_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return series_of(file.read(HEAD_BYTES))
    except OSError:
        return None


def _is_picture(one: SlideSet) -> bool:
    """Whether it is of a format that is a slide only where nothing else is."""
    return PurePosixPath(one.files[0]).suffix.lower() in PICTURES


def grouping_rules() -> dict[str, Any]:
    """The same for a program that sees names alone, as plain lists and strings.

    series: extensions of files that make a slide with those of their folder. folders: extension → a pattern for what
    belongs to it in the folder of its name. slides: extensions that say that a file is a slide or holds one. pictures:
    those of files that are slides only where no other lies beside them.
    """
    slides = {suffix for each in FORMATS if each.names_slides for suffix in each.suffixes if suffix}
    return {
        "series": [suffix for each in FORMATS if isinstance(each.bundle, Series) for suffix in each.suffixes if suffix],
        "folders": {suffix: folder.part.pattern for suffix, folder in FOLDERS.items()},
        "slides": sorted({ARCHIVE, *slides}),
        "pictures": sorted(PICTURES),
    }


def slide_files(paths: Sequence[Path]) -> list[Path]:
    """Of the files kept for one slide those that make it, the main one first; SlideRefused where they are several.

    paths: as they lie on the disk, all below one folder.
    """
    names = {path.as_posix(): path for path in paths}
    sets, _ = slide_sets(names)
    return [names[name] for name in the_only(sets).files]


def the_only(sets: Sequence[SlideSet]) -> SlideSet:
    """The one set there is; SlideRefused with a sentence where there is none, several, or a part of one."""
    if not sets:
        raise SlideRefused("There is no slide in it.", "empty")
    if len(sets) > 1:
        raise SlideRefused(f"There are {len(sets)} slides in it; hand in each by itself.", "parts")
    main, *parts = sets[0].files
    if folder := FOLDERS.get(PurePosixPath(main).suffix.lower()):
        if not parts:
            raise SlideRefused(folder.alone, "parts")
        if not any(PurePosixPath(name).name == folder.index for name in parts):
            raise SlideRefused(folder.headless, "parts")
    return sets[0]


def names_in(stem: str, chosen: SlideSet) -> list[str]:
    """Names of our own for the files of a set, relative, by which they are still one: all begin with `stem`."""
    main, *parts = [PurePosixPath(name) for name in chosen.files]
    if any(chosen.kind == each.kind for each in SERIES):
        return [f"{stem}/{number:04}.dcm" for number in range(1, len(chosen.files) + 1)]
    return [f"{stem}{main.suffix.lower()}", *(f"{stem}/{part.name}" for part in parts)]


def _parts_of(main: str, bundle: FolderBeside, names: Iterable[str]) -> list[str]:
    folder = PurePosixPath(main).with_suffix("")
    return [
        name
        for name in names
        if PurePosixPath(name).parent == folder and bundle.part.fullmatch(PurePosixPath(name).name)
    ]
