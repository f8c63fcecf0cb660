"""MITOS-ATYPIA-14 frames (human breast, Hamamatsu x40): whole fields with mitoses and look-alikes labelled as points.

Frames are resampled from their nominal 0.2273 µm/px to the model's 0.25 when they are loaded, as the detector does with
a slide. Slide H05 is the validation slide: `load_slides` refuses it, so that no training can touch it by mistake.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from analysis.lab.datasets import (
    EDGE_PX,
    IGNORE_OUTER_PX,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    MODEL_MPP,
    NUCLEUS,
    SPOT_OF_LABEL_PX,
    Source,
    as_points,
    nearest_distance,
    spots_of_labels,
)
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.errors import meant
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import HALF_MPP, half_scale

FRAME_MPP = 0.2273
TRAINING_SLIDES = ("H03", "H04", "H07", "H14", "H15")
VALIDATION_SLIDE = "H05"


@dataclass(frozen=True)
class Frame:
    """One frame's file and its labels: float (n, 2) x, y in frame pixels at 0.2273 µm/px."""

    path: Path
    slide: str
    mitoses: np.ndarray
    look_alikes: np.ndarray


def labelled_frames(data: Path, slides: tuple[str, ...]) -> list[Frame]:
    """Frames of the named slides in order of their names. Raises FileNotFoundError when the data folder lacks them."""
    labels: dict[str, dict[str, list]] = {}
    with labels_file(data).open(newline="") as file:
        for row in csv.DictReader(file):
            if row["slide"] in slides:
                found = labels.setdefault(row["frame"], {"mitosis": [], "non_mitosis": []})
                found[row["label"]].append((float(row["x"]), float(row["y"])))
    folder = data / "mitos14" / "frames"
    return [
        Frame(folder / name, name[:3], _as_places(points["mitosis"]), _as_places(points["non_mitosis"]))
        for name, points in sorted(labels.items())
    ]


def labels_file(data: Path) -> Path:
    return data / "mitos14" / "annotations.csv"


def _as_places(rows: list[tuple[float, float]]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 2)


def read_rgb(path: Path) -> np.ndarray:
    """An image file as uint8 (h, w, 3) RGB. Raises OSError when it is no image."""
    bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise OSError(f"{path.name} is no image that can be read")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def read_or_note(path: Path, unreadable: list[Path] | None) -> np.ndarray | None:
    """An image file as `read_rgb`, or None where it cannot be read whole and `unreadable` is there to note it in.

    A JPEG without its end marker counts as unreadable too: it would be decoded, with grey for what is missing.
    """
    if unreadable is None:
        return read_rgb(path)
    try:
        content = path.read_bytes()
        if content and (not content.startswith(b"\xff\xd8") or b"\xff\xd9" in content[-4096:]):
            return read_rgb(path)
    except OSError:
        pass
    unreadable.append(path)
    return None


def load_slides(data: Path, slides: tuple[str, ...], unreadable: list[Path] | None = None) -> list[Source]:
    """Training sources, one per slide. Images that cannot be read are added to `unreadable` and left out, or refused
    with OSError where it is not given. Raises DatasetRefused for the validation slide or an unknown one.
    """
    if wrong := fault_of_slides(slides):
        raise DatasetRefused(wrong[:1].upper() + wrong[1:])
    return [_load_slide(data, name, unreadable) for name in slides]


def fault_of_slides(slides: Sequence[str]) -> str:
    """What is wrong with the first of the slides that is none to train on, or nothing."""
    there_are = ", ".join(TRAINING_SLIDES)
    for name in slides:
        if name == VALIDATION_SLIDE:
            return f"{name} must not be trained on, it is for reporting only; the training slides are {there_are}"
        if name not in TRAINING_SLIDES:
            return f"there is no slide {name} in mitos14, but {there_are}{meant(name, TRAINING_SLIDES)}"
    return ""


def _load_slide(data: Path, name: str, unreadable: list[Path] | None) -> Source:
    scale = FRAME_MPP / MODEL_MPP
    images: list[np.ndarray] = []
    files, mitoses, spots_on, look_alikes, nuclei = [], [], [], [], []
    for frame in labelled_frames(data, (name,)):
        rgb = read_or_note(frame.path, unreadable)
        if rgb is None:
            continue
        index = len(images)
        files.append(frame.path)
        size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        images.append(rgb)
        spots = spots_of(rgb)
        mitoses += [(index, x, y) for x, y in frame.mitoses * scale]
        spots_on += [(index, x, y) for x, y in spots_of_labels(frame.mitoses * scale, spots, SPOT_OF_LABEL_PX)]
        look_alikes += [(index, x, y) for x, y in frame.look_alikes * scale]
        nuclei += [(index, x, y) for x, y in negatives_among(spots, frame.mitoses * scale, size, EDGE_PX)]
    points = {
        MITOSIS: as_points(mitoses),
        MITOSIS_SPOT: as_points(spots_on),
        LOOK_ALIKE: as_points(look_alikes),
        NUCLEUS: as_points(nuclei),
    }
    return Source(name, "frame", MODEL_MPP, images, points, files, labels=[labels_file(data)])


def spots_of(rgb: np.ndarray) -> np.ndarray:
    """Candidates of an image at 0.25 µm/px, capped as in detection: float (n, 2) in its pixels."""
    height, width = rgb.shape[:2]
    spots, darkness = darkest.dark_spots(half_scale(rgb))
    kept = darkest.pass_cap(spots * HALF_MPP, darkness, width * MODEL_MPP, height * MODEL_MPP)
    return spots[kept] * (HALF_MPP / MODEL_MPP)


def negatives_among(spots: np.ndarray, mitoses: np.ndarray, size: tuple[int, int], edge_px: float) -> np.ndarray:
    """The spots (n, 2) that are surely no mitosis: outside the ignore ring and not at the edge of the image of `size`
    (w, h).
    """
    inside = ((spots >= edge_px) & (spots <= np.array(size) - edge_px)).all(axis=1)
    return spots[inside & (nearest_distance(spots, mitoses) > IGNORE_OUTER_PX)]
