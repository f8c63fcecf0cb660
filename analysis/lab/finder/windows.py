"""Training windows of the finder: 128 px at 0.5 µm with a class for every cell of 2 µm.

A cell within 3 µm of a labelled mitosis is positive, from there to 7.5 µm it is neither, all else is negative:
look-alikes, every other nucleus, stroma. What lies outside the image, or so near to a frame's edge that a cut mitosis
may be unlabelled, is neither. Crops of 64 px are put together in fours, of which some are dense neighbourhoods of
frames, so that a mitosis is also seen among lymphocytes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.spatial import cKDTree

from analysis.lab import augment
from analysis.lab.datasets import (
    CROP,
    EDGE_PX,
    FRAME,
    KINDS,
    LOOK_ALIKE,
    MITOSIS,
    MODEL_MPP,
    NUCLEUS,
    OTHER_MITOSIS,
    TISSUE,
    Source,
)
from analysis.lab.datasets.sampler import balanced_shares, draw_index, weights_of_places
from analysis.pipeline.merge import RADIUS_UM
from analysis.pipeline.proposers.finder_geometry import MPP, STRIDE_PX
from analysis.pipeline.slide_grid import half_scale

WINDOW_PX, PART_PX = 128, 64
POSITIVE_UM, IGNORE_UM = 3.0, RADIUS_UM
NEGATIVE, POSITIVE, NEITHER = 0, 1, 2
# Of the nuclei those with most others about them are the dense neighbourhoods.
DENSE_SHARE, DENSE_RADIUS_UM = 0.1, 20.0


@dataclass(frozen=True)
class Mix:
    """How a batch is put together; each but the last is a share from 0 to 1."""

    frames: float = 0.7
    about_mitosis: float = 0.5
    about_hard: float = 0.25
    # Of the windows of frames: a mitosis put beside dense neighbourhoods of the same slide.
    dense: float = 0.2
    # Of all windows, once there has been a mining: about a place where the network was wrong.
    mined: float = 0.2
    # Of all windows: tissue without labels of mitoses.
    tissue: float = 0.0
    # The most that one slide has of the windows of frames, and one patient of those of a source.
    case_at_most: float = 1.0
    # How much more often small pale and round dark mitoses are drawn than others: 1 for twice as often.
    rare: float = 0.0


class Halved:
    """A source at 0.5 µm/px: images uint8, points (n, 3) in their pixels."""

    def __init__(self, source: Source, mix: Mix = Mix()) -> None:
        self.name, self.kind, self.weight = source.name, source.kind, source.weight
        self.images = [half_scale(image) for image in source.images]
        # What one pixel of the window is in pixels of the image.
        self.step = MODEL_MPP / source.mpp
        halve = np.array([1, 0.5, 0.5], np.float32)
        self.mitoses, self.nuclei = source.points[MITOSIS] * halve, source.points[NUCLEUS] * halve
        self.mitosis_weights = weights_of_places(source, MITOSIS, mix.case_at_most, mix.rare)
        self.look_alikes = source.points[LOOK_ALIKE] * halve
        self.others = source.points.get(OTHER_MITOSIS, np.zeros((0, 3), np.float32)) * halve
        self.dense = self.nuclei[_densest_nuclei(self.nuclei)] if self.kind == FRAME else self.nuclei[:0]


def _densest_nuclei(nuclei: np.ndarray) -> np.ndarray:
    """Indices of the nuclei (n, 3) with most others within 20 µm."""
    counts = np.zeros(len(nuclei), int)
    for image in np.unique(nuclei[:, 0]):
        here = np.flatnonzero(nuclei[:, 0] == image)
        tree = cKDTree(nuclei[here, 1:])
        counts[here] = tree.query_ball_point(nuclei[here, 1:], DENSE_RADIUS_UM / MPP, return_length=True)
    return np.argsort(-counts, kind="stable")[: int(len(nuclei) * DENSE_SHARE)]


class WindowSampler:
    """Draws batches; a batch depends on (seed, step) and on what was mined alone."""

    def __init__(self, sources: list[Source], mix: Mix, seed: int, colour: float) -> None:
        self.sources, self.mix, self.seed, self.colour = [Halved(s, mix) for s in sources], mix, seed, colour
        # float32 (n, 4): index of the source, of its image, x, y in the image's pixels.
        self.mined = np.zeros((0, 4), np.float32)
        # Sources are drawn by their mitoses; one without any is never drawn, but for tissue, which is by its nuclei.
        drawn = [s for s in self.sources if len(s.nuclei if s.kind == TISSUE else s.mitoses)]
        self._by_kind = {kind: [s for s in drawn if s.kind == kind] for kind in KINDS}

    def batch(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (size, 128, 128, 3) RGB and uint8 (size, 32, 32) classes of the cells."""
        rng = np.random.default_rng([self.seed, step, 11])
        drawn = [self._draw_window(rng) for _ in range(size)]
        windows = augment.stain_jitter(np.stack([window for window, _ in drawn]), rng, self.colour)
        return np.stack([augment.degrade_patch(window, rng) for window in windows]), np.stack(
            [cells for _, cells in drawn]
        )

    def _draw_window(self, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        if len(self.mined) and rng.random() < self.mix.mined:
            number, *place = self.mined[rng.integers(len(self.mined))]
            return _cut_window(self.sources[int(number)], _place_beside(np.array(place), rng), WINDOW_PX, rng)
        if self._by_kind[TISSUE] and rng.random() < self.mix.tissue:
            tissue = self._by_kind[TISSUE][rng.integers(len(self._by_kind[TISSUE]))]
            return _cut_window(
                tissue, _place_beside(tissue.nuclei[rng.integers(len(tissue.nuclei))], rng), WINDOW_PX, rng
            )
        frames, crops = self._by_kind[FRAME], self._by_kind[CROP]
        if frames and (not crops or rng.random() < self.mix.frames):
            source = _draw_source(frames, rng, self.mix.case_at_most)
            if len(source.dense) and rng.random() < self.mix.dense:
                return self._draw_mosaic(source, rng)
            return _cut_window(source, self._draw_place(source, rng), WINDOW_PX, rng)
        return self._draw_mosaic(_draw_source(crops, rng), rng)

    def _draw_place(self, source: Halved, rng: Generator) -> np.ndarray:
        """Image index, x, y that the window is centred on, up to 28 µm beside what it is about."""
        kind = rng.random()
        hard = source.look_alikes if len(source.look_alikes) and rng.random() < 0.5 else source.nuclei
        if not len(hard):
            hard = source.look_alikes
        if kind < self.mix.about_mitosis:
            return _place_beside(source.mitoses[draw_index(source.mitosis_weights, rng)], rng)
        if kind < self.mix.about_mitosis + self.mix.about_hard:
            return _place_beside(hard[rng.integers(len(hard))], rng)
        image = int(rng.integers(len(source.images)))
        height, width = source.images[image].shape[:2]
        return np.array([image, rng.uniform(0, width), rng.uniform(0, height)])

    def _draw_mosaic(self, source: Halved, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        """Four parts: of a crop source four crops, of a frame a mitosis beside dense neighbourhoods."""
        window, cells = np.empty((WINDOW_PX, WINDOW_PX, 3), np.uint8), np.empty((32, 32), np.uint8)
        first = rng.integers(4)
        for index in range(4):
            if source.kind == CROP or index == first:
                place = source.mitoses[draw_index(source.mitosis_weights, rng)].astype(float)
            else:
                place = source.dense[rng.integers(len(source.dense))].astype(float)
            place[1:] += rng.uniform(-18, 18, 2)
            part, part_cells = _cut_window(source, place, PART_PX, rng)
            y, x = divmod(index, 2)
            window[y * 64 : y * 64 + 64, x * 64 : x * 64 + 64] = part
            cells[y * 16 : y * 16 + 16, x * 16 : x * 16 + 16] = part_cells
        return window, cells


def _place_beside(place: np.ndarray, rng: Generator) -> np.ndarray:
    """Image index, x, y up to 28 µm beside a place, so that it may lie anywhere in the window."""
    return place + np.array([0, *rng.uniform(-56, 56, 2)])


def _draw_source(sources: list[Halved], rng: Generator, at_most: float = 1.0) -> Halved:
    """Those with more mitoses more often, but only by the square root."""
    counts = np.array([len(s.mitoses) * s.weight**2 for s in sources])
    return sources[rng.choice(len(sources), p=balanced_shares(counts, at_most))]


def _cut_window(source: Halved, place: np.ndarray, px: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A window of `px` about a place in a random pose, and the class of each of its cells."""
    image, x, y = int(place[0]), place[1], place[2]
    pose = augment.random_pose(rng)
    pose["scale"] *= source.step
    pixels = source.images[image]
    window = augment.cut_window(pixels, x, y, px, **pose)
    matrix = augment.window_matrix(x, y, px, **pose)
    middles = (np.arange(px // STRIDE_PX) + 0.5) * STRIDE_PX - 0.5
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    places = grid @ matrix[:, :2].T + matrix[:, 2] + 0.5
    return window, cell_classes(source, image, places, pose["scale"]).reshape(px // STRIDE_PX, -1)


def cell_classes(source: Halved, image: int, places: np.ndarray, scale: float) -> np.ndarray:
    """Classes uint8 (n,) of cells whose middles are `places` (n, 2) in pixels of the image.

    `scale` is image pixels per window pixel: distances are taken in the window, which is what the network measures in.
    """
    classes = np.zeros(len(places), np.uint8)
    height, width = source.images[image].shape[:2]
    edge = EDGE_PX / 2 if source.kind == FRAME else 0
    inside = ((places >= edge) & (places <= np.array((width, height)) - edge)).all(axis=1)
    classes[~inside] = NEITHER
    for x, y in source.others[source.others[:, 0] == image, 1:]:
        classes[_distance_um(places, x, y, scale) <= IGNORE_UM] = NEITHER
    for x, y in source.mitoses[source.mitoses[:, 0] == image, 1:]:
        away = _distance_um(places, x, y, scale)
        classes[away <= IGNORE_UM] = np.where(away[away <= IGNORE_UM] <= POSITIVE_UM, POSITIVE, NEITHER)
    outside = ((places < 0) | (places > (width, height))).any(axis=1)
    classes[outside] = NEITHER
    return classes


def _distance_um(places: np.ndarray, x: float, y: float, scale: float) -> np.ndarray:
    return np.hypot(places[:, 0] - x, places[:, 1] - y) / scale * MPP
