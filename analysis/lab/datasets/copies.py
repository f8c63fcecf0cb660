"""A source in the colours of the reference: what the detector sees when a slide is normalised before it is scored."""

from dataclasses import replace

import numpy as np

from analysis.lab.datasets import Source
from analysis.pipeline.normalise import make_normaliser
from analysis.pipeline.stain import is_tissue

SAMPLE_PIXELS = 300_000


def with_copies(source: Source, normaliser: str) -> Source:
    """The source with normalised copies of its images; the normaliser is fitted on tissue pixels of all of them.

    Raises NormaliserFailed when the source's stain cannot be fitted.
    """
    fitted = make_normaliser(normaliser)
    fitted.fit(tissue_of(source.images))
    return replace(source, copies=[fitted.apply(image) for image in source.images])


def tissue_of(images: list[np.ndarray]) -> np.ndarray:
    """About 300,000 tissue pixels spread evenly over images: uint8 (1, n, 3)."""
    total = sum(image.shape[0] * image.shape[1] for image in images)
    step = max(1, total // SAMPLE_PIXELS)
    pixels = np.concatenate([image.reshape(-1, 3)[::step] for image in images])
    return pixels[is_tissue(pixels)][None]
