"""How a StainNet is taught, and how well it must learn to be used.

The teacher is Macenko's method fitted to the same tissue, or Reinhard's where Macenko's fails. The student sees near
white and near black as well, which a teacher fitted to tissue knows nothing of, and learns to leave them alone.
"""

from dataclasses import dataclass

import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.normalise.colournet import ColourNet, train_net
from analysis.pipeline.normalise.macenko import Macenko
from analysis.pipeline.normalise.reinhard import Reinhard

TISSUE, WHITES, BLACKS = 60_000, 5_000, 2_000
WHITE_FROM, BLACK_TO = 232, 12
# Glass is tinted by this many levels at most.
TINT = 6
LEFT_OUT = 10_000
# Own limits, not StainNet's authors': in levels of 255, clipped as a share.
MAX_ERROR, MAX_WHITE_SHIFT, MAX_CLIPPED = 5.0, 5.0, 0.005
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Quality:
    """How well a net learned. error: mean absolute difference to its teacher on tissue it has not seen; white_shift:
    the most that a channel of pure white moves; both in levels of 255. clipped: share of tissue values that it sends
    out of [0, 255] although the teacher does not; monotone: whether more stain is darker.
    """

    error: float
    white_shift: float
    clipped: float
    monotone: bool

    @property
    def faults(self) -> list[str]:
        """What is not good enough, in words; empty when all is."""
        said = {
            f"it differs from its teacher by {self.error:.1f} levels": self.error < MAX_ERROR,
            f"it shifts white by {self.white_shift:.1f} levels": self.white_shift < MAX_WHITE_SHIFT,
            f"it clips {self.clipped:.1%} of the tissue": self.clipped < MAX_CLIPPED,
            "it makes more stain brighter": self.monotone,
        }
        return [words for words, fine in said.items() if not fine]


@dataclass(frozen=True)
class Taught:
    """A net, how well it learned, and by which method it was taught."""

    net: ColourNet
    quality: Quality
    teacher: str


def teach_net(tissue: np.ndarray, seed: int = 0) -> Taught:
    """A net taught on tissue, uint8 (h, w, 3), by a teacher fitted to all of it; a second on one core.

    Raises NormaliserFailed when no teacher can be fitted or the net has not learned well enough.
    """
    rng = np.random.default_rng(seed)
    teacher = teacher_of(tissue)
    pixels = tissue.reshape(-1, 3)
    order = rng.permutation(len(pixels))
    left_out, seen = np.split(order, [min(LEFT_OUT, len(order) // 5)])
    seen, left_out = pixels[seen[:TISSUE]], pixels[left_out]
    kept = kept_colours(rng, len(seen) / TISSUE)
    net = train_net(np.concatenate([seen, kept]), np.concatenate([teacher.apply(seen), kept]), seed)
    taught = Taught(net, quality_of(net, left_out, teacher.apply(left_out)), teacher.name)
    if taught.quality.faults:
        faults = ", ".join(taught.quality.faults)
        raise NormaliserFailed(f"StainNet did not learn this stain well enough: {faults}; use another normaliser.")
    return taught


def teacher_of(tissue: np.ndarray) -> Macenko | Reinhard:
    """Macenko's method fitted to tissue, or Reinhard's where that fails. Raises NormaliserFailed when both do."""
    teacher: Macenko | Reinhard = Macenko()
    try:
        teacher.fit(tissue)
    except NormaliserFailed:
        teacher = Reinhard()
        teacher.fit(tissue)
    return teacher


def kept_colours(rng: np.random.Generator, share: float = 1.0) -> np.ndarray:
    """Near whites and near blacks, a little tinted, that the net is to leave alone: uint8 (n, 3), at most 7,000."""
    whites = _greys(rng, max(1, round(WHITES * share)), WHITE_FROM, 255)
    blacks = _greys(rng, max(1, round(BLACKS * share)), 0, BLACK_TO)
    return np.concatenate([whites, blacks])


def _greys(rng: np.random.Generator, count: int, low: int, high: int) -> np.ndarray:
    grey = rng.integers(low, high, (count, 1), endpoint=True)
    return np.clip(grey + rng.integers(-TINT, 0, (count, 3), endpoint=True), 0, 255).astype(np.uint8)


def quality_of(net: ColourNet, tissue: np.ndarray, wanted: np.ndarray) -> Quality:
    """How a net does on tissue pixels (n, 3) for which a teacher wants (n, 3), both uint8."""
    out = net(tissue)
    error = float(np.abs(np.clip(out, 0, 255) - wanted).mean())
    white = np.clip(net(np.full((1, 3), 255)), 0, 255)
    within = (wanted > 0) & (wanted < 255)
    clipped = float((((out < -0.5) | (out > 255.5)) & within).mean())
    return Quality(error, float(np.abs(white - 255).max()), clipped, _is_monotone(net, tissue))


def _is_monotone(net: ColourNet, tissue: np.ndarray) -> bool:
    """Whether more of the tissue's mean stain is darker, from none to as much as its darkest hundredth has."""
    density = -np.log((tissue.astype(np.float32) + 1) / 256)
    mean = density.mean(axis=0)
    most = np.quantile(density.sum(axis=1), 0.99) / max(float(mean.sum()), 1e-6)
    ramp = 255 * np.exp(-np.linspace(0, most, 64)[:, None] * mean)
    luminance = np.clip(net(ramp), 0, 255) @ LUMINANCE
    return bool((np.diff(luminance) < 0.5).all())
