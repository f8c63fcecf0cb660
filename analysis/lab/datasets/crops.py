"""Crops of 128 px centred on a mitosis: MIDOG 2021 (three scanners), MIDOG++ (several tumours) and TUPAC16.

They hold positives only, so their negatives are the off-centre nuclei of the same crops: otherwise a network would
learn the scanner. Black padding at an image border would give the class away too: it is cut off, and windows are
mirrored there as anywhere else. The crops that the teaching sheet shows are left out.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.lab.datasets import (
    CROP,
    IGNORE_OUTER_PX,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    NUCLEUS,
    OTHER_MITOSIS,
    SPOT_OF_LABEL_PX,
    Source,
    as_points,
    nearest_distance,
    spots_of_labels,
)
from analysis.lab.datasets.mitos14 import read_or_note
from analysis.lab.datasets.votes import VOTES_FILE, vote_shares
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.errors import meant
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import half_scale


@dataclass(frozen=True)
class Folder:
    """How a folder of crops is laid out: its table, its images, the column that names them, and the one that the
    sources are told apart by.
    """

    table: str = "annotations.csv"
    images: str = "images"
    column: str = "image"
    source: str = "scanner"


MIDOG21, MIDOGPP = "midog21", "midogpp"
_OLDER = Folder("manifest.csv", "patches", "file")
LAYOUTS = {
    MIDOG21: _OLDER,
    MIDOGPP: _OLDER,
    "midogpp_more": Folder(),
    "tupac16_crops": Folder(source="hospital"),
}
FOLDERS = tuple(LAYOUTS)
# As recorded by the scanners; MIDOG++ crops come from several and do not say which.
SCANNER_MPP = {"Hamammatsu XR": 0.23, "Hamamatsu S360": 0.23, "Aperio CS2": 0.25}
UNKNOWN_MPP = 0.25
CENTRE_PX = 64.0
TEACHING_SHEET_CROPS = 60
BLACK = 8
# Nearer to a border a window is a kaleidoscope of mirrored pixels, as no mitosis is seen in; augment.mirror_edge shows
# them mirrored about as near as this.
NUCLEUS_EDGE_PX = 16
# JPEG smears padding over its last block of 8; what is left has even sides, so that it halves without a shift.
SMEARED_PX = 4


def is_padded(rgb: np.ndarray) -> bool:
    """Whether a border row or column of a uint8 (h, w, 3) crop is padding: its mean is below 8."""
    return min(rgb[0].mean(), rgb[-1].mean(), rgb[:, 0].mean(), rgb[:, -1].mean()) < BLACK


def cut_padding(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A crop without its black borders, and how far its corner moved: uint8 (h, w, 3) and float (2,) x, y."""
    if not is_padded(rgb):
        return rgb, np.zeros(2)
    (top, bottom), (left, right) = (_inside(rgb.mean(axis=(axis, 2))) for axis in (1, 0))
    return rgb[top:bottom, left:right], np.array([left, top], float)


def _inside(means: np.ndarray) -> tuple[int, int]:
    """First and last of the rows or columns that are no padding, the smeared ones beside it left out."""
    kept = np.flatnonzero(means >= BLACK)
    first, end = (int(kept[0]), int(kept[-1]) + 1) if len(kept) else (0, 0)
    first += SMEARED_PX if first else 0
    end -= SMEARED_PX if end < len(means) else 0
    return first + first % 2, end - end % 2


def fault_of_folders(folders: Sequence[str]) -> str:
    """What is wrong with the first of the folders that there is not, or nothing."""
    wrong = next((name for name in folders if name not in FOLDERS), None)
    return "" if wrong is None else f"there are no crops {wrong}, but {', '.join(FOLDERS)}{meant(wrong, FOLDERS)}"


def labels_file(data: Path, folder: str) -> Path:
    return data / folder / LAYOUTS[folder].table


def known_scanner(name: str) -> str:
    """A scanner as slides name theirs: the data set has one maker with a letter too many."""
    return name.replace("Hamammatsu", "Hamamatsu")


