"""Names of files and labels as they may be shown, and which file names can be slides. Names never become paths."""

import re
import unicodedata
from pathlib import PurePosixPath

from slides.wsi.sets import TAKEN_SUFFIXES

LONGEST_NAME = 255
LONGEST_LABEL = 60
# Characters that turn the reading direction or show nothing: "gnp.svs" could hide as "svs.png".
INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def clean_name(name: str) -> str:
    """A file name as it may be shown: without folders and characters that hide something, its extension kept."""
    last = re.split(r"[\\/]", name)[-1]
    shown = strip_invisible(last)
    suffix = PurePosixPath(shown).suffix
    if len(shown) > LONGEST_NAME:
        shown = shown[: LONGEST_NAME - len(suffix)] + suffix
    return shown if shown.strip(". ") else "unnamed"


def suggested_label(name: str) -> str:
    """The stem of a file name, short enough for a label."""
    stem = PurePosixPath(clean_name(name)).stem
    return clean_label(stem.removesuffix(".ome")) or "Slide"


def clean_label(text: str) -> str:
    return strip_invisible(text)[:LONGEST_LABEL].strip()


def strip_invisible(text: str) -> str:
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
