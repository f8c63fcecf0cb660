"""TUPAC16's auxiliary mitosis data and its alternative labels (TUPAC_AL): `NN/MM.csv`, one `row,column` per line.

No header; an empty file, and an image without a file, hold no mitosis. A folder `nonmitoses_ground_truth` beside
`mitoses_ground_truth` holds look-alikes in the same form. Images are `mitoses_image_data/NN/MM.tif` at 0.25 µm/px.
"""

import re
from pathlib import Path

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import read_coordinate, read_rows
from analysis.lab.datasets.records import Label, LabelledImage

NAME = "TUPAC16"
NOMINAL_MPP = 0.25
MITOSES, LOOK_ALIKES, IMAGES = "mitoses_ground_truth", "nonmitoses_ground_truth", "mitoses_image_data"
NUMBER = re.compile(r"\d{1,3}")


def recognises(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".csv" and bool(
            NUMBER.fullmatch(path.stem) and NUMBER.fullmatch(path.parent.name)
        )
    return path.is_dir() and (path.name == MITOSES or (path / MITOSES).is_dir() or bool(_label_files(path)))


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """Images by case and number. A single `NN/MM.csv` gives one image."""
    if path.is_file():
        return [_read_image(path.parent.parent, path.parent.parent, path.parent.name, path.stem, faults)]
    # `labels` holds the mitoses' labels, `base` look-alikes and images.
    base = path.parent if path.name == MITOSES else path
    labels = path / MITOSES if path.name != MITOSES and (path / MITOSES).is_dir() else path
    keys = {(file.parent.name, file.stem) for file in _label_files(labels)}
    keys |= {(file.parent.name, file.stem) for file in _label_files(base / LOOK_ALIKES)}
    keys |= {
        (folder.name, image.stem)
        for folder in sorted((base / IMAGES).glob("*"))
        if NUMBER.fullmatch(folder.name)
        for image in folder.glob("*.tif*")
    }
    return [_read_image(labels, base, case, number, faults) for case, number in sorted(keys)]


def _label_files(folder: Path) -> list[Path]:
    """`NN/MM.csv` under a folder, or `MM.csv` in a folder that is itself a case's."""
    if not folder.is_dir():
        return []
    files = [*folder.glob("*/*.csv")]
    return sorted(f for f in files if NUMBER.fullmatch(f.stem) and NUMBER.fullmatch(f.parent.name))


def _read_image(labels: Path, base: Path, case: str, number: str, faults: Faults) -> LabelledImage:
    file = labels / case / f"{number}.csv"
    found = [
        *_read_labels(file, MITOSIS, faults),
        *_read_labels(base / LOOK_ALIKES / case / f"{number}.csv", LOOK_ALIKE, faults),
    ]
    picture = Pictures(file.parent, base / IMAGES / case).find(number)
    return LabelledImage(
        name=f"{case}/{number}",
        slide=case,
        patient=case,
        collection="tupac16",
        source=file,
        labels=tuple(found),
        tumour="human breast cancer",
        **image_facts(picture, NOMINAL_MPP),
    )


def _read_labels(file: Path, kind: str, faults: Faults) -> list[Label]:
    if not file.is_file():
        return []
    at, found = Faults(file, faults.found), []
    for row in read_rows(file, at):
        if len(row.cells) not in (2, 3):
            at.error(
                "columns", f"{len(row.cells)} columns instead of row,column", "Write one row,column per line", row.line
            )
            continue
        y, x = (
            read_coordinate(row.cells[0], "the row", row.line, at),
            read_coordinate(row.cells[1], "the column", row.line, at),
        )
        if x is not None and y is not None:
            found.append(Label(x, y, kind, line=row.line, source=file))
    return found
