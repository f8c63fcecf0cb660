"""ICPR 2012: `A00_00.csv`, one mitosis per line as a flat list x,y,x,y,… of all its member pixels, not a polygon.

The place is the mean of the pixels. A is the Aperio scanner (0.2456 µm/px), H the Hamamatsu (0.2275 by 0.2273); A00 and
H00 are the same glass. An empty file holds no mitosis; look-alikes are not labelled.
"""

import re
from pathlib import Path

import numpy as np

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import Row, read_coordinate, read_rows
from analysis.lab.datasets.records import Label, LabelledImage

NAME = "ICPR 2012"
FILE = re.compile(r"([AHM])(\d\d)_(\d\d)\.csv", re.IGNORECASE)
SCANNERS = {"A": "Aperio ScanScope XT", "H": "Hamamatsu NanoZoomer", "M": "multispectral microscope"}
NOMINAL_MPP = {"A": 0.2456, "H": 0.2274, "M": None}
# The smallest mitosis of the data set has 106 pixels; fewer than these are a list of something else.
MIN_PIXELS = 10
# Pixels of one mitosis lie closer than this: 25 µm.
MAX_SPAN_PX = 100


def recognises(path: Path) -> bool:
    if path.is_file():
        return bool(FILE.fullmatch(path.name))
    return any(FILE.fullmatch(file.name) for file in path.glob("*.csv"))


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """One image per file, by name."""
    files = [path] if path.is_file() else sorted(file for file in path.glob("*.csv") if FILE.fullmatch(file.name))
    pictures = Pictures(files[0].parent)
    return [_read_image(file, pictures, Faults(file, faults.found)) for file in files]


def _read_image(file: Path, pictures: Pictures, faults: Faults) -> LabelledImage:
    scanner = file.name[0].upper()
    labels = [_read_label(row, faults) for row in read_rows(file, faults)]
    return LabelledImage(
        name=file.stem,
        slide=file.stem[:3],
        patient=file.stem[1:3],
        collection="icpr2012",
        source=file,
        labels=tuple(label for label in labels if label is not None),
        tumour="human breast cancer",
        scanner=SCANNERS[scanner],
        **image_facts(pictures.find(file.stem), NOMINAL_MPP[scanner]),
    )


def _read_label(row: Row, faults: Faults) -> Label | None:
    """The mean of a line's pixels, or None and a fault."""
    cells = row.cells
    while cells and not cells[-1]:
        cells = cells[:-1]
    advice = "A line lists all pixels of one mitosis as x,y,x,y,…"
    if len(cells) % 2:
        faults.error("odd_pixels", f"{len(cells)} numbers, which make no pairs", advice, row.line)
        return None
    if len(cells) < 2 * MIN_PIXELS:
        faults.error("few_pixels", f"only {len(cells) // 2} pixels, too few for a mitosis", advice, row.line)
        return None
    values = [read_coordinate(cell, "x" if i % 2 == 0 else "y", row.line, faults) for i, cell in enumerate(cells)]
    if None in values:
        return None
    pixels = np.array(values).reshape(-1, 2)
    span = np.ptp(pixels, axis=0).max()
    if span > MAX_SPAN_PX:
        what = f"its pixels lie {span:.0f} px apart, too far for one mitosis"
        faults.error("scattered_pixels", what, f"{advice}; perhaps a number is missing in it", row.line)
        return None
    x, y = pixels.mean(axis=0) + 0.5
    return Label(float(x), float(y), MITOSIS, line=row.line)
