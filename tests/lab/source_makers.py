"""Small made-up folders in the layout of the further data sets: another scanner's frames, crops by case, tissue."""

from pathlib import Path

import numpy as np

from tests.lab.train.conftest import write, write_rows
from tests.pipeline.makers import planted_tissue

FRAME_PX = 300
CELLS = [(80.0, 80.0), (200.0, 90.0), (120.0, 220.0), (230.0, 230.0)]


def write_aperio(folder: Path, slides: tuple[str, ...] = ("A00", "A04")) -> Path:
    """One frame a slide in the layout of mitos12a: the first cell a mitosis, the last one hidden by paint."""
    rows = []
    for slide in slides:
        name = f"{slide}_01.jpg"
        write(folder / "mitos12a" / "images" / name, planted_tissue(FRAME_PX, FRAME_PX, CELLS))
        for label, (x, y) in (("mitosis", CELLS[0]), ("painted", CELLS[-1])):
            box = {"x0": x - 12, "y0": y - 12, "x1": x + 12, "y1": y + 12}
            rows.append({"image": name, "x": x, "y": y, "label": label} | box)
    write_rows(folder / "mitos12a" / "annotations.csv", rows)
    return folder


def write_tupac(folder: Path, cases: dict[str, int], padded: int = 0) -> Path:
    """So many crops a case in the layout of tupac16_crops; the first `padded` of them end in black to the left."""
    names = [(case, f"TUPAC16_{case}_{number}.jpg") for case, count in cases.items() for number in range(count)]
    for number, (_, name) in enumerate(names):
        crop = planted_tissue(128, 128, [(64, 64), (20, 100), (104, 24)])
        if number < padded:
            crop[:, :37] = 0
        write(folder / "tupac16_crops" / "images" / name, crop)
    rows = [
        {"image": name, "slide": f"TUPAC16-{case}", "hospital": "U", "other_mitosis_offsets": "104:24"}
        for case, name in names
    ]
    write_rows(folder / "tupac16_crops" / "annotations.csv", rows)
    return folder


def write_tissue(folder: Path, patients: tuple[str, ...]) -> Path:
    """One tile a patient in the layout of monuseg."""
    for number, patient in enumerate(patients):
        cells = [(float(x), float(y)) for x in range(50, 260, 60) for y in range(50 + number, 260, 60)]
        write(folder / "monuseg" / "images" / f"{patient}-01.jpg", planted_tissue(FRAME_PX, FRAME_PX, cells))
    rows = [{"image": f"{patient}-01.jpg", "slide": patient, "mpp": 0.25, "nuclei": 16} for patient in patients]
    write_rows(folder / "monuseg" / "frames.csv", rows)
    return folder


def is_black(rgb: np.ndarray) -> bool:
    """Whether any row or column of an image is padding."""
    return min(rgb.mean(axis=(0, 2)).min(), rgb.mean(axis=(1, 2)).min()) < 30