def load_crops(data: Path, folder: str, with_votes: bool = False, unreadable: list[Path] | None = None) -> list[Source]:
    """Sources of a folder: one for each scanner or hospital that it names. The teaching sheet's crops are left out.

    `with_votes` adds the readers' votes to the mitoses of midog21; the rows of midogpp name no slide to join by. Images
    that cannot be read are added to `unreadable` and left out, or refused with OSError where it is not given. Raises
    DatasetRefused for a folder that there is not, or that the data lack.
    """
    if wrong := fault_of_folders((folder,)):
        raise DatasetRefused(wrong[:1].upper() + wrong[1:])
    layout, labels = LAYOUTS[folder], [labels_file(data, folder)]
    if not labels[0].is_file():
        raise DatasetRefused(f"There is no {labels[0]}; crops {folder} are read from the data folder, see --data.")
    with labels[0].open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row[layout.column])
    paths = [data / folder / layout.images / row[layout.column] for row in rows]
    read = [(row, path, read_or_note(path, unreadable)) for row, path in zip(rows, paths, strict=True)]
    loaded = [(row, path, rgb) for row, path, rgb in read if rgb is not None]
    if folder == MIDOGPP:
        shown = [path for _, path, rgb in loaded if not is_padded(rgb)][:TEACHING_SHEET_CROPS]
        loaded = [item for item in loaded if item[1] not in shown]
    if with_votes:
        labels.append(data / VOTES_FILE)
        shares = vote_shares(data, [row for row, _, _ in loaded])
        loaded = [
            (row | {"vote_share": share}, path, rgb) for (row, path, rgb), share in zip(loaded, shares, strict=True)
        ]
    by_source: dict[str, list] = {}
    for item in loaded:
        by_source.setdefault(item[0].get(layout.source, ""), []).append(item)
    return [_source_of(f"{folder} {name}".strip(), items, labels) for name, items in sorted(by_source.items())]


def _source_of(name: str, items: list, labels: list[Path]) -> Source:
    mpp = SCANNER_MPP.get(items[0][0].get("scanner", ""), UNKNOWN_MPP)
    px = 0.25 / mpp
    images, mitoses, spots_on, nuclei, others, shares, spot_shares = [], [], [], [], [], [], []
    for index, (row, _, whole) in enumerate(items):
        rgb, corner = cut_padding(whole)
        images.append(rgb)
        centre, beside = np.array([(CENTRE_PX, CENTRE_PX)]) - corner, other_mitoses(row) - corner
        spots = spots_of_crop(rgb)
        mitoses += [(index, x, y) for x, y in centre]
        here = [(index, x, y) for x, y in spots_of_labels(centre, spots, SPOT_OF_LABEL_PX * px)]
        spots_on += here
        shares.append(row.get("vote_share", 1.0))
        spot_shares += [shares[-1]] * len(here)
        others += [(index, x, y) for x, y in beside]
        clear = nearest_distance(spots, np.vstack([centre, beside])) > IGNORE_OUTER_PX * px
        size = np.array(rgb.shape[1::-1])
        clear &= ((spots >= NUCLEUS_EDGE_PX) & (spots <= size - NUCLEUS_EDGE_PX)).all(axis=1)
        nuclei += [(index, x, y) for x, y in spots[clear]]
    points = {
        MITOSIS: as_points(mitoses),
        MITOSIS_SPOT: as_points(spots_on),
        LOOK_ALIKE: as_points([]),
        NUCLEUS: as_points(nuclei),
        OTHER_MITOSIS: as_points(others),
    }
    votes = {MITOSIS: np.array(shares, np.float32), MITOSIS_SPOT: np.array(spot_shares, np.float32)}
    files, cases = [path for _, path, _ in items], [row.get("slide") or "" for row, _, _ in items]
    cases = cases if all(cases) else []
    return Source(name, CROP, mpp, images, points, files, votes, labels=labels, cases=cases)


def other_mitoses(row: dict) -> np.ndarray:
    """Further mitoses of a crop beside the centred one: float (n, 2) in crop pixels, from `x:y|x:y`."""
    pairs = [pair.split(":") for pair in (row.get("other_mitosis_offsets") or "").split("|") if pair]
    return np.array(pairs, float).reshape(-1, 2)


def spots_of_crop(rgb: np.ndarray) -> np.ndarray:
    """Dark nuclei of a crop: float (n, 2) in crop pixels."""
    return darkest.dark_spots(half_scale(rgb))[0] * 2
