"""Tiles of ordinary tissue of many organs without labels of mitoses (monuseg): nearly all that lies there is none.

Half of the patients are for training, where their nuclei are negatives; the others are kept for the figure *false ones
per mm²*, and nothing is trained, tuned or chosen on them. Mitoses do occur, so no place is a sure negative.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from analysis.lab.datasets import (
    EDGE_PX,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    MODEL_MPP,
    NUCLEUS,
    TISSUE,
    Source,
    as_points,
)
from analysis.lab.datasets.frames import negatives_among, spots_of
from analysis.lab.datasets.mitos14 import read_or_note
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.errors import meant

FOLDERS = ("monuseg",)
TRAINING, HELD_BACK = HALVES = ("training", "held back")
# The lowest bit of the hash that halves the 44 patients of monuseg.
BIT = 5
NOWHERE = np.zeros((0, 2))


@dataclass(frozen=True)
class Tile:
    """One tile's file, its patient and its pixel size in µm."""

    path: Path
    patient: str
    mpp: float


def half_of(patient: str) -> str:
    """The half that a patient belongs to, by its name alone: no list of tiles changes it."""
    return HALVES[crc32(patient.encode()) >> BIT & 1]


def tiles_of(data: Path, folder: str, half: str) -> list[Tile]:
    """The tiles of one half of the patients, by name. Raises DatasetRefused where the data lack them."""
    if wrong := fault_of_tissue((folder,)):
        raise DatasetRefused(wrong[:1].upper() + wrong[1:])
    path = frames_file(data, folder)
    if not path.is_file():
        raise DatasetRefused(f"There is no {path}; tissue {folder} is read from the data folder, see --data.")
    with path.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image"])
    tiles = [Tile(path.parent / "images" / row["image"], row["slide"], float(row["mpp"])) for row in rows]
    return [tile for tile in tiles if half_of(tile.patient) == half]


def frames_file(data: Path, folder: str) -> Path:
    return data / folder / "frames.csv"


def fault_of_tissue(folders: Sequence[str]) -> str:
    """What is wrong with the first of the folders that there is not, or nothing."""
    wrong = next((name for name in folders if name not in FOLDERS), None)
    return "" if wrong is None else f"there is no tissue {wrong}, but {', '.join(FOLDERS)}{meant(wrong, FOLDERS)}"


def load_tissue(data: Path, folder: str, unreadable: list[Path] | None = None) -> Source:
    """The training half as one source, whose only places are nuclei. Raises DatasetRefused as `tiles_of`, and for tiles
    that are not at the model's pixel size.
    """
    images: list[np.ndarray] = []
    files, cases, nuclei = [], [], []
    for tile in tiles_of(data, folder, TRAINING):
        if tile.mpp != MODEL_MPP:
            raise DatasetRefused(f"{tile.path.name} has {tile.mpp:g} um per pixel; tiles of {MODEL_MPP:g} are needed.")
        rgb = read_or_note(tile.path, unreadable)
        if rgb is None:
            continue
        spots = negatives_among(spots_of(rgb), NOWHERE, rgb.shape[1::-1], EDGE_PX)
        nuclei += [(len(images), x, y) for x, y in spots]
        images.append(rgb)
        files.append(tile.path)
        cases.append(tile.patient)
    none = as_points([])
    points = {MITOSIS: none, MITOSIS_SPOT: none, LOOK_ALIKE: none, NUCLEUS: as_points(nuclei)}
    return Source(folder, TISSUE, MODEL_MPP, images, points, files, labels=[frames_file(data, folder)], cases=cases)
