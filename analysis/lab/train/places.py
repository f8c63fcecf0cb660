"""Labelled places as the paper has them: mitoses, look-alikes, and random negatives (its 2293 : 2617 : 3000)."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MODEL_MPP, NUCLEUS, OTHER_MITOSIS, Source, as_points
from analysis.pipeline.spread import spread_evenly

RANDOM_PER_MITOSIS = 3000 / 2293
NEGATIVES_PER_MITOSIS = (2617 + 3000) / 2293
# No random patch is centred this near to a mitosis, whatever its size: the paper's random ones "might contain mitotic
# areas". CODAIT/deep-histopath keeps as far away.
CLEAR_PX = 60
# Random nuclei of an image that metrics are measured on, as in the evaluation of whole frames.
NUCLEI_PER_IMAGE = 12


@dataclass(frozen=True)
class Places:
    """float32 (n, 3) each: image index, x, y in the source's pixels."""

    mitoses: np.ndarray
    look_alikes: np.ndarray
    others: np.ndarray


def paper_places(source: Source, px: int, rng: Generator) -> Places:
    """What the paper trains on: every labelled mitosis and look-alike, and random places.

    Frames give random places anywhere, away from mitoses; crops have a mitosis in their middle, so theirs are nuclei
    beside it, which stand for look-alikes too. Negatives whose window of `px` holds a mitosis' centre are left out.
    """
    mitoses, (height, width) = source.points[MITOSIS], source.images[0].shape[:2]
    if source.kind == "crop":
        count = min(len(source.points[NUCLEUS]), round(NEGATIVES_PER_MITOSIS * len(mitoses)))
        others = source.points[NUCLEUS][np.sort(rng.permutation(len(source.points[NUCLEUS]))[:count])]
        return Places(mitoses, source.points[LOOK_ALIKE], others)
    reach = max(CLEAR_PX, px / 2) * MODEL_MPP / source.mpp
    wanted = round(RANDOM_PER_MITOSIS * len(mitoses))
    rows: list[tuple[int, float, float]] = []
    # Crowded frames refuse many; a slide where all are refused ends after a while.
    for _ in range(50 * wanted):
        if len(rows) == wanted:
            break
        index = int(rng.integers(len(source.images)))
        height, width = source.images[index].shape[:2]
        place = (index, rng.uniform(0, width), rng.uniform(0, height))
        if clear_of_mitoses(source, as_points([place]), reach)[0]:
            rows.append(place)
    look_alikes = source.points[LOOK_ALIKE]
    kept = clear_of_mitoses(source, look_alikes, px / 2 * MODEL_MPP / source.mpp)
    return Places(mitoses, look_alikes[kept], as_points(rows))


def measured_places(source: Source, px: int) -> Places:
    """What patch metrics are measured on: mitoses, look-alikes and twelve nuclei of each image, spread evenly.

    Negatives whose window of `px` holds a mitosis' centre are left out.
    """
    reach = px / 2 * MODEL_MPP / source.mpp
    negatives = [source.points[group] for group in (LOOK_ALIKE, NUCLEUS)]
    look_alikes, nuclei = (points[clear_of_mitoses(source, points, reach)] for points in negatives)
    chosen = []
    for index in np.unique(nuclei[:, 0]):
        here = np.flatnonzero(nuclei[:, 0] == index)
        chosen += here[spread_evenly(len(here), NUCLEI_PER_IMAGE)].tolist()
    return Places(source.points[MITOSIS], look_alikes, nuclei[chosen])


def clear_of_mitoses(source: Source, points: np.ndarray, reach: float) -> np.ndarray:
    """Which of (n, 3) places have no mitosis within `reach` of the source's pixels in x and in y: bool (n,)."""
    mitoses = np.concatenate([source.points[MITOSIS], source.points.get(OTHER_MITOSIS, as_points([]))])
    clear = np.ones(len(points), bool)
    for index in np.unique(points[:, 0]):
        here, near = points[:, 0] == index, mitoses[mitoses[:, 0] == index]
        if len(near):
            apart = np.abs(points[here, None, 1:] - near[None, :, 1:]).max(axis=2).min(axis=1)
            clear[here] = apart > reach
    return clear
