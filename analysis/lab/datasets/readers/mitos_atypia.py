"""MITOS-ATYPIA-14: `A03_00Aa_mitosis.csv` and `A03_00Aa_not_mitosis.csv`, one `x,y,confidence` per line, no header.

A is the Aperio scanner, H the Hamamatsu; A03 and H03 are the same glass, so the patient is 03. Look-alikes are listed
in `_not_mitosis`; an image without a `_mitosis` file has not been labelled for mitoses.
"""

import re
from pathlib import Path

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import read_coordinate, read_rows
from analysis.lab.datasets.records import Label, LabelledImage

NAME = "MITOS-ATYPIA-14"
COLLECTION = "mitos-atypia-14"
FILE = re.compile(r"([AH])(\d\d)_(\w+?)_(not_)?mitosis\.csv", re.IGNORECASE)
FRAME = re.compile(r"([AH])(\d\d)_\d\d[A-D][a-d]")
SCANNERS = {"A": "Aperio ScanScope XT", "H": "Hamamatsu NanoZoomer 2.0-HT"}
NOMINAL_MPP = {"A": 0.2455, "H": 0.2273}


def recognises(path: Path) -> bool:
    if path.is_file():
        return bool(FILE.fullmatch(path.name))
    return any(FILE.fullmatch(file.name) for file in path.glob("*.csv"))


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """One image per frame, its two files together. A single file brings its partner in."""
    folder = path.parent if path.is_file() else path
    files = {file.name.lower(): file for file in folder.glob("*.csv") if FILE.fullmatch(file.name)}
    frames = sorted({re.sub(r"(?i)_(not_)?mitosis\.csv$", "", file.name) for file in files.values()})
    if path.is_file():
        frames = [re.sub(r"(?i)_(not_)?mitosis\.csv$", "", path.name)]
    pictures = Pictures(folder)
    return [_read_image(frame, files, pictures, faults) for frame in frames]


def facts_of_frame(name: str) -> dict | None:
    """Patient, scanner and nominal pixel size of a frame by its name ("H03_00Aa"); None for other names."""
    named = FRAME.fullmatch(Path(name).stem)
    if named is None:
        return None
    return {"patient": named[2], "scanner": SCANNERS[named[1]], "mpp": NOMINAL_MPP[named[1]]}


def _read_image(frame: str, files: dict[str, Path], pictures: Pictures, faults: Faults) -> LabelledImage:
    mitoses, others = (files.get(f"{frame}_{part}.csv".lower()) for part in ("mitosis", "not_mitosis"))
    source = mitoses or files[f"{frame}_not_mitosis.csv".lower()]
    if mitoses is None:
        what = f"{frame} has look-alikes but no file {frame}_mitosis.csv, so its mitoses are not labelled"
        advice = "Put the file there, empty if there is no mitosis"
        Faults(source, faults.found).warn("half_labelled", what, advice, image=frame)
    scanner = frame[0].upper()
    return LabelledImage(
        name=frame,
        slide=frame[:3],
        patient=frame[1:3],
        collection=COLLECTION,
        source=source,
        labels=(*_read_labels(mitoses, MITOSIS, faults), *_read_labels(others, LOOK_ALIKE, faults)),
        labelled=mitoses is not None,
        tumour="human breast cancer",
        scanner=SCANNERS[scanner],
        **image_facts(pictures.find(frame), NOMINAL_MPP[scanner]),
    )


def _read_labels(file: Path | None, kind: str, faults: Faults) -> list[Label]:
    if file is None:
        return []
    at, found = Faults(file, faults.found), []
    for row in read_rows(file, at):
        if len(row.cells) not in (2, 3):
            what = f"{len(row.cells)} columns instead of x,y,confidence"
            at.error("columns", what, "Write one x,y,confidence per line", row.line)
            continue
        x, y = read_coordinate(row.cells[0], "x", row.line, at), read_coordinate(row.cells[1], "y", row.line, at)
        if x is not None and y is not None:
            found.append(Label(x, y, kind, line=row.line, source=file))
    return found
