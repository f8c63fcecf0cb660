"""The teaching sheet: 60 cut-out mitotic figures of MIDOG++ (CC0) in a grid, as a pyramidal TIFF of at most 2 MB.

    python -m slides.demo.teaching_sheet DATA_DIR

rewrites teaching_sheet.tiff and teaching_sheet.json beside this file from DATA_DIR/midogpp. It is a sheet of cut-outs
and no tissue: nothing per mm² may be said of it. Its crops are left out of training: the rule is `sheet_crops`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np

from slides.demo.pyramid import Truth, TruthPoint, write_pyramid

SHEET = Path(__file__).with_name("teaching_sheet.tiff")
TRUTH = Path(__file__).with_name("teaching_sheet.json")
CROPS = 60
COLUMNS = 10
CROP_PX = 128
GAP_PX = 32
GROUND = 244  # light grey, so that the sheet is plainly no tissue
MPP = 0.25
QUALITY = 92
PADDING_MEAN = 8  # a border row or column darker than this is black padding
NOTE = "A sheet of cut-out figures and no tissue slide: no count per mm² comes from it. The pixel size is nominal."


def sheet_crops(folder: Path) -> list[str]:
    """File names of the crops on the sheet: the first 60, sorted as strings, without black padding."""
    with (folder / "manifest.csv").open(newline="") as file:
        names = sorted(row["file"] for row in csv.DictReader(file))
    taken: list[str] = []
    for name in names:
        if len(taken) == CROPS:
            break
        if not is_padded(read_crop(folder, name)):
            taken.append(name)
    return taken


def read_crop(folder: Path, name: str) -> np.ndarray:
    """(128, 128, 3) uint8 RGB."""
    pixels = cv2.imread(str(folder / "patches" / name), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(folder / "patches" / name)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def is_padded(pixels: np.ndarray) -> bool:
    """Whether one of the four border lines of the crop is black."""
    return min(line.mean() for line in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])) < PADDING_MEAN


def build_sheet(folder: Path) -> tuple[np.ndarray, Truth]:
    """The sheet, (h, w, 3) uint8, and its truth: one mitosis in the middle of each crop."""
    names = sheet_crops(folder)
    rows = -(-len(names) // COLUMNS)
    pitch = CROP_PX + GAP_PX
    sheet = np.full((rows * pitch + GAP_PX, COLUMNS * pitch + GAP_PX, 3), GROUND, np.uint8)
    points = []
    for number, name in enumerate(names):
        row, column = divmod(number, COLUMNS)
        x, y = GAP_PX + column * pitch, GAP_PX + row * pitch
        sheet[y : y + CROP_PX, x : x + CROP_PX] = read_crop(folder, name)
        points.append(TruthPoint(x + CROP_PX / 2, y + CROP_PX / 2, "mitosis", name))
    height, width = sheet.shape[:2]
    return sheet, Truth(width, height, MPP, NOTE, tuple(points), CROP_PX)


def main(arguments: list[str]) -> None:
    """Write the sheet and its truth beside this file."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    pixels, truth = build_sheet(Path(arguments[0]) / "midogpp")
    write_pyramid(SHEET, pixels, MPP, QUALITY, chroma=(1, 1))
    truth.write(TRUTH)
    print(f"{SHEET.name}: {truth.width} x {truth.height} px, {len(truth.points)} mitoses")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
