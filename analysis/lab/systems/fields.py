"""Windows of whole frames with all their places, for networks that look at whole images."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.lab import augment
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MODEL_MPP, NUCLEUS, OTHER_MITOSIS, Source, as_points

# Of the windows: about a mitosis, and about a look-alike or another nucleus; the rest lie anywhere.
ABOUT_MITOSIS, ABOUT_OTHER = 0.5, 0.25
# Draws until a window holds no mitosis that is painted over and has no label: a network must not learn it as ground.
MOST_DRAWS = 50


@dataclass(frozen=True)
class Fields:
    """A batch: windows uint8 (b, px, px, 3) RGB at 0.25 µm/px, and for each the places float32 (n, 2) of its mitoses
    and of other nuclei, in its pixels.
    """

    windows: np.ndarray
    mitoses: list[np.ndarray]
    others: list[np.ndarray]


class FieldSampler:
    """Draws windows from the frames of sources; a batch depends on (seed, step) alone. Crops hold one place each and
    are left out.
    """

    def __init__(self, sources: list[Source], seed: int, colour: float = 1.0) -> None:
        self.sources = [source for source in sources if source.kind == "frame" and len(source.points[MITOSIS])]
        self.seed, self.colour = seed, colour
        weights = np.sqrt([len(source.points[MITOSIS]) for source in self.sources])
        self._chances = weights / weights.sum()

    def batch(self, step: int, size: int, px: int) -> Fields:
        """The windows of one step."""
        rng = np.random.default_rng([self.seed, step, 17])
        drawn = [self._draw_window(px, rng) for _ in range(size)]
        windows = augment.stain_jitter(np.stack([window for window, _, _ in drawn]), rng, self.colour)
        windows = np.stack([augment.degrade_patch(window, rng) for window in windows])
        return Fields(windows, [mitoses for _, mitoses, _ in drawn], [others for _, _, others in drawn])

    def _draw_window(self, px: int, rng: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        for _ in range(MOST_DRAWS):
            source = self.sources[rng.choice(len(self.sources), p=self._chances)]
            image, x, y = self._draw_place(source, rng)
            pose = augment.random_pose(rng)
            pose["scale"] *= MODEL_MPP / source.mpp
            # Anywhere in the window, as in a tile.
            x, y = np.array([x, y]) + rng.uniform(-px / 2, px / 2, 2) * pose["scale"]
            matrix = augment.window_matrix(x, y, px, **pose)
            if not len(_places_in_window(source, image, [OTHER_MITOSIS], matrix, px)):
                break
        window = augment.cut_window(source.images[image], x, y, px, **pose)
        groups = ([MITOSIS], [LOOK_ALIKE, NUCLEUS])
        mitoses, others = (_places_in_window(source, image, names, matrix, px) for names in groups)
        return window, mitoses, others

    def _draw_place(self, source: Source, rng: Generator) -> tuple[int, float, float]:
        kind = rng.random()
        others = np.concatenate([source.points[LOOK_ALIKE], source.points[NUCLEUS]])
        if kind < ABOUT_MITOSIS or not len(others):
            group = source.points[MITOSIS]
        elif kind < ABOUT_MITOSIS + ABOUT_OTHER:
            group = others
        else:
            image = int(rng.integers(len(source.images)))
            height, width = source.images[image].shape[:2]
            return image, rng.uniform(0, width), rng.uniform(0, height)
        image, x, y = group[rng.integers(len(group))]
        return int(image), float(x), float(y)


def _places_in_window(source: Source, image: int, names: list[str], matrix: np.ndarray, px: int) -> np.ndarray:
    """The places of some groups that lie in a window: float32 (n, 2) in its pixels. `matrix` is `window_matrix`'s."""
    points = np.concatenate([source.points.get(name, as_points([])) for name in names])
    points = points[points[:, 0] == image, 1:].astype(float)
    back = np.linalg.inv(matrix[:, :2])
    places = (points - 0.5 - matrix[:, 2]) @ back.T + 0.5
    return places[((places >= 0) & (places < px)).all(axis=1)].astype(np.float32)
