"""Recall where dark nuclei lie dense: fields made so by pasting.

Darkness and a cap failed on another hospital's lymphocyte-rich tissue, and the slides at hand hold little of it. So
each left-out mitosis is put among the densest neighbourhoods of its own slide: a disc about it keeps its pixels, all
else is replaced. Colours and sharpness stay the slide's own; the seams are soft.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from analysis.lab.datasets import Source
from analysis.lab.finder.windows import Halved
from analysis.lab.matching import RADIUS_UM
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.proposers.darkest import dark_spots
from analysis.pipeline.proposers.finder import finder_places
from analysis.pipeline.proposers.finder_geometry import MPP
from analysis.pipeline.proposers.first_stage import logit_map

# What is kept about a mitosis, and over what the seam is softened.
KEPT_UM, SEAM_UM = 9.0, 1.5
FIELD_PX, PART_PX = 160, 64


@dataclass(frozen=True)
class DenseRecall:
    """`found` of `mitoses` have a candidate within 7.5 µm; candidates and dark nuclei per mm² of the made fields."""

    mitoses: int
    found: int
    candidates_per_mm2: float
    nuclei_per_mm2: float

    @property
    def recall(self) -> float:
        return self.found / self.mitoses if self.mitoses else 0.0


def recall_in_dense_fields(network: FinderNet, source: Source, threshold: float, seed: int = 1) -> DenseRecall:
    """A field of 80 µm about each mitosis of a slide, made dense, and whether the finder still finds it.

    Raises ValueError for a source without mitoses or without dense neighbourhoods.
    """
    halved, rng = Halved(source), np.random.default_rng(seed)
    if not len(halved.mitoses) or not len(halved.dense):
        raise ValueError(f"{source.name} has no mitoses, or no dense neighbourhoods to put them among.")
    found = candidates = nuclei = 0
    for image, x, y in halved.mitoses:
        field, where = dense_field(halved, int(image), x, y, rng)
        points, _ = finder_places(field, logit_map(network, field, IMAGENET_MEAN, IMAGENET_STD), threshold)
        away_um = np.hypot(*(points - where).T) * MPP
        found += bool((away_um <= RADIUS_UM).any())
        candidates, nuclei = candidates + len(points), nuclei + len(dark_spots(field)[0])
    area_mm2 = len(halved.mitoses) * (FIELD_PX * MPP) ** 2 * 1e-6
    return DenseRecall(len(halved.mitoses), found, candidates / area_mm2, nuclei / area_mm2)


def dense_field(halved: Halved, image: int, x: float, y: float, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A mitosis at (x, y) of an image at 0.5 µm/px, put among dense neighbourhoods of the same slide.

    Returns uint8 (160, 160, 3) and the place of the mitosis in it, float (2,).
    """
    # The field about the place, mirrored beyond the image, and where the place lies in it.
    half = FIELD_PX // 2
    left, top = int(np.floor(x)) - half, int(np.floor(y)) - half
    padded = cv2.copyMakeBorder(halved.images[image], half, half, half, half, cv2.BORDER_REFLECT_101)
    own, where = padded[top + half : top + 3 * half, left + half : left + 3 * half], np.array([x - left, y - top])
    around = _dense_patchwork(halved, rng)
    yy, xx = np.mgrid[:FIELD_PX, :FIELD_PX] + 0.5
    away_um = np.hypot(xx - where[0], yy - where[1]) * MPP
    keep = np.clip((KEPT_UM + SEAM_UM - away_um) / SEAM_UM, 0, 1)[..., None]
    return np.rint(own * keep + around * (1 - keep)).astype(np.uint8), where


def _dense_patchwork(halved: Halved, rng: Generator) -> np.ndarray:
    """Dense neighbourhoods side by side: uint8 (160, 160, 3)."""
    side = -(-FIELD_PX // PART_PX)
    sheet = np.empty((side * PART_PX, side * PART_PX, 3), np.uint8)
    for row in range(side):
        for column in range(side):
            image, x, y = halved.dense[rng.integers(len(halved.dense))]
            pixels = halved.images[int(image)]
            left = int(np.clip(x - PART_PX / 2, 0, pixels.shape[1] - PART_PX))
            top = int(np.clip(y - PART_PX / 2, 0, pixels.shape[0] - PART_PX))
            part = np.rot90(pixels[top : top + PART_PX, left : left + PART_PX], int(rng.integers(4)))
            sheet[row * PART_PX : (row + 1) * PART_PX, column * PART_PX : (column + 1) * PART_PX] = part
    return sheet[:FIELD_PX, :FIELD_PX]
