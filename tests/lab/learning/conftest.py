"""A small data set folder, cut from the demo's teaching sheet: its figures, and nuclei beside them that are none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from analysis.lab.datasets.crops import spots_of_crop
from analysis.lab.learning.data_set_folder import (
    PATCH_PX,
    DataSetFolder,
    PatchRow,
    patch_file,
    write_data_set,
    write_patch,
)
from analysis.lab.learning.recipe import DrawShares, Recipe
from analysis.pipeline.cards.store import Model, find_model, load_model
from slides.demo.teaching_sheet import COLUMNS, CROP_PX, GAP_PX, SHEET

FIGURES, CASES = 8, 4
TINY = Recipe(
    name="tiny",
    about="For tests.",
    start="base",
    steps=2,
    lr=6e-5,
    batch=4,
    warmup_steps=1,
    ema=0.0,
    bfloat16=False,
    held_out=0.3,
    validate_every=2,
    checkpoint_every=1,
    least_places=2,
    shares=DrawShares(case_at_most=1.0),
)


def sheet_crop(number: int) -> np.ndarray:
    """A figure of the teaching sheet with 160 px about it: uint8 (160, 160, 3) RGB."""
    sheet = cv2.cvtColor(cv2.imread(str(SHEET)), cv2.COLOR_BGR2RGB)
    y, x = (GAP_PX + part * (CROP_PX + GAP_PX) for part in divmod(number, COLUMNS))
    crop = sheet[y : y + CROP_PX, x : x + CROP_PX]
    edge = (PATCH_PX - CROP_PX) // 2
    return cv2.copyMakeBorder(crop, edge, edge, edge, edge, cv2.BORDER_REFLECT_101)


def place_beside(crop: np.ndarray) -> np.ndarray:
    """The same about the dark nucleus farthest from the middle."""
    spots = spots_of_crop(crop)
    away = spots[np.abs(spots - PATCH_PX / 2).max(axis=1).argmax()]
    shift = (away - PATCH_PX / 2).round().astype(int)
    return np.ascontiguousarray(np.roll(crop, tuple(-shift[::-1]), axis=(0, 1)))


def make_row(number: int, label: float, case: str, slide: str = "", **values) -> PatchRow:
    plain = {
        "file": patch_file(number), "label": label, "settled": label in (0, 1), "weight": 1.0,
        "case": case, "slide": slide or case, "scanner": "Aperio CS2", "tumour": "breast",
        "x_l0": float(number), "y_l0": 1.0, "purpose": "correct", "verdicts": (str(number),), "added": False,
        "readers": 1,
    }  # fmt: skip
    return PatchRow(**plain | values)


def case_hash(number: int) -> str:
    return f"{number:02d}" * 8


@pytest.fixture(scope="session")
def data_set(tmp_path_factory) -> DataSetFolder:
    """Eight figures and as many nuclei of four cases, some labels soft; two scanners."""
    folder, rows = tmp_path_factory.mktemp("data_set"), []
    for number in range(FIGURES):
        crop, case = sheet_crop(number), case_hash(number % CASES)
        scanner = "Hamamatsu XR" if number % 3 else "Aperio CS2"
        soft = number % 6 == 5
        for label, rgb in ((2 / 3 if soft else 1.0, crop), (1 / 3 if soft else 0.0, place_beside(crop))):
            row = make_row(len(rows) + 1, label, case, scanner=scanner, verdicts=(f"{len(rows)}",))
            write_patch(folder, row.file, rgb)
            rows.append(row)
    return write_data_set(folder, "set-1", "the sheet", rows)


@pytest.fixture(scope="session")
def base() -> Model:
    """The shipped version."""
    return load_model(find_model("hybrid-0.5"))


@pytest.fixture
def recipe() -> Recipe:
    return TINY


@pytest.fixture
def with_rows(tmp_path) -> Callable[[list[PatchRow]], DataSetFolder]:
    """A folder with other rows, each a plain picture."""

    def write(rows: list[PatchRow]) -> DataSetFolder:
        folder: Path = tmp_path / "other"
        for row in rows:
            write_patch(folder, row.file, np.full((PATCH_PX, PATCH_PX, 3), 200, np.uint8))
        return write_data_set(folder, "set-2", "other", rows)

    return write


def soft(row: PatchRow, label: float) -> PatchRow:
    return replace(row, label=label, settled=False)
