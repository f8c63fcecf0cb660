"""Slides joined from the frames of MITOS-ATYPIA-14's slide H05, where that data is at hand. Never in the repository.

H05_03 is one field: 16 adjoining frames, true neighbourhoods throughout. H05_all is a montage of all 68 frames on a
grid of 9 x 8, the field above in its top left corner and the others in any order: the seams between them are no tissue.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from slides.demo.pyramid import Truth, TruthPoint, write_pyramid

FRAME_W, FRAME_H = 1663, 1485
MPP = 0.2273  # nominal, x40
GROUND = 243
QUALITY = 88
FIELD = "H05_03"
GRID_COLUMNS, GRID_ROWS = 9, 8
QUADRANT = {"A": (0, 0), "B": (1, 0), "C": (0, 1), "D": (1, 1)}

Cells = dict[str, tuple[int, int]]  # frame's file name → (column, row)
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Joined:
    """One slide to join. name: of its files. cells: where each frame lies."""

    name: str
    note: str
    cells: Cells


def field_cell(frame: str) -> tuple[int, int]:
    """Column and row of a frame such as H05_03Ba.jpg in the 4 x 4 block of its field: a quadrant, and one inside it."""
    (big_x, big_y), (small_x, small_y) = QUADRANT[frame[6]], QUADRANT[frame[7].upper()]
    return 2 * big_x + small_x, 2 * big_y + small_y


def field_slide(folder: Path) -> Joined | None:
    """H05_03, None where its 16 frames are not all there."""
    cells = {path.name: field_cell(path.name) for path in sorted((folder / "frames").glob(f"{FIELD}*.jpg"))}
    return Joined(FIELD, "One field of 16 adjoining frames. Labels are noisy.", cells) if len(cells) == 16 else None


def montage_slide(folder: Path) -> Joined | None:
    """H05_all, None where H05_03 cannot be made or there are more frames than places."""
    field = field_slide(folder)
    if field is None:
        return None
    others = [path.name for path in sorted((folder / "frames").glob("H05_*.jpg")) if path.name not in field.cells]
    places = [(x, y) for y in range(GRID_ROWS) for x in range(GRID_COLUMNS) if x > 3 or y > 3]
    if len(others) > len(places):
        return None
    cells = field.cells | dict(zip(others, places, strict=False))
    return Joined("H05_all", "A montage of 68 frames: the seams between them are no tissue. Labels are noisy.", cells)


def build_joined(slide: Joined, folder: Path, out_dir: Path, progress: Progress | None = None) -> tuple[Path, Path]:
    """Write NAME.tiff and NAME.json unless both are there; the truth comes last and says that the slide is whole.

    Needs 3 bytes of memory per pixel (0.5 GB for the montage). progress(done, total) counts frames.
    """
    tiff, truth_path = out_dir / f"{slide.name}.tiff", out_dir / f"{slide.name}.json"
    if tiff.is_file() and truth_path.is_file():
        return tiff, truth_path
    columns = 1 + max(column for column, _ in slide.cells.values())
    rows = 1 + max(row for _, row in slide.cells.values())
    canvas = np.full((rows * FRAME_H, columns * FRAME_W, 3), GROUND, np.uint8)
    for done, (frame, (column, row)) in enumerate(sorted(slide.cells.items()), start=1):
        x, y = column * FRAME_W, row * FRAME_H
        canvas[y : y + FRAME_H, x : x + FRAME_W] = read_frame(folder / "frames" / frame)
        if progress is not None:
            progress(done, len(slide.cells))
    height, width = canvas.shape[:2]
    write_pyramid(tiff, canvas, MPP, QUALITY)
    Truth(width, height, MPP, slide.note, joined_points(slide.cells, folder)).write(truth_path)
    return tiff, truth_path


def read_frame(path: Path) -> np.ndarray:
    """(1485, 1663, 3) uint8 RGB."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None or pixels.shape != (FRAME_H, FRAME_W, 3):
        raise ValueError(f"{path.name} is no frame of {FRAME_W} x {FRAME_H} px")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def joined_points(cells: Cells, folder: Path) -> tuple[TruthPoint, ...]:
    """Mitoses and look-alikes of these frames, moved to where each frame lies."""
    points = []
    with (folder / "annotations.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            if line["frame"] in cells:
                column, row = cells[line["frame"]]
                x, y = float(line["x"]) + column * FRAME_W, float(line["y"]) + row * FRAME_H
                points.append(TruthPoint(x, y, line["label"]))
    return tuple(points)
