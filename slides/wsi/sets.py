"""Which files together make a slide, told by their names: of a folder, of an archive's directory, of an upload.

A1.svs                                    one file
S1/1.dcm  S1/2.dcm                        the DICOM instances of one folder
B2.mrxs  B2/Slidedat.ini  B2/Data0000.dat a MRXS set: the file and the folder of the same name
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.first_bytes import ACCEPTED_SUFFIXES

MRXS, ARCHIVE = ".mrxs", ".zip"
DICOM_SUFFIXES = (".dcm", ".dicom")
SINGLE_SUFFIXES = frozenset(ACCEPTED_SUFFIXES) - {MRXS, *DICOM_SUFFIXES}
TAKEN_SUFFIXES = tuple(sorted({*ACCEPTED_SUFFIXES, MRXS, ARCHIVE}))
SLIDEDAT = "Slidedat.ini"
MRXS_PART = re.compile(r"Slidedat\.ini|Index\.dat|Data[0-9]{4}\.dat")
JUNK = re.compile(r"\.|__MACOSX$|dicomdir$|thumbs\.db$|desktop\.ini$", re.IGNORECASE)
ALONE = "A MRXS slide is a .mrxs file and the folder of the same name; hand in both together."
HEADLESS = f"The MRXS folder has no {SLIDEDAT}; hand in the .mrxs file with its whole folder."


@dataclasses.dataclass(frozen=True)
class SlideSet:
    """Files of one slide. kind: "file", "dicom" or "mrxs". files: as they were named, the main one first."""

    kind: str
    files: tuple[str, ...]


def looks_like_dicom(name: str) -> bool:
    """DICOM instances end in .dcm or .dicom, or are named by a UID."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in DICOM_SUFFIXES or suffix == "" or suffix[1:].isdigit()


def slide_sets(
    names: Iterable[str], is_dicom: Callable[[str], bool] = looks_like_dicom, singles: Iterable[str] = SINGLE_SUFFIXES
) -> tuple[list[SlideSet], list[str]]:
    """The sets that these names make, in the order of the names, and the names that belong to none.

    names: relative, with "/" between folders. is_dicom: asked of names that may be DICOM instances. singles:
    extensions of which each file is a set of its own. Files that systems leave beside others are left out of both.
    """
    kept = sorted(name for name in names if not any(JUNK.match(part) for part in PurePosixPath(name).parts))
    single_suffixes = frozenset(singles)
    taken: set[str] = set()
    found: list[SlideSet] = []
    instances: dict[str, list[str]] = {}
    for name in kept:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix == MRXS:
            found.append(SlideSet("mrxs", (name, *_parts_of(name, kept))))
        elif suffix in single_suffixes:
            found.append(SlideSet("file", (name,)))
        elif looks_like_dicom(name) and is_dicom(name):
            instances.setdefault(str(PurePosixPath(name).parent), []).append(name)
    found += [SlideSet("dicom", tuple(files)) for files in instances.values()]
    for each in found:
        taken.update(each.files)
    return sorted(found, key=lambda each: each.files[0]), [name for name in kept if name not in taken]


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
    if sets[0].kind == "mrxs":
        if len(sets[0].files) == 1:
            raise SlideRefused(ALONE, "parts")
        if not any(PurePosixPath(name).name == SLIDEDAT for name in sets[0].files):
            raise SlideRefused(HEADLESS, "parts")
    return sets[0]


def _parts_of(main: str, names: Iterable[str]) -> list[str]:
    folder = PurePosixPath(main).with_suffix("")
    return [
        name for name in names if PurePosixPath(name).parent == folder and MRXS_PART.fullmatch(PurePosixPath(name).name)
    ]
