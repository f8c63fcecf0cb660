"""Readers of label files, one module per format, and the one that finds out which it is.

    images = read_labels(Path("MIDOG++.json"))

Each reader has a NAME, `recognises(path)` and `parse(path, faults)`, which collects what is wrong instead of raising.
A folder that is no data set itself is searched for files and folders that are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from analysis.lab.datasets.faults import Fault, Faults, refuse_errors
from analysis.lab.datasets.leaks import find_leaks
from analysis.lab.datasets.plausible import faults_of
from analysis.lab.datasets.readers import exports, icpr, midog, mitos_atypia, plain_csv, sliderunner, tupac
from analysis.lab.datasets.records import LabelledImage
from analysis.lab.errors import DatasetRefused

SUFFIXES = (".csv", ".tsv", ".json", ".geojson", ".sqlite", ".db")
MAX_DEPTH = 4
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


class Reader(Protocol):
    """What a module of this package is."""

    NAME: str

    def recognises(self, path: Path) -> bool: ...
    def parse(self, path: Path, faults: Faults) -> list[LabelledImage]: ...


# The first that recognises a file takes it, so the ones that know their files best come first.
READERS: tuple[Reader, ...] = (sliderunner, exports, midog, mitos_atypia, icpr, tupac, plain_csv)


@dataclass(frozen=True)
class Collection:
    """One label file, or folder of them, as read: `format` names its reader."""

    path: Path
    format: str
    images: tuple[LabelledImage, ...]


@dataclass(frozen=True)
class Reading:
    """All label files under a path, and all that is wrong with them."""

    path: Path
    collections: tuple[Collection, ...]
    faults: tuple[Fault, ...]

    @property
    def images(self) -> list[LabelledImage]:
        return [image for collection in self.collections for image in collection.images]


def read_labels(path: Path) -> list[LabelledImage]:
    """All labelled images of a file or folder, whatever its format.

    Raises DatasetRefused where nothing is recognised, and where training or scores would come out wrong: each fault is
    named with file and line and what to do.
    """
    reading = parse_labels(path)
    refuse_errors(reading.faults, path)
    return reading.images


def parse_labels(path: Path) -> Reading:
    """What can be read of a file or folder, with its faults. Raises DatasetRefused only where there is nothing that any
    reader knows.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetRefused(f"{path} is not there; name a label file or a folder of them.")
    collections, faults = [], []
    for place, reader in _data_sets(path, 0):
        at = Faults(place)
        images = [_in_split_of_folder(image, place, path) for image in reader.parse(place, at)]
        collections.append(Collection(place, reader.NAME, tuple(images)))
        faults += [*at.found, *faults_of(images, place)]
    if not collections:
        names = ", ".join(reader.NAME for reader in READERS)
        raise DatasetRefused(f"{path.name or path} holds no labels that are known; there are readers for {names}.")
    faults += find_leaks([image for collection in collections for image in collection.images])
    return Reading(path, tuple(collections), tuple(faults))


def _in_split_of_folder(image: LabelledImage, place: Path, root: Path) -> LabelledImage:
    """The image with the split that a folder or file named train, test, … stands for, where the labels name none."""
    if image.split:
        return image
    names = [place.stem, *(folder.name for folder in place.parents if folder.is_relative_to(root) and folder != root)]
    split = next((SPLIT_NAMES[name.lower()] for name in names if name.lower() in SPLIT_NAMES), "")
    return replace(image, split=split)


def _data_sets(path: Path, depth: int) -> Iterator[tuple[Path, Reader]]:
    """The files and folders under a path that a reader takes, in order of their names."""
    reader = next((reader for reader in READERS if reader.recognises(path)), None)
    if reader is not None:
        yield path, reader
    elif path.is_dir() and depth < MAX_DEPTH:
        for child in sorted(path.iterdir()):
            if child.is_dir() or (child.suffix.lower() in SUFFIXES and not midog.is_slide_list(child)):
                yield from _data_sets(child, depth + 1)
