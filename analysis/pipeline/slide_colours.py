"""A slide's colours as the network is to see them: a normaliser fitted once, on tissue from all over the slide."""

import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.normalise import Normaliser, make_normaliser
from analysis.pipeline.plan import Work, in_sampled_tiles
from analysis.pipeline.slide_grid import Reader
from analysis.pipeline.spread import spread_evenly
from analysis.pipeline.stain import is_tissue

FIT_SAMPLES, FIT_PX = 12, 256
MIN_FIT_PIXELS = 2000


class SlideColours:
    """Of one slide: fitted on the first work it is asked about, unless `fitted` was so before."""

    def __init__(self, normaliser: str, fitted: Normaliser | None = None) -> None:
        self.changes_nothing = normaliser == "none"
        self._name, self._normaliser = normaliser, fitted

    def normalise(self, reader: Reader, work: Work, patches: np.ndarray) -> np.ndarray:
        """Patches uint8 (n, px, px, 3), the same shape. Raises NormaliserFailed where the slide cannot be fitted."""
        if self.changes_nothing or not len(patches):
            return patches
        if self._normaliser is None:
            normaliser = make_normaliser(self._name)
            normaliser.fit(sample_tissue(reader, work))
            self._normaliser = normaliser
        return self._normaliser.apply(patches)


def sample_tissue(reader: Reader, work: Work) -> np.ndarray:
    """Tissue pixels from up to twelve tiles spread evenly over the work: uint8 (1, n, 3), glass left out.

    Raises NormaliserFailed when there are too few to fit anything to.
    """
    parts = [np.empty((0, 3), np.uint8)]
    work = in_sampled_tiles(work, reader)
    for tile in (work.tiles[i] for i in spread_evenly(len(work.tiles), FIT_SAMPLES)):
        left, top = (int((side + 0.5) * work.tile_px) - FIT_PX // 2 for side in (tile.column, tile.row))
        x, y, w, h = work.grid.clipped(left, top, FIT_PX, FIT_PX)
        if w and h:
            pixels = work.grid.read(reader, x, y, w, h).reshape(-1, 3)
            parts.append(pixels[is_tissue(pixels)])
    pixels = np.concatenate(parts)
    if len(pixels) < MIN_FIT_PIXELS:
        raise NormaliserFailed("There is too little tissue to fit the stain of this slide to; use the normaliser none.")
    return pixels[None]
