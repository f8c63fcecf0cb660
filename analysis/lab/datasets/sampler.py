"""Batches of training windows: balanced over sources, cases and classes, harder negatives more often.

A batch depends on (seed, step) and the hardness found by the last mining round, and on nothing else, so a training that
is stopped and resumed sees the windows it would have seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.lab import augment
from analysis.lab.datasets import (
    CROP,
    FRAME,
    KINDS,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    MODEL_MPP,
    NUCLEUS,
    TISSUE,
    Source,
)
from analysis.lab.datasets.cell_looks import measure_looks

JITTER_SIGMA_PX, JITTER_MAX_PX = 2.5, 8.0
MIRRORED_EDGE_SHARE = 0.25
# In tissue whose mitoses nobody labelled: from this chance on a nucleus may well be one and is hardly ever drawn, and
# every other one is a little less than sure.
DOUBTFUL, HARDLY, TISSUE_TARGET = 0.8, 0.02, 0.05


@dataclass(frozen=True)
class Shares:
    """How a batch is put together; each but the last is a share from 0 to 1."""

    frames: float = 0.62
    positives: float = 0.45
    # Of the negatives of a slide that has labelled look-alikes.
    look_alikes: float = 0.35
    # Of the other negatives: drawn in proportion to what the network last thought of them, the rest evenly.
    hard: float = 0.6
    # Of all negatives: nuclei of tissue without labels of mitoses.
    tissue: float = 0.0
    # The most that one slide has of the windows of frames, and one patient of those of a source.
    case_at_most: float = 1.0
    # How much more often small pale and round dark mitoses are drawn than others: 1 for twice as often.
    rare: float = 0.0


def balanced_shares(counts: np.ndarray, at_most: float = 1.0) -> np.ndarray:
    """Shares of groups of `counts` (n,) places: the larger ones more, but only by the square root, and none more than
    `at_most` where there are enough others. float (n,) of sum 1.
    """
    shares = np.sqrt(counts) / np.sqrt(counts).sum()
    limit = max(at_most, 1 / np.count_nonzero(shares))
    while (shares > limit + 1e-9).any():
        capped = shares >= limit
        shares[~capped] *= (1 - limit * capped.sum()) / shares[~capped].sum()
        shares[capped] = limit
    return shares


def weights_of_places(source: Source, group: str, case_at_most: float, rare: float) -> np.ndarray:
    """How often each place of a group is drawn beside the others, by its own weight, its case and its looks: float
    (n,).
    """
    points = source.points[group]
    weights = source.weights.get(group, np.ones(len(points)))
    if source.cases and len(points):
        cases = np.array(source.cases)[points[:, 0].astype(int)]
        _, case, counts = np.unique(cases, return_inverse=True, return_counts=True)
        weights = weights * (balanced_shares(counts, case_at_most) / counts * len(points))[case]
    if rare and group in (MITOSIS, MITOSIS_SPOT):
        weights = weights * (1 + rare * measure_looks(source, points).is_rare)
    return weights


def draw_index(weights: np.ndarray, rng: Generator) -> int:
    """An index drawn in proportion to weights (n,)."""
    until = np.cumsum(weights)
    return int(np.searchsorted(until, rng.random() * until[-1], side="right").clip(max=len(until) - 1))


class Sampler:
    """Draws batches from sources. `hardness[source name]` float32 (n,) belongs to that source's nuclei, all one before
    mining.
    """

    def __init__(
        self, sources: list[Source], shares: Shares, seed: int, colour: float = 1.0, normalised: float = 0.0
    ) -> None:
        self.sources, self.shares, self.seed, self.colour = sources, shares, seed, colour
        # Share of windows cut from a source's normalised copies, where it has them.
        self.normalised = normalised
        self.hardness = {s.name: np.ones(len(s.points[NUCLEUS]), np.float32) for s in sources}
        self._by_kind = {kind: [s for s in sources if s.kind == kind] for kind in KINDS}
        self._source_shares = {kind: self._shares_of_sources(kind) for kind in KINDS}
        self._place_weights = {
            (s.name, group): weights_of_places(s, group, shares.case_at_most, shares.rare)
            for s in sources
            for group in (MITOSIS, MITOSIS_SPOT, LOOK_ALIKE, NUCLEUS)
        }

    def _shares_of_sources(self, kind: str) -> np.ndarray:
        sources = self._by_kind[kind]
        group = NUCLEUS if kind == TISSUE else MITOSIS
        counts = np.array([len(s.points[group]) * s.weight**2 for s in sources])
        if not counts.sum():
            return np.zeros(len(sources))
        return balanced_shares(counts, self.shares.case_at_most if kind == FRAME else 1.0)

    def batch(self, step: int, size: int, px: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows of one step: uint8 (size, px, px, 3) RGB and float32 (size,) targets: the chance of a mitosis, 0
        or 1, or between where readers differed.
        """
        rng = np.random.default_rng([self.seed, step])
        windows, labels = np.empty((size, px, px, 3), np.uint8), np.empty(size, np.float32)
        for i in range(size):
            positive = bool(rng.random() < self.shares.positives)
            windows[i], labels[i] = self._draw_window(positive, px, rng)
        windows = augment.stain_jitter(windows, rng, self.colour)
        for i in range(size):
            windows[i] = augment.degrade_patch(windows[i], rng)
        return windows, labels

    def _draw_window(self, positive: bool, px: int, rng: Generator) -> tuple[np.ndarray, float]:
        """An augmented window of the wanted class and its target."""
        source = self._draw_source(positive, rng)
        (image, x, y), target = self._draw_place(source, positive, rng)
        pose = augment.random_pose(rng)
        pose["scale"] *= MODEL_MPP / source.mpp
        jitter = np.clip(rng.normal(0, JITTER_SIGMA_PX, 2), -JITTER_MAX_PX, JITTER_MAX_PX)
        images = source.images
        if self.normalised and rng.random() < self.normalised and source.copies:
            images = source.copies
        window = augment.cut_window(images[int(image)], x + jitter[0], y + jitter[1], px, **pose)
        return augment.mirror_edge(window, rng) if rng.random() < MIRRORED_EDGE_SHARE else window, target

    def _draw_source(self, positive: bool, rng: Generator) -> Source:
        """A slide or scanner, those with more mitoses more often; tissue without labels for negatives alone."""
        if self._by_kind[TISSUE] and not positive and rng.random() < self.shares.tissue:
            kind = TISSUE
        else:
            has_frames, has_crops = (self._source_shares[kind].any() for kind in (FRAME, CROP))
            kind = FRAME if has_frames and (not has_crops or rng.random() < self.shares.frames) else CROP
        return self._by_kind[kind][rng.choice(len(self._by_kind[kind]), p=self._source_shares[kind])]

    def _draw_place(self, source: Source, positive: bool, rng: Generator) -> tuple[np.ndarray, float]:
        """Image index, x, y of a labelled place of the wanted class, and the share of readers who call it a mitosis."""
        if positive:
            group = MITOSIS_SPOT if len(source.points[MITOSIS_SPOT]) and rng.random() < 0.5 else MITOSIS
        elif not len(source.points[NUCLEUS]) or (
            len(source.points[LOOK_ALIKE]) and rng.random() < self.shares.look_alikes
        ):
            group = LOOK_ALIKE
        else:
            group = NUCLEUS
        weights = self._place_weights[source.name, group]
        if group == NUCLEUS and rng.random() < self.shares.hard:
            hardness = self.hardness[source.name]
            weights = weights * (np.where(hardness > DOUBTFUL, HARDLY, hardness) if source.kind == TISSUE else hardness)
        chosen = draw_index(weights, rng)
        sure = TISSUE_TARGET if source.kind == TISSUE else float(positive)
        return source.points[group][chosen], float(source.shares[group][chosen]) if group in source.shares else sure


def plain_windows(source: Source, points: np.ndarray, px: int) -> np.ndarray:
    """Windows as detection sees them, without augmentation: (n, 3) image index, x, y → uint8 (n, px, px, 3)."""
    scale = MODEL_MPP / source.mpp
    return np.stack([augment.cut_window(source.images[int(i)], x, y, px, scale) for i, x, y in points])
