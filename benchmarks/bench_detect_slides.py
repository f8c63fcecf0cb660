"""Slides for `bench_detect`: tissue of several sizes, laid out of frames of one kind.

The frames are those of MITOS-ATYPIA-14 where that data is at hand (never slide H05), else the teaching sheet, again and
again; which of them is written beside each time.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile

from slides.demo.pyramid import halve_image

# Frames across, down, and of each row so many that are tissue: 0.13, 2.0, 8.7 and 14.9 mm², and 2.0 on a slide of 10.
LAYOUTS = {"0.13": (1, 1, 1), "2": (4, 4, 4), "8.7": (9, 8, 9), "15": (13, 9, 13), "glass": (10, 8, 2)}
FRAMES = {"8.7": 68}
FRAME_W, FRAME_H, MPP = 1663, 1485, 0.2273
GLASS, TILE_PX = 243, 256
SHEET = Path(__file__).resolve().parents[1] / "slides" / "demo" / "teaching_sheet.tiff"


def make_slide(name: str, data: Path, folder: Path) -> tuple[Path, str]:
    """The slide of a layout, made once, and the name of what it was made from."""
    frames = sorted(path for path in (data / "mitos14" / "frames").glob("*.jpg") if not path.name.startswith("H05"))
    source = "mitos14" if frames else "teaching sheet"
    path = folder / f"{source.replace(' ', '-')}-{name}.tiff"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        _write_pyramid(part, _lay_out(name, frames))
        part.replace(path)
    return path, source


def _lay_out(name: str, frames: list[Path]) -> np.ndarray:
    columns, rows, of_row = LAYOUTS[name]
    canvas = np.full((rows * FRAME_H, columns * FRAME_W, 3), GLASS, np.uint8)
    pictures = _pictures(frames)
    for number in range(min(rows * of_row, FRAMES.get(name, rows * of_row))):
        row, column = divmod(number, of_row)
        x, y = column * FRAME_W, row * FRAME_H
        canvas[y : y + FRAME_H, x : x + FRAME_W] = next(pictures)
    return canvas


def _pictures(frames: list[Path]) -> Iterator[np.ndarray]:
    """Frames of all slides in turn, uint8 (FRAME_H, FRAME_W, 3) RGB, without end."""
    spread = [frames[(3 * number) % len(frames)] for number in range(len(frames))] if frames else [SHEET]
    while True:
        for path in spread:
            rgb = cv2.imread(str(path))[..., ::-1]
            down, right = max(0, FRAME_H - rgb.shape[0]), max(0, FRAME_W - rgb.shape[1])
            yield cv2.copyMakeBorder(rgb, 0, down, 0, right, cv2.BORDER_REFLECT)[:FRAME_H, :FRAME_W]


def _write_pyramid(path: Path, pixels: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as tiff:
        for level in range(20):
            tiff.write(
                pixels, subfiletype=1 if level else 0, tile=(TILE_PX, TILE_PX), photometric="rgb", compression="jpeg",
                compressionargs={"level": 88}, resolution=(1e4 / (MPP * 2**level),) * 2, resolutionunit="CENTIMETER",
                metadata=None,
            )  # fmt: skip
            if max(pixels.shape[:2]) <= 512:
                return
            pixels = halve_image(pixels)
