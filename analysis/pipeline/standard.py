"""Scores told in the slide's own units, so that one threshold fits all slides.

Slides differ in stain, sharpness and tumour, and a network's margins move with them: the best threshold of one slide
can lie two logits from another's. What hardly differs is how far mitoses stand out from the slide's other candidates,
of which they are a few in a hundred. So a margin is told as its distance from the median of the slide's candidates, in
median absolute deviations (Hampel, J Am Stat Assoc 1974;69:383-393). Neither needs a label, and a few mitoses move
neither.

A small image has too few candidates to say what is usual, so its own figures are drawn towards the training slides' by
a number of candidates' worth of belief.
"""

from dataclasses import dataclass

import numpy as np

# A slide whose candidates all look alike must not be blown up.
LEAST_SPREAD = 0.2
# How far a slide's own figures are believed to lie from the training slides' (those lie within 0.9 logits and a factor
# of 1.27 of their mean). Beyond, mitoses are not rare: a sheet of examples, a field picked for them.
MEDIAN_REACH, SPREAD_REACH = 1.0, 1.5
# What fraction of a large slide is looked at: tiles of 0.066 mm², spread evenly.
SAMPLE_TILES = 16


@dataclass(frozen=True)
class Standard:
    """median and spread (median absolute deviation) of the margins of a slide's candidates, in logits."""

    median: float
    spread: float

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """Margins (n,) in the slide's units: 0 is its median candidate, 1 one spread above."""
        return ((margins - np.float32(self.median)) / np.float32(self.spread)).astype(np.float32)


PLAIN = Standard(0.0, 1.0)


def standard_of(margins: np.ndarray, typical: Standard, worth: float) -> Standard:
    """A slide's standard from the margins (n,) of its candidates, drawn towards `typical` as if by `worth` candidates.

    Without candidates it is the typical one. With `worth` 0 nothing is known of training slides, and the slide's own
    figures stand as they are.
    """
    if not len(margins):
        return typical
    median = float(np.median(margins))
    spread = max(float(np.median(np.abs(margins - median))), LEAST_SPREAD)
    if worth > 0:
        median = float(np.clip(median, typical.median - MEDIAN_REACH, typical.median + MEDIAN_REACH))
        spread = float(np.clip(spread, typical.spread / SPREAD_REACH, typical.spread * SPREAD_REACH))
    own = len(margins) / (len(margins) + worth)
    mixed = (own * mine + (1 - own) * usual for mine, usual in ((median, typical.median), (spread, typical.spread)))
    return Standard(*mixed)
