"""Is a working copy still the same slide?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import Level, SlideInfo
from slides.wsi.reader import SlideReader, open_slide

REGIONS_PER_LEVEL = 200
REGION_PX = 256


def same_pixels(original_paths: Sequence[Path], copy_paths: Sequence[Path], seed: int) -> bool:
    """Whether both are of one size with the same levels, optics and pictures, and random regions are equal to the bit.

    SlideRefused where the original cannot be read; a copy that cannot be read is not the same.
    """
    with open_slide(list(original_paths)) as original:
        scenes = max(1, len(original.info.scenes))
    return all(_same_scene(original_paths, copy_paths, scene, seed) for scene in range(scenes))


def _same_scene(original_paths: Sequence[Path], copy_paths: Sequence[Path], scene: int, seed: int) -> bool:
    random = np.random.default_rng(seed)
    with open_slide(list(original_paths), scene=scene) as original:
        try:
            copy = open_slide(list(copy_paths), scene=scene)
        except SlideRefused:
            return False
        with copy:
            return _facts(original.info) == _facts(copy.info) and all(
                _same_region(original, copy, level, random)
                for level in original.info.levels
                for _ in range(_regions(level))
            )


def _facts(info: SlideInfo) -> tuple[object, ...]:
    return info.levels, info.mpp_x, info.mpp_y, info.objective, info.scenes, info.tile_size, info.doubts


def _regions(level: Level) -> int:
    """How many regions tell all there is: as many as fit, twice, up to REGIONS_PER_LEVEL."""
    fitting = -(-level.width // REGION_PX) * -(-level.height // REGION_PX)
    return min(REGIONS_PER_LEVEL, 2 * fitting)


def _same_region(original: SlideReader, copy: SlideReader, level: Level, random: np.random.Generator) -> bool:
    """Whether a rectangle at a random place of a level is the same in both, to the bit."""
    width, height = min(REGION_PX, level.width), min(REGION_PX, level.height)
    x = int(random.integers(0, level.width - width + 1))
    y = int(random.integers(0, level.height - height + 1))
    region = (x * level.downsample, y * level.downsample, width, height, level.downsample)
    pixels = original.read(*region)
    try:
        return np.array_equal(pixels, copy.read(*region))
    except SlideRefused:
        return False
