"""Batches of training windows: balanced over sources and classes, harder negatives more often.

A batch depends on (seed, step) and the hardness found by the last mining round, and on nothing else, so a training that
is stopped and resumed sees the windows it would have seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.lab import augment
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MITOSIS_SPOT, MODEL_MPP, NUCLEUS, Source

JITTER_SIGMA_PX, JITTER_MAX_PX = 2.5, 8.0
MIRRORED_EDGE_SHARE = 0.25


@dataclass(frozen=True)
class Shares:
    """How a batch is put together; each is a share from 0 to 1."""

    frames: float = 0.62
    positives: float = 0.45
    # Of the negatives of a slide that has labelled look-alikes.
    look_alikes: float = 0.35
    # Of the other negatives: drawn in proportion to what the network last thought of them, the rest evenly.
    hard: float = 0.6


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
        self._by_kind = {kind: [s for s in sources if s.kind == kind] for kind in ("frame", "crop")}

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
        # A slide or scanner, those with more mitoses more often, but only by the square root.
        frames, crops = self._by_kind["frame"], self._by_kind["crop"]
        of_kind = frames if frames and (not crops or rng.random() < self.shares.frames) else crops
        weights = np.sqrt([len(s.points[MITOSIS]) for s in of_kind])
        source = of_kind[rng.choice(len(of_kind), p=weights / weights.sum())]
        (image, x, y), target = self._draw_place(source, positive, rng)
        pose = augment.random_pose(rng)
        pose["scale"] *= MODEL_MPP / source.mpp
        jitter = np.clip(rng.normal(0, JITTER_SIGMA_PX, 2), -JITTER_MAX_PX, JITTER_MAX_PX)
        images = source.images
        if self.normalised and rng.random() < self.normalised and source.copies:
            images = source.copies
        window = augment.cut_window(images[int(image)], x + jitter[0], y + jitter[1], px, **pose)
        return augment.mirror_edge(window, rng) if rng.random() < MIRRORED_EDGE_SHARE else window, target

    def _draw_place(self, source: Source, positive: bool, rng: Generator) -> tuple[np.ndarray, float]:
        """Image index, x, y of a labelled place of the wanted class, and the share of readers who call it a mitosis."""
        if positive:
            on_spot = len(source.points[MITOSIS_SPOT]) and rng.random() < 0.5
            group = MITOSIS_SPOT if on_spot else MITOSIS
            chosen = rng.integers(len(source.points[group]))
            return source.points[group][chosen], float(source.shares[group][chosen]) if group in source.shares else 1.0
        look_alikes, nuclei = source.points[LOOK_ALIKE], source.points[NUCLEUS]
        if len(look_alikes) and rng.random() < self.shares.look_alikes:
            return look_alikes[rng.integers(len(look_alikes))], 0.0
        if rng.random() < self.shares.hard:
            hardness = self.hardness[source.name]
            place = np.searchsorted(np.cumsum(hardness), rng.random() * hardness.sum())
            return nuclei[place.clip(max=len(nuclei) - 1)], 0.0
        return nuclei[rng.integers(len(nuclei))], 0.0


def plain_windows(source: Source, points: np.ndarray, px: int) -> np.ndarray:
    """Windows as detection sees them, without augmentation: (n, 3) image index, x, y → uint8 (n, px, px, 3)."""
    scale = MODEL_MPP / source.mpp
    return np.stack([augment.cut_window(source.images[int(i)], x, y, px, scale) for i, x, y in points])
