"""A slide's stain profile: how its colours become those of a reference, for a person's eye alone.

Macenko's method (ISBI 2009): in optical density the two stains of H&E add up, so the pixels of a slide lie in a plane,
and the plane's extreme directions are the stains. Found on the overview: there nuclei are blended with their
surroundings, so strengths are compared with a reference measured in the same way, and how far they may be changed is
bounded, since a cellular slide is not an overstained one. What is neither stain (pigment, ink) is kept.

The result is one affine map in optical density: it applies to a pixel of any magnification, and a browser can do it.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

LIGHT = 255.0
DARKEST_OD = 0.05  # mean density above the glass at which something is tissue
FEWEST_PX = 400
DARKEST_SCANNED = 25  # black is where nothing was scanned
DARKEST_GLASS_OD, MOST_TINT_OD = 0.15, 0.05
ANGLE_PERCENT = 1.0
STRENGTH_PERCENTILE = 95.0
SMALLEST_ANGLE_DEG = 8.0
GAIN = (0.7, 1.4)
# Columns haematoxylin and eosin (red, green, blue), and their strengths at STRENGTH_PERCENTILE: near the medians
# of six overviews (demo slides and public ones) and adjusted by eye, so that most slides are changed little.
REFERENCE = np.array([[0.60, 0.12], [0.70, 0.92], [0.40, 0.36]])
REFERENCE_STRENGTH = np.array([0.50, 0.45])
REFERENCE_GLASS_OD = -np.log10(245.0 / LIGHT)


class NoProfile(Exception):
    """These pixels have no H&E profile. The text is a sentence for people."""


def profile_of_jpeg(jpeg: bytes) -> np.ndarray:
    """`profile` of an overview that this product encoded itself. Raises NoProfile."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        return profile(np.asarray(image.convert("RGB")))


def profile(rgb: np.ndarray) -> np.ndarray:
    """(3, 4) float64 `M` with od_out = M[:, :3] @ od_in + M[:, 3] for od = -log10(value / 255) of red, green, blue.

    rgb: (height, width, 3) uint8, the whole slide seen small. Raises NoProfile where there is too little tissue, or
    where it is not stained with haematoxylin and eosin.
    """
    pixels = rgb.reshape(-1, 3)
    pixels = pixels[pixels.max(axis=1) >= DARKEST_SCANNED]
    if len(pixels) < FEWEST_PX:
        raise NoProfile("There is too little stained tissue on the overview.")
    density = -np.log10(np.maximum(pixels, 1) / LIGHT)
    glass = _glass(density)
    tissue = density - glass
    tissue = tissue[tissue.mean(axis=1) > DARKEST_OD]
    if len(tissue) < FEWEST_PX:
        raise NoProfile("There is too little stained tissue on the overview.")
    source = _with_residual(_stains(tissue))
    strengths = np.percentile(np.linalg.solve(source, tissue.T)[:2], STRENGTH_PERCENTILE, axis=1)
    gains = np.clip(REFERENCE_STRENGTH / np.maximum(strengths, 1e-3), *GAIN)
    matrix = (
        _with_residual(REFERENCE / np.linalg.norm(REFERENCE, axis=0)) @ np.diag([*gains, 1.0]) @ np.linalg.inv(source)
    )
    offset = REFERENCE_GLASS_OD - matrix @ glass
    return np.column_stack([matrix, offset])


def _glass(density: np.ndarray) -> np.ndarray:
    """(3,) density of the empty glass: of the brightest twentieth, or of full light where that is tissue."""
    mean = density.mean(axis=1)
    bright = density[mean <= np.percentile(mean, 5)]
    glass = np.median(bright, axis=0)
    is_glass = glass.max() < DARKEST_GLASS_OD and np.ptp(glass) < MOST_TINT_OD
    return glass if is_glass else np.zeros(3)


def _stains(tissue: np.ndarray) -> np.ndarray:
    """(3, 2) unit columns haematoxylin and eosin of (n, 3) densities."""
    _, vectors = np.linalg.eigh(np.cov(tissue.T))
    plane = vectors[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    on_plane = tissue @ plane
    angles = np.arctan2(on_plane[:, 1], on_plane[:, 0])
    low, high = np.percentile(angles, [ANGLE_PERCENT, 100 - ANGLE_PERCENT])
    if np.degrees(high - low) < SMALLEST_ANGLE_DEG:
        raise NoProfile("The overview shows one stain where haematoxylin and eosin are two.")
    ends = plane @ np.array([[np.cos(low), np.cos(high)], [np.sin(low), np.sin(high)]])
    stains = ends[:, np.argsort(-ends[0] / np.linalg.norm(ends, axis=0))]  # haematoxylin takes more of the red
    haematoxylin, eosin = stains.T
    if np.argmax(eosin) != 1 or haematoxylin[0] <= eosin[0] or min(haematoxylin[:2]) <= 0:
        raise NoProfile("The colours on the overview are not those of haematoxylin and eosin.")
    return np.clip(stains, 0, None) / np.linalg.norm(np.clip(stains, 0, None), axis=0)


def _with_residual(stains: np.ndarray) -> np.ndarray:
    """(3, 3): the two stains and the direction that neither has."""
    across = np.cross(stains[:, 0], stains[:, 1])
    return np.column_stack([stains, across / np.linalg.norm(across)])
