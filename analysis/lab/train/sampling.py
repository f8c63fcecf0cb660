"""Which windows a step sees: the balanced sampler of the data, or the paper's patches in rounds."""

import numpy as np

from analysis.lab import augment
from analysis.lab.datasets import MODEL_MPP, Source
from analysis.lab.datasets.sampler import Sampler
from analysis.lab.train.config import TrainConfig
from analysis.lab.train.places import paper_places

MAX_WEIGHT = 10.0
# The windows of one step: uint8 (size, px, px, 3) RGB and float32 (size,) targets.
Batch = tuple[np.ndarray, np.ndarray]


class PatchSampler:
    """The paper's patches, centred on their labels, each once a round in an order of the round's own.

    A batch depends on (seed, step) alone. `hardness` is empty: nothing is drawn more often.
    """

    def __init__(self, sources: list[Source], config: TrainConfig) -> None:
        self.sources, self.config = sources, config
        self.hardness: dict[str, np.ndarray] = {}
        largest = max(stage.px for stage in config.stages)
        found = [
            paper_places(source, largest, np.random.default_rng([config.seed, number, 3]))
            for number, source in enumerate(sources)
        ]
        self._places = [
            (source, place, target)
            for source, places in zip(sources, found, strict=True)
            for group, target in ((places.mitoses, 1.0), (places.look_alikes, 0.0), (places.others, 0.0))
            for place in group
        ]
        self.positives = sum(target > 0 for _, _, target in self._places)
        self.negatives = len(self._places) - self.positives

    def batch(self, step: int, size: int, px: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (size, px, px, 3) RGB and float32 (size,) targets, as the balanced sampler's."""
        windows, labels = np.empty((size, px, px, 3), np.uint8), np.empty(size, np.float32)
        for i, (source, place, target) in enumerate(self._draw_places(step, size)):
            rng = np.random.default_rng([self.config.seed, step, i])
            windows[i], labels[i] = self._cut_window(source, place, px, rng), target
        return windows, labels

    def _draw_places(self, step: int, size: int) -> list[tuple[Source, np.ndarray, float]]:
        count = len(self._places)
        first, last = step * size, (step + 1) * size - 1
        orders = {
            number: np.random.default_rng([self.config.seed, number, 5]).permutation(count)
            for number in range(first // count, last // count + 1)
        }
        return [self._places[orders[n // count][n % count]] for n in range(first, last + 1)]

    def _cut_window(self, source: Source, place: np.ndarray, px: int, rng: np.random.Generator) -> np.ndarray:
        config, (image, x, y) = self.config, place
        pose = augment.random_pose(rng) if config.augmentation == "improved" else {"scale": 1.0}
        pose["scale"] *= MODEL_MPP / source.mpp
        images = source.copies if source.copies and rng.random() < config.normalised else source.images
        window = augment.cut_window(images[int(image)], x, y, px, **pose)
        if config.augmentation == "paper":
            return augment.augment_as_paper(window, rng)
        if config.augmentation == "improved":
            return augment.degrade_patch(augment.stain_jitter(window[None], rng, config.colour)[0], rng)
        return window


class MixedSampler:
    """Batches of which a `share` comes from `other`, the rest from `own`; neither's windows depend on the other's.

    What is asked of a sampler beside its batches is `own`'s, but that hardness and sources are those of both.
    """

    def __init__(self, own: Sampler, other: Sampler, share: float, seed: int) -> None:
        self.own, self.other, self.share, self.seed = own, other, share, seed
        self.sources, self.shares = [*own.sources, *other.sources], own.shares
        self.hardness = own.hardness | other.hardness

    def batch(self, step: int, size: int, px: int) -> Batch:
        """As the balanced sampler's, in an order that mixes both."""
        self.own.hardness, self.other.hardness = self.hardness, self.hardness
        of_other = min(size - 1, round(self.share * size))
        drawn = self.own.batch(step, size - of_other, px), self.other.batch(step, of_other, px)
        order = np.random.default_rng([self.seed, step, 11]).permutation(size)
        windows, labels = (np.concatenate(parts)[order] for parts in zip(*drawn, strict=True))
        return windows, labels


BatchSampler = Sampler | PatchSampler | MixedSampler


def make_sampler(sources: list[Source], config: TrainConfig) -> Sampler | PatchSampler:
    """The sampler that a configuration asks for."""
    if config.sampling == "patches":
        return PatchSampler(sources, config)
    return Sampler(sources, config.shares, config.seed, config.colour, config.normalised)


def positive_weight(sampler: BatchSampler) -> float:
    """N_negative / N_positive of what is drawn, at most 10, so that rare mitoses do not drown the rest."""
    if isinstance(sampler, PatchSampler):
        ratio = sampler.negatives / max(1, sampler.positives)
    else:
        ratio = (1 - sampler.shares.positives) / max(1e-6, sampler.shares.positives)
    return min(MAX_WEIGHT, ratio)
