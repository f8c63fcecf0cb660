"""A small made-up data folder in the layout of the real one."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from analysis.lab.train import TrainConfig
from tests.pipeline.makers import planted_tissue

CELLS = [(80.0, 80.0), (200.0, 90.0), (120.0, 220.0), (230.0, 230.0)]
CONFIG = """
name = "micro"
slides = ["H03"]
crops = ["midog21"]
start = "random"
stages = [{ px = 32, steps = 5 }, { px = 48, steps = 3 }]
mine_at = [2]
mine_px = 32
batch = 4
warmup_steps = 2
bfloat16 = false
checkpoint_every = 1
ema = 0.0
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Two slides of one frame each, and two crops."""
    return write_data(tmp_path_factory.mktemp("data"))


def write_data(folder: Path, crops: int = 2) -> Path:
    labels = [("mitosis", *CELLS[0]), ("non_mitosis", *CELLS[1])]
    rows = []
    for slide in ("H03", "H04"):
        write(folder / "mitos14" / "frames" / f"{slide}_00Aa.jpg", planted_tissue(300, 300, CELLS))
        frame = {"frame": f"{slide}_00Aa.jpg", "slide": slide, "split": "train"}
        rows += [frame | {"x": x, "y": y, "label": label} for label, x, y in labels]
    write_rows(folder / "mitos14" / "annotations.csv", rows)
    names = [f"{number:03d}.jpg" for number in range(crops)]
    for name in names:
        write(folder / "midog21" / "patches" / name, planted_tissue(128, 128, [(64, 64), (20, 100)]))
    manifest = [{"file": name, "scanner": "Aperio CS2", "other_mitosis_offsets": ""} for name in names]
    write_rows(folder / "midog21" / "manifest.csv", manifest)
    return folder


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 98])


def write_rows(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def config_file(tmp_path) -> Path:
    path = tmp_path / "micro.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def config(config_file) -> TrainConfig:
    return TrainConfig.from_toml(config_file)
