"""Pixels by OpenSlide, whoever the maker is."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide

from slides.wsi.errors import SlideRefused, other_maker
from slides.wsi.formats.over_white import over_white
from slides.wsi.metadata import known_scanner, levels_from_sizes

ANY_MODEL_FIELD = "tiff.Model"
CACHE_BYTES = 32 * 2**20  # decoded tiles kept by all open slides of a process together


class OpenSlideSource:
    """One slide opened by OpenSlide.

    Levels whose true factor is not a whole number of OpenSlide's own are read at the nearest level-0 pixel, so they may
    be off by half of one.
    """

    held_bytes = CACHE_BYTES
    power_is_apparent = False
    is_reduced = False
    levels_are_files = False

    def __init__(self, path: Path, format: str, vendor: str, model_field: str = "", maker_field: str = "") -> None:
        """format: our name of it. vendor: OpenSlide's name of the maker, which the file must be of.

        model_field, maker_field: the properties that hold the scanner's model and, where that is not `vendor`, maker.
        """
        found = detect_vendor(path)
        if found is None:
            raise SlideRefused("This file is not a slide that can be read here.", "format")
        if found != vendor:
            raise other_maker()
        self.format = format
        try:
            self._slide = openslide.OpenSlide(path)
        except (openslide.OpenSlideError, OSError):
            raise SlideRefused(f"The {self.format} file is damaged and does not open.", "broken") from None
        self._is_open = True
        self._slide.set_cache(shared_cache())
        properties = self._slide.properties
        self.levels = levels_from_sizes(self._slide.level_dimensions)
        self.mpp_x = _number(properties.get(openslide.PROPERTY_NAME_MPP_X))
        self.mpp_y = _number(properties.get(openslide.PROPERTY_NAME_MPP_Y))
        self.objective = _number(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        tile_width = _number(properties.get("openslide.level[0].tile-width"))
        self.tile_size = int(tile_width) if tile_width else None
        self.hints: tuple[str, ...] = ()
        self.scanner = scanner_of(properties, properties.get(maker_field, "") if maker_field else vendor, model_field)
        self.scenes: tuple[tuple[int, int], ...] = ()
        self.bounds = bounds_of(properties)
        self.icc = "noted" if "openslide.icc-size" in properties else ""

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        factor = self._slide.level_downsamples[level]
        try:
            region = self._slide.read_region((round(x * factor), round(y * factor)), level, (width, height))
        except openslide.OpenSlideError:
            raise SlideRefused(f"Part of the {self.format} file is damaged and cannot be decoded.", "broken") from None
        rgba = np.asarray(region)  # its colours without alpha in them
        return over_white(rgba[..., :3], rgba[..., 3])

    def close(self) -> None:
        """See `Source.close`."""
        if self._is_open:
            self._slide.close()
            self._is_open = False


@functools.cache
def shared_cache() -> openslide.OpenSlideCache:
    """The one of this process: a slide that is looked at most has most of it."""
    return openslide.OpenSlideCache(CACHE_BYTES)


def detect_vendor(path: Path) -> str | None:
    """OpenSlide's name of the maker, None where it knows none."""
    return openslide.OpenSlide.detect_format(path)


def has_pictures_beside(path: Path) -> bool:
    """Whether OpenSlide finds a label, a macro or another picture beside the scan."""
    if openslide.OpenSlide.detect_format(path) is None:
        return False
    try:
        with openslide.OpenSlide(path) as slide:
            return len(slide.associated_images) > 0
    except openslide.OpenSlideError:
        return False  # not read by OpenSlide, then, but by us: the copy is opened once more to be compared


def scanner_of(properties: Mapping[str, str], maker: str, model_field: str) -> str:
    """Maker and model, from the fields that hold a model and nothing else."""
    model = properties.get(model_field) or properties.get(ANY_MODEL_FIELD, "")
    return known_scanner(maker, model.partition(";")[0])


def bounds_of(properties: Mapping[str, str]) -> tuple[int, ...]:
    """x, y, width, height of the scanned part in level-0 px; none where the file does not name it."""
    names = ("X", "Y", "WIDTH", "HEIGHT")
    told = [_number(properties.get(getattr(openslide, f"PROPERTY_NAME_BOUNDS_{name}"))) for name in names]
    return () if None in told else tuple(int(value) for value in told if value is not None)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
