"""Is a working copy still the same slide, and free of what was removed?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from slides.wsi.reader import SlideReader, open_slide

REGIONS_PER_LEVEL = 20
REGION_PX = 256
BLOCK_BYTES = 16 * 2**20
MIN_CHARS = 4


def find_in_bytes(paths: Sequence[Path], values: Iterable[str]) -> tuple[str, ...]:
    """Those values of MIN_CHARS and more that are in the bytes of these files, in UTF-8 or UTF-16."""
    wanted = {value: _codings(value) for value in values if len(value) >= MIN_CHARS}
    overlap = max((len(code) for codes in wanted.values() for code in codes), default=1) - 1
    found: dict[str, None] = {}
    for path in paths:
        tail = b""
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                seen = tail + block
                found |= {value: None for value, codes in wanted.items() if any(code in seen for code in codes)}
                tail = seen[-overlap:] if overlap else b""
    return tuple(found)


def same_pixels(original_paths: Sequence[Path], copy_paths: Sequence[Path], seed: int) -> bool:
    """Whether both are of one size with the same levels, and random regions of each level are the same to the bit."""
    random = np.random.default_rng(seed)
    with open_slide(list(original_paths)) as original, open_slide(list(copy_paths)) as copy:
        if original.info.levels != copy.info.levels:
            return False
        return all(
            _same_region(original, copy, level.downsample, random)
            for level in original.info.levels
            for _ in range(REGIONS_PER_LEVEL)
        )


def _codings(value: str) -> tuple[bytes, ...]:
    return value.encode(), value.encode("utf-16-le"), value.encode("utf-16-be")


def _same_region(original: SlideReader, copy: SlideReader, downsample: float, random: np.random.Generator) -> bool:
    x_l0 = float(random.integers(0, max(1, int(original.info.width - REGION_PX * downsample))))
    y_l0 = float(random.integers(0, max(1, int(original.info.height - REGION_PX * downsample))))
    region = (x_l0, y_l0, REGION_PX, REGION_PX, downsample)
    return np.array_equal(original.read(*region), copy.read(*region))
