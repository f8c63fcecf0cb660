"""What a slide is: its size, its levels, its pixel size, its scanner.

Colour profiles are noted and not applied. Networks were trained on colours as they are stored, and a score must not
depend on whether a scanner wrote a profile; and stored JPEG tiles can be sent as they are only where the reader shows
the same colours. What is lost: two scanners' slides beside each other differ more on the screen than they need to.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Any, Self

from slides.wsi.lengths import micrometres_of

MPP_MIN, MPP_MAX = 0.02, 20.0  # µm per pixel; outside, the value is a printer's resolution or nonsense
SCANNER_MAKERS = {
    "aperio": "Aperio", "hamamatsu": "Hamamatsu", "leica": "Leica", "3dhistech": "3DHISTECH", "mirax": "3DHISTECH",
    "philips": "Philips", "ventana": "Ventana", "roche": "Roche", "olympus": "Olympus", "zeiss": "Zeiss",
    "huron": "Huron", "motic": "Motic", "objective imaging": "Objective Imaging",
}  # fmt: skip
MODEL = re.compile(r"(?!.*\d{5})[A-Za-z][A-Za-z0-9 .+\-]{0,30}|")  # five digits in a row are a serial number
MAX_OVERVIEW_PX = 64_000_000  # pixels of the coarsest level: an overview has to decode all of them
MPP_UNEQUAL = 1.01  # x and y further apart than this are worth a hint


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """One stored resolution. width, height: its own pixels. downsample: level-0 pixels per pixel, 1.0 for level 0."""

    width: int
    height: int
    downsample: float


@dataclasses.dataclass(frozen=True, slots=True)
class SlideInfo:
    """What may leave the server about a slide file: no names, labels or raw properties.

    width, height: pixels of level 0. mpp_x, mpp_y: µm per level-0 pixel, both or neither known.
    objective: nominal power, as 40.0. tile_size: width of the file's own tiles on level 0, None if it has none.
    hints: sentences for people about what is odd. scanner: maker and model, "" when unknown; never a serial number.
    scenes: (width, height) of all pictures of a file with several. icc: "noted" where the file brings a colour profile,
    "" where not. doubts: codes of `slides.wsi.doubts`, of what a person has to answer before anything is counted.
    bounds: x, y, width, height in level-0 px of the scanned part, where the file names one; programs that crop to it
    count from its corner.
    """

    format: str
    width: int
    height: int
    mpp_x: float | None
    mpp_y: float | None
    objective: float | None
    levels: tuple[Level, ...]
    tile_size: int | None = None
    hints: tuple[str, ...] = ()
    scanner: str = ""
    scenes: tuple[tuple[int, int], ...] = ()
    icc: str = ""
    doubts: tuple[str, ...] = ()
    bounds: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain lists, numbers and strings."""
        return dataclasses.asdict(self) | {
            "levels": [dataclasses.asdict(level) for level in self.levels],
            "hints": list(self.hints),
            "scenes": [list(scene) for scene in self.scenes],
            "doubts": list(self.doubts),
            "bounds": list(self.bounds),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `as_json`."""
        return cls(
            **data
            | {
                "levels": tuple(Level(**level) for level in data["levels"]),
                "hints": tuple(data["hints"]),
                "scenes": tuple((width, height) for width, height in data.get("scenes", ())),
                "doubts": tuple(data.get("doubts", ())),
                "bounds": tuple(data.get("bounds", ())),
            }
        )


def overview_is_quick(info: SlideInfo) -> bool:
    """Whether the coarsest level is small enough to be decoded as a whole; else levels must be made first."""
    return info.levels[-1].width * info.levels[-1].height <= MAX_OVERVIEW_PX


@dataclasses.dataclass(frozen=True, slots=True)
class PixelSize:
    """A believed pixel size in µm, or none, with sentences about what was not believed."""

    mpp_x: float | None
    mpp_y: float | None
    hints: tuple[str, ...] = ()


def believed_pixel_size(mpp_x: float | None, mpp_y: float | None) -> PixelSize:
    """Keep what the file says when both values lie in [MPP_MIN, MPP_MAX] µm per pixel, else say why not."""
    if mpp_x is None or mpp_y is None:
        return PixelSize(None, None, ("The file does not say its pixel size.",))
    for mpp in (mpp_x, mpp_y):
        if not (math.isfinite(mpp) and MPP_MIN <= mpp <= MPP_MAX):
            told = f"The file says {mpp:.4g} µm per pixel, which is not believed ({MPP_MIN} to {MPP_MAX:g} is)."
            return PixelSize(None, None, (f"The pixel size is unknown. {told}",))
    if max(mpp_x, mpp_y) > MPP_UNEQUAL * min(mpp_x, mpp_y):
        return PixelSize(mpp_x, mpp_y, (f"Pixels are not square: {mpp_x:.4g} by {mpp_y:.4g} µm.",))
    return PixelSize(mpp_x, mpp_y)


def known_scanner(maker: str, model: str) -> str:
    """ "Aperio AT2" of a known maker and a model that looks like one; "" otherwise, since free text may name people."""
    name = next((name for word, name in SCANNER_MAKERS.items() if word in maker.lower()), "")
    model = re.sub(rf"^{name}\b" if name else "^", "", " ".join(model.split()), flags=re.IGNORECASE).strip()
    return f"{name} {model}".strip() if name and MODEL.fullmatch(model) else name


def mpp_from_density(pixels_per_unit: float | None, unit: str | None) -> float | None:
    """µm per pixel from a density tag; unit of length. None where there is no unit or no density."""
    micrometres = micrometres_of(unit or "")
    if micrometres is None or pixels_per_unit is None:
        return None
    return micrometres / pixels_per_unit if pixels_per_unit > 0 else math.inf


def levels_from_sizes(sizes: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    """Levels with their downsamples from (width, height) of each, level 0 first.

    Makers cut a level's last odd pixel off, so 4443 px become 2221 px at a true factor of 2 and not 2.0005: a whole
    number that explains the size to within a pixel is taken as the factor.
    """
    sizes = list(sizes)
    width, height = sizes[0]
    levels = []
    for level_width, level_height in sizes:
        ratio = (width / level_width + height / level_height) / 2
        whole = max(1, round(ratio))
        explains = abs(width / whole - level_width) <= 1 and abs(height / whole - level_height) <= 1
        levels.append(Level(level_width, level_height, float(whole if explains else ratio)))
    return tuple(levels)
