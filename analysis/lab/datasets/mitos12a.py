"""ICPR 2012 frames of an Aperio scanner at another hospital: every mitosis labelled by one pathologist, no look-alikes.

A few mitoses are still hidden by the paint that the challenge marked them with: they are neither class. Slide A04 is
the glass of mitos14's H04, and the readers of 2014 confirmed few of that reader's mitoses, so it counts less.
"""

import csv
from pathlib import Path

import numpy as np

from analysis.lab.datasets.mitos14 import Frame

FOLDER = "mitos12a"
FRAME_MPP = 0.2456
SCANNER = "Aperio ScanScope XT"
TRAINING_SLIDES = ("A00", "A01", "A02", "A04")
SAME_GLASS = {"A04": "H04"}
WEIGHTS = {"A04": 0.5}
# About the middle of a painted box nothing is cut: half a window, and half a box.
PAINT_CLEAR_PX = 75


def labelled_frames(data: Path, slides: tuple[str, ...]) -> list[Frame]:
    """Frames of the named slides in order of their names. Raises FileNotFoundError when the data folder lacks them."""
    labels: dict[str, list[dict]] = {}
    with labels_file(data).open(newline="") as file:
        for row in csv.DictReader(file):
            if slide_of(row["image"]) in slides:
                labels.setdefault(row["image"], []).append(row)
    return [_frame_of(data / FOLDER / "images" / name, rows) for name, rows in sorted(labels.items())]


def labels_file(data: Path) -> Path:
    return data / FOLDER / "annotations.csv"


def slide_of(image: str) -> str:
    return image.split("_")[0]


def _frame_of(path: Path, rows: list[dict]) -> Frame:
    mitoses = [(float(row["x"]), float(row["y"])) for row in rows if row["label"] == "mitosis"]
    boxes = [[float(row[key]) for key in ("x0", "y0", "x1", "y1")] for row in rows if row["label"] == "painted"]
    return Frame(
        path,
        slide_of(path.name),
        np.array(mitoses, np.float64).reshape(-1, 2),
        np.zeros((0, 2)),
        np.array(boxes, np.float64).reshape(-1, 4),
        FRAME_MPP,
        SCANNER,
    )
