"""StainNet (Kang et al., Front Med 2021) trained by the project itself: on the slide it is used on, or on a profile."""

from pathlib import Path
from typing import Self

import numpy as np

from analysis.pipeline.normalise.colournet import ColourNet, table_of
from analysis.pipeline.normalise.pixels import fitted, refuse_no_tissue, refuse_odd
from analysis.pipeline.normalise.profiles import PROFILES, read_profile
from analysis.pipeline.normalise.teaching import Quality, teach_net


class StainNet:
    """One network from colour to colour, 1,283 parameters. `stainnet` is fitted to a slide in a second;
    `stainnet:PROFILE` was fitted to others of its scanner and takes this slide as it is.
    """

    name = "stainnet"

    def __init__(self) -> None:
        self.net: ColourNet | None = None
        self.quality: Quality | None = None
        self._is_profile = False
        self._table: np.ndarray | None = None

    @classmethod
    def from_profile(cls, profile: str, folder: Path = PROFILES) -> Self:
        """The net of a profile. Raises PipelineRefused when there is none of that name or it cannot be read."""
        made = cls()
        made.net, card = read_profile(profile, folder)
        made.quality, made.name, made._is_profile = card.quality, f"{cls.name}:{profile}", True
        return made

    def fit(self, tissue: np.ndarray) -> None:
        """Trains the net on `tissue`, uint8 (h, w, 3) RGB; the same tissue gives the same net. A profile stays.

        Raises NormaliserFailed when there is too little tissue, no teacher can be fitted, or the net did not learn.
        """
        if self._is_profile:
            refuse_odd(tissue)
            return
        refuse_no_tissue(tissue)
        taught = teach_net(tissue)
        self.net, self.quality, self._table = taught.net, taught.quality, None

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (..., 3) RGB → the same shape, in the reference's colours."""
        refuse_odd(rgb)
        if self._table is None:
            self._table = table_of(fitted(self.net))
        return look_up(self._table, rgb)


def look_up(table: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) through a table of all colours, uint32 (2**24,) as `table_of` makes it: uint8 (..., 3)."""
    # The web processes know the normalisers' names and must not load OpenCV for them.
    import cv2

    if not rgb.size:
        return rgb.copy()
    wide = cv2.cvtColor(np.ascontiguousarray(rgb).reshape(-1, 1, 3), cv2.COLOR_RGB2RGBA)
    found = table[wide.view("<u4").reshape(-1) & 0xFFFFFF]
    return cv2.cvtColor(found.view(np.uint8).reshape(-1, 1, 4), cv2.COLOR_RGBA2RGB).reshape(rgb.shape)
