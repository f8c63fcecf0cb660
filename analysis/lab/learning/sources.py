"""A data set's places, and the original data beside them, as training wants them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis.lab.datasets import (
    CROP,
    EDGE_PX,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    MODEL_MPP,
    NUCLEUS,
    Source,
    as_points,
)
from analysis.lab.datasets.crops import spots_of_crop
from analysis.lab.datasets.frames import negatives_among
from analysis.lab.datasets.sampler import balanced_shares
from analysis.lab.datasets.votes import VOTES_FILE
from analysis.lab.errors import DatasetRefused
from analysis.lab.learning.data_set_folder import FILE, PATCH_PX, DataSetFolder, PatchRow
from analysis.lab.learning.recipe import Original, Recipe
from analysis.lab.learning.split import is_mitosis
from analysis.lab.train.sources import load_labelled

TRAINED, HELD_OUT = "data set", "held out"
MIDDLE_PX = PATCH_PX / 2


def source_of_rows(data: DataSetFolder, rows: Sequence[PatchRow], name: str) -> Source:
    """The places of rows as one source: mitoses and look-alikes in the middle of their patches with the readers'
    shares, and the nuclei beside them, which nobody called a mitosis.

    Each scanner is drawn as `balanced_shares` has it, whatever it has of the places; each case as the recipe's shares
    say. Raises DatasetRefused for a patch that is none.
    """
    images, nuclei = [], []
    places: dict[str, list[tuple[int, float, float]]] = {MITOSIS: [], LOOK_ALIKE: []}
    of_group: dict[str, list[PatchRow]] = {MITOSIS: [], LOOK_ALIKE: []}
    middle = np.array([(MIDDLE_PX, MIDDLE_PX)])
    for index, row in enumerate(rows):
        rgb = np.ascontiguousarray(data.read_patch(row))
        group = MITOSIS if is_mitosis(row) else LOOK_ALIKE
        places[group].append((index, MIDDLE_PX, MIDDLE_PX))
        of_group[group].append(row)
        beside = negatives_among(spots_of_crop(rgb), middle, rgb.shape[1::-1], EDGE_PX)
        nuclei += [(index, x, y) for x, y in beside]
        images.append(rgb)
    points = {group: as_points(found) for group, found in places.items()}
    points |= {MITOSIS_SPOT: as_points([]), NUCLEUS: as_points(nuclei)}
    return Source(
        name,
        CROP,
        MODEL_MPP,
        images,
        points,
        [data.folder / row.file for row in rows],
        {group: np.array([row.label for row in found], np.float32) for group, found in of_group.items()},
        labels=[data.folder / FILE],
        cases=[row.case for row in rows],
        weights={group: _weights_of(found) for group, found in of_group.items()},
    )


def _weights_of(rows: Sequence[PatchRow]) -> np.ndarray:
    """How often each place is drawn: by its own weight, scanners balanced. float (n,) of mean 1."""
    if not rows:
        return np.ones(0)
    _, scanner, counts = np.unique([row.scanner for row in rows], return_inverse=True, return_counts=True)
    weights = np.array([row.weight for row in rows]) * (balanced_shares(counts) / counts)[scanner]
    return weights / weights.mean()


def load_original(folder: Path, recipe: Recipe, unreadable: list[Path]) -> list[Source]:
    """The original data that a recipe replays, with the readers' votes where those are there, too.

    Raises DatasetRefused where the folder lacks them, and as `load_labelled`.
    """
    wanted: Original = recipe.original
    if wanted == Original():
        raise DatasetRefused(f"The recipe {recipe.name} names no original data, so nothing can be replayed.")
    if not folder.is_dir():
        raise DatasetRefused(f"There is no folder {folder} with the original data.")
    with_votes = (folder / VOTES_FILE).is_file()
    try:
        return load_labelled(folder, wanted.slides, wanted.crops, unreadable, with_votes, wanted.tissue)
    except FileNotFoundError as error:
        raise DatasetRefused(f"The original data are not all there: {error.filename or error} is missing.") from error
