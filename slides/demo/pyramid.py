"""Write a pyramidal TIFF with its pixel size, and the truth beside it, so that a kill never leaves half a file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

TILE_PX = 256
SMALLEST_PX = 512  # a level this small ends the pyramid


@dataclasses.dataclass(frozen=True, slots=True)
class TruthPoint:
    """A labelled place, in level-0 px. label: "mitosis" or "non_mitosis". crop: the image it was cut from, if any."""

    x_l0: float
    y_l0: float
    label: str
    crop: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What is known about a demo slide. width, height: level-0 px. mpp: µm per pixel. note: a sentence for people."""

    width: int
    height: int
    mpp: float
    note: str
    points: tuple[TruthPoint, ...]
    crop_px: int | None = None

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        data = dataclasses.asdict(self)
        data["points"] = [{key: value for key, value in point.items() if value is not None} for point in data["points"]]
        with replace_file(path) as part:
            part.write_text(
                json.dumps({key: value for key, value in data.items() if value is not None}, indent=1) + "\n"
            )

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read what `write` wrote."""
        data: dict[str, Any] = json.loads(path.read_text())
        return cls(**data | {"points": tuple(TruthPoint(**point) for point in data["points"])})


def write_pyramid(path: Path, pixels: np.ndarray, mpp: float, quality: int, chroma: tuple[int, int] = (2, 2)) -> None:
    """(h, w, 3) uint8 as tiled JPEG levels, each half of the one before, with `mpp` in the resolution tags of each.

    chroma: subsampling of colour, (1, 1) for none.
    """
    with replace_file(path) as part, tifffile.TiffWriter(part) as tiff:
        downsample = 1
        while True:
            tiff.write(
                pixels,
                subfiletype=1 if downsample > 1 else 0,
                tile=(TILE_PX, TILE_PX),
                photometric="rgb",
                compression="jpeg",
                subsampling=chroma,
                compressionargs={"level": quality},
                resolution=(1e4 / (mpp * downsample),) * 2,
                resolutionunit="CENTIMETER",
                software=False,
                metadata=None,
                maxworkers=1,
            )
            if max(pixels.shape[:2]) <= SMALLEST_PX:
                return
            pixels = halve_image(pixels)
            downsample *= 2


def halve_image(pixels: np.ndarray) -> np.ndarray:
    """Averages of 2 x 2 pixels; a last odd row or column is left out."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    return cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place at the end, or is removed on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
