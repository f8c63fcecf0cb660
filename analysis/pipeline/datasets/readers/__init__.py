"""Readers of label files, one module per format, and the one that finds out which it is.

    images = read(Path("MIDOG++.json"))

Each reader has a NAME, `recognises(path)` and `parse(path, faults)`, which collects what is wrong instead of raising.
A folder that is no data set itself is searched for files and folders that are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.pipeline.datasets.faults import Fault, Faults, refuse_errors
from analysis.pipeline.datasets.plausible import faults_of
from analysis.pipeline.datasets.readers import exports, icpr, midog, mitos_atypia, plain_csv, sliderunner, tupac
from analysis.pipeline.datasets.records import LabelledImage
from analysis.pipeline.errors import DatasetRefused

# The first that recognises a file takes it, so the ones that know their files best come first.
READERS = (sliderunner, exports, midog, mitos_atypia, icpr, tupac, plain_csv)
SUFFIXES = (".csv", ".tsv", ".json", ".geojson", ".sqlite", ".db")
MAX_DEPTH = 4


@dataclass(frozen=True)
class Collection:
    """One label file, or folder of them, as read: `format` names its reader; `faults` are all that were found."""

    path: Path
    format: str
    images: tuple[LabelledImage, ...]
    faults: tuple[Fault, ...]


def read(path: Path) -> list[LabelledImage]:
    """All labelled images of a file or folder, whatever its format.

    Raises DatasetRefused where nothing is recognised, and where training or scores would come out wrong: each fault is
    named with file and line and what to do.
    """
    collections = parse(path)
    refuse_errors([fault for collection in collections for fault in collection.faults], path)
    return [image for collection in collections for image in collection.images]


def parse(path: Path) -> list[Collection]:
    """What can be read of a file or folder, with its faults. Raises DatasetRefused only where there is nothing that any
    reader knows.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetRefused(f"{path} is not there; name a label file or a folder of them.")
    found = [_parse(place, reader) for place, reader in _data_sets(path, 0)]
    if not found:
        names = ", ".join(reader.NAME for reader in READERS)
        raise DatasetRefused(f"{path.name or path} holds no labels that are known; there are readers for {names}.")
    return found


def _data_sets(path: Path, depth: int) -> Iterator[tuple[Path, object]]:
    """The files and folders under a path that a reader takes, in order of their names."""
    reader = next((reader for reader in READERS if reader.recognises(path)), None)
    if reader is not None:
        yield path, reader
    elif path.is_dir() and depth < MAX_DEPTH:
        for child in sorted(path.iterdir()):
            if child.is_dir() or (child.suffix.lower() in SUFFIXES and not midog.is_slide_list(child)):
                yield from _data_sets(child, depth + 1)


def _parse(path: Path, reader) -> Collection:
    faults = Faults(path)
    images = reader.parse(path, faults)
    return Collection(path, reader.NAME, tuple(images), (*faults.found, *faults_of(images, path)))
