"""What stands in more than one part of a split: patients, slides, the same file under two names, and images that have
the same name in two data sets.

A patient's name holds within one data set only, and data sets share slides: MIDOG++ holds those of MIDOG 2021. Slides
of two data sets that are called alike are therefore told, but as a warning: "001.tiff" may be two slides.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from analysis.lab.datasets.faults import ERROR, WARNING, Fault, fault_at
from analysis.lab.datasets.records import LabelledImage

BEGINNING_BYTES = 65_536
SUFFIX = re.compile(r"\.(tiff?|svs|ndpi|mrxs|scn|dcm|png|jpe?g|bmp)$")


def find_leaks(images: list[LabelledImage]) -> list[Fault]:
    """All leaks between the splits that the images name; those without one are in none."""
    split = [image for image in images if image.split]
    return [*_same_patients(split), *_same_bytes(split), *_same_names(split)]


def _same_patients(images: list[LabelledImage]) -> list[Fault]:
    """Patients of one data set in several splits, or where there are none its slides."""
    keys = (("patient", lambda i: i.case), ("slide", lambda i: f"{i.collection}/{i.slide}"))
    for what, key in keys:
        found = []
        for name, splits in _in_several(images, key).items():
            example = next(image for image in images if key(image) == name)
            text = f"{what} {name} is in {' and '.join(splits)}"
            advice = "A patient belongs to one part only: move all its images there"
            found.append(fault_at(ERROR, "leak", example, text, advice))
        if found:
            return found
    return []


def _in_several(images: list[LabelledImage], key: Callable[[LabelledImage], str]) -> dict[str, list[str]]:
    """What lies in more than one split → those splits."""
    seen: dict[str, set[str]] = {}
    for image in images:
        seen.setdefault(key(image), set()).add(image.split)
    return {name: sorted(splits) for name, splits in seen.items() if len(splits) > 1}


def _same_bytes(images: list[LabelledImage]) -> list[Fault]:
    """Images of different splits that are the same file under two names, or in two data sets. Only files that begin
    alike and are of equal length are read whole.
    """
    groups = [[image for image in images if image.path is not None]]
    for key in (_file_length, _hash_of_beginning, _hash_of_content):
        groups = [part for group in groups for part in _same_key(group, key)]
    found = []
    for first, *others in groups:
        for image in others:
            if image.split != first.split:
                what = f"{image.name} in {image.split} is the same file as {first.name} in {first.split}"
                found.append(fault_at(ERROR, "leak", image, what, "Keep one of them"))
    return found


def _same_key(images: list[LabelledImage], key: Callable[[Path], int | bytes]) -> list[list[LabelledImage]]:
    """The images whose files have the same key, where they stand in several splits."""
    groups: dict[int | bytes, list[LabelledImage]] = {}
    for image in images:
        if image.path is not None:
            groups.setdefault(key(image.path), []).append(image)
    return [group for group in groups.values() if len({image.split for image in group}) > 1]


def _file_length(path: Path) -> int:
    return path.stat().st_size


def _hash_of_beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(BEGINNING_BYTES)).digest()


def _hash_of_content(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _same_names(images: list[LabelledImage]) -> list[Fault]:
    """One warning for each two data sets and splits that have images of equal names."""
    seen: dict[str, set[tuple[str, str]]] = {}
    alike: dict[tuple[str, str, str, str], list[LabelledImage]] = {}
    for image in images:
        # "043.tiff" is "43.SVS".
        places = seen.setdefault(SUFFIX.sub("", image.name.lower()).lstrip("0"), set())
        for collection, split in sorted(places):
            if collection != image.collection and split != image.split:
                alike.setdefault((image.collection, image.split, collection, split), []).append(image)
        places.add((image.collection, image.split))
    found = []
    for (collection, split, other, other_split), group in alike.items():
        some = "1 image" if len(group) == 1 else f"{len(group)} images"
        names = f"{group[0].name}" if len(group) == 1 else f"such as {group[0].name}"
        what = f"{some} of {collection} in {split} and of {other} in {other_split} have the same names, {names}"
        advice = "If they show the same slides this is a leak: keep them in one part"
        found.append(Fault(WARNING, "same_name", group[0].source, what, advice))
    return found
