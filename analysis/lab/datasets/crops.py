"""Crops of 128 px centred on a mitosis: MIDOG 2021 (three scanners) and MIDOG++ (several tumours).

They hold positives only, so their negatives are the off-centre nuclei of the same crops: otherwise a network would
learn the scanner. The crops padded black at an image border are left out, since the padding would give the class away;
so are the crops that the teaching sheet shows.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.lab.datasets import (
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

FOLDERS = ("midog21", "midogpp")
# As recorded by the scanners; MIDOG++ crops come from several and do not say which.
SCANNER_MPP = {"Hamammatsu XR": 0.23, "Hamamatsu S360": 0.23, "Aperio CS2": 0.25}
UNKNOWN_MPP = 0.25
CENTRE_PX = 64.0
TEACHING_SHEET_CROPS = 60
BLACK = 8


def is_padded(rgb: np.ndarray) -> bool:
    """Whether a border row or column of a uint8 (h, w, 3) crop is padding: its mean is below 8."""
    return min(rgb[0].mean(), rgb[-1].mean(), rgb[:, 0].mean(), rgb[:, -1].mean()) < BLACK


def fault_of_folders(folders: Sequence[str]) -> str:
    """What is wrong with the first of the folders that there is not, or nothing."""
    wrong = next((name for name in folders if name not in FOLDERS), None)
    return "" if wrong is None else f"there are no crops {wrong}, but {', '.join(FOLDERS)}{meant(wrong, FOLDERS)}"


def load_crops(data: Path, folder: str, with_votes: bool = False, unreadable: list[Path] | None = None) -> list[Source]:
    """Sources of `midog21` (one per scanner) or `midogpp` (one). The teaching sheet's crops are left out.

    `with_votes` adds the readers' votes to the mitoses of midog21; the rows of midogpp name no slide to join by. Images
    that cannot be read are added to `unreadable` and left out, or refused with OSError where it is not given. Raises
    DatasetRefused for a folder that there is not, or that the data lack.
    """
    if wrong := fault_of_folders((folder,)):
        raise DatasetRefused(wrong[:1].upper() + wrong[1:])
    labels = [data / folder / "manifest.csv"]
    if not labels[0].is_file():
        raise DatasetRefused(f"There is no {labels[0]}; crops {folder} are read from the data folder, see --data.")
    with labels[0].open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    paths = [data / folder / "patches" / row["file"] for row in rows]
    loaded = [(row, path, read_or_note(path, unreadable)) for row, path in zip(rows, paths, strict=True)]
    loaded = [item for item in loaded if item[2] is not None and not is_padded(item[2])]
    if folder == "midogpp":
        loaded = loaded[TEACHING_SHEET_CROPS:]
    if with_votes:
        labels.append(data / VOTES_FILE)
        shares = vote_shares(data, [row for row, _, _ in loaded])
        loaded = [
            (row | {"vote_share": share}, path, rgb) for (row, path, rgb), share in zip(loaded, shares, strict=True)
        ]
    by_scanner: dict[str, list] = {}
    for item in loaded:
        by_scanner.setdefault(item[0].get("scanner", ""), []).append(item)
    return [
        _source_of(f"{folder} {name}".strip(), SCANNER_MPP.get(name, UNKNOWN_MPP), items, labels)
        for name, items in sorted(by_scanner.items())
    ]


def _source_of(name: str, mpp: float, items: list, labels: list[Path]) -> Source:
    centre, px = np.array([(CENTRE_PX, CENTRE_PX)]), 0.25 / mpp
    mitoses, spots_on, nuclei, others, shares, spot_shares = [], [], [], [], [], []
    for index, (row, _, rgb) in enumerate(items):
        spots = spots_of_crop(rgb)
        mitoses.append((index, CENTRE_PX, CENTRE_PX))
        here = [(index, x, y) for x, y in spots_of_labels(centre, spots, SPOT_OF_LABEL_PX * px)]
        spots_on += here
        shares.append(row.get("vote_share", 1.0))
        spot_shares += [shares[-1]] * len(here)
        others += [(index, x, y) for x, y in other_mitoses(row)]
        clear = nearest_distance(spots, np.vstack([centre, other_mitoses(row)])) > IGNORE_OUTER_PX * px
        nuclei += [(index, x, y) for x, y in spots[clear]]
    points = {
        MITOSIS: as_points(mitoses),
        MITOSIS_SPOT: as_points(spots_on),
        LOOK_ALIKE: as_points([]),
        NUCLEUS: as_points(nuclei),
        OTHER_MITOSIS: as_points(others),
    }
    votes = {MITOSIS: np.array(shares, np.float32), MITOSIS_SPOT: np.array(spot_shares, np.float32)}
    files = [path for _, path, _ in items]
    return Source(name, "crop", mpp, [rgb for _, _, rgb in items], points, files, votes, labels=labels)


def other_mitoses(row: dict) -> np.ndarray:
    """Further mitoses of a crop beside the centred one: float (n, 2) in crop pixels, from `x:y|x:y`."""
    pairs = [pair.split(":") for pair in (row.get("other_mitosis_offsets") or "").split("|") if pair]
    return np.array(pairs, float).reshape(-1, 2)


def spots_of_crop(rgb: np.ndarray) -> np.ndarray:
    """Dark nuclei of a crop: float (n, 2) in crop pixels."""
    return darkest.dark_spots(half_scale(rgb))[0] * 2
