"""Scores told from the slide's own nuclei, so that one threshold fits all slides.

Slides differ in stain, sharpness and tumour, and a network's margins move with them: the best threshold of one slide
can lie two and a half logits from another's. The margins of the slide's ordinary nuclei move alike. So a margin is told
as its distance, in logits, from the median margin of a sample of the slide's dark nuclei. That needs no label; and
since mitoses are a few in a thousand of them, even a field picked for its mitoses or a sheet of examples moves it
little, which is what speaks against the first stage's candidates as the yardstick.

A small image has too few nuclei to say what is usual, so its own figure is drawn towards the training slides' by a
number of nuclei's worth of belief.

A slide's level holds more than its stain: tissue of a high grade has darker nuclei, and more mitoses. So a card can
take only a share of it off the margins; which share is the left-out slides' to say.
"""

from dataclasses import dataclass

import numpy as np

# How far a slide's own level is believed to lie from the training slides' (those lie within 0.9 logits of their mean).
# Farther, what was sampled is hardly tissue.
REACH = 2.0
# Of a large slide so many tiles of 0.066 mm² are looked at, spread evenly; of each as many nuclei as the card says.
SAMPLE_TILES = 16


@dataclass(frozen=True)
class Seen:
    """What a first look saw in one tile: margins (n,) of ordinary nuclei and the finder's logits (k,) at all its peaks,
    both float32; no peaks where no threshold is told from them.
    """

    margins: np.ndarray
    peak_logits: np.ndarray | None = None


@dataclass(frozen=True)
class Standard:
    """level: the median margin of a slide's ordinary nuclei, or the share of it that margins are told from; logits."""

    level: float

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """Margins (n,) in logits above the slide's ordinary nucleus: float32 (n,)."""
        return (margins - np.float32(self.level)).astype(np.float32)


PLAIN = Standard(0.0)


def standard_of(margins: np.ndarray, typical: float, worth: float, share: float = 1.0) -> Standard:
    """A slide's standard from the margins (n,) of its nuclei, drawn towards `typical` as if by `worth` nuclei; margins
    are told from a `share` of it, 0 to 1.

    Without nuclei it is the typical one. With `worth` 0 nothing is known of training slides, and the slide's own level
    stands as it is.
    """
    if not len(margins):
        return Standard(share * typical)
    level = float(np.median(margins))
    if worth > 0:
        level = float(np.clip(level, typical - REACH, typical + REACH))
    own = len(margins) / (len(margins) + worth)
    return Standard(share * (own * level + (1 - own) * typical))
