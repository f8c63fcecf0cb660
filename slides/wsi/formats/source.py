"""What every source of pixels offers to the reader."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import Level

GREY_HINT = "A grey image, shown as grey."


class Source(Protocol):
    """An open slide file.

    format: our name of the format. levels: level 0 first, downsamples rising. mpp_x, mpp_y: what the file says, not
    yet believed. objective: nominal power; power_is_apparent: whether that counts every lens and the camera, as 40x for
    0.25 µm, and not the objective alone. is_reduced: whether the file says that its level 0 was made from a larger one.
    levels_are_files: whether each level is a file of its own, that may have been left behind. tile_size: of the file's
    own tiles on level 0. hints: sentences for people. scanner, scenes, icc: as in `SlideInfo`.
    """

    format: str
    levels: tuple[Level, ...]
    mpp_x: float | None
    mpp_y: float | None
    objective: float | None
    power_is_apparent: bool
    is_reduced: bool
    levels_are_files: bool
    tile_size: int | None
    hints: tuple[str, ...]
    scanner: str
    scenes: tuple[tuple[int, int], ...]
    icc: str

    @property
    def held_bytes(self) -> int:
        """Memory kept while open, roughly."""
        ...

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB at (x, y) in that level's own pixels; the rectangle lies inside the level.

        Places that were not scanned are white. SlideRefused where the file cannot be decoded there.
        """
        ...

    def close(self) -> None:
        """Free files and memory; closing twice does nothing."""
        ...


def no_such_scene(scene: int, count: int) -> SlideRefused:
    """The refusal of a scene that the file does not have."""
    have = "1 picture" if count == 1 else f"{count} pictures"
    return SlideRefused(f"The file has {have}; there is no number {scene + 1}.", "parts")
