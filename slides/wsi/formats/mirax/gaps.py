"""Zoom levels of a MIRAX slide that leave out images of what level 0 shows.

What level 0 leaves out was not scanned: there is no tissue, and nothing is said. At the border of what was scanned
levels may differ, so a smaller level lacks an image only where all that it would show was scanned.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.holes import Gaps, Tiles, find_gaps
from slides.wsi.formats.mirax import ini
from slides.wsi.formats.mirax.index import Index
from slides.wsi.metadata import Level

log = logging.getLogger(__name__)


def find_mirax_gaps(folder: Path, levels: tuple[Level, ...]) -> Gaps:
    """What of the smaller levels is to be left aside. folder: with Slidedat.ini. levels: as the slide was opened."""
    try:
        slidedat = ini.read(ini.parse((folder / "Slidedat.ini").read_bytes()[: ini.MAX_BYTES + 1]))
        index = Index((folder / slidedat.index_name).read_bytes(), slidedat.slide_id.encode())
        columns, rows = (int(slidedat.general[f"IMAGENUMBER_{axis}"]) for axis in "XY")
        steps = np.cumsum([int(level["IMAGE_CONCAT_FACTOR"]) for level in slidedat.levels])
        images = [np.array([number for number, _ in index.images_of(n)], int) for n in range(len(levels))]
    except (SlideRefused, OSError):
        log.info("the index of a MIRAX slide that OpenSlide opens cannot be read")
        return Gaps()
    scanned = _places(images[0], columns, rows, 1)
    tiles = [Tiles(scanned, levels[0].width, levels[0].height, *_side(levels[0], scanned))]
    for level, numbers, step in zip(levels[1:], images[1:], steps[1:], strict=False):
        stored = _places(numbers, columns, rows, 1 << int(step)) | ~_whole_blocks(scanned, 1 << int(step))
        tiles.append(Tiles(stored, level.width, level.height, *_side(level, stored)))
    return find_gaps(tiles)


def _places(numbers: np.ndarray, columns: int, rows: int, step: int) -> np.ndarray:
    """Bool (rows, columns) of the images of a level, each of which spans `step` of level 0 a side."""
    stored = np.zeros((-(-rows // step), -(-columns // step)), bool)
    numbers = numbers[numbers < rows * columns]
    stored[numbers // columns // step, numbers % columns // step] = True
    return stored


def _whole_blocks(scanned: np.ndarray, step: int) -> np.ndarray:
    """Where all images of level 0 are there that one of a smaller level spans."""
    rows, columns = scanned.shape
    beyond = np.pad(scanned, ((0, -rows % step), (0, -columns % step)), constant_values=True)
    return np.asarray(beyond.reshape(-(-rows // step), step, -1, step).all(axis=(1, 3)))


def _side(level: Level, stored: np.ndarray) -> tuple[int, int]:
    """Width and height of its images, in px."""
    rows, columns = stored.shape
    return max(1, -(-level.width // columns)), max(1, -(-level.height // rows))
