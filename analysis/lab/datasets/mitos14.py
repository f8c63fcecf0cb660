"""MITOS-ATYPIA-14 frames (human breast, Hamamatsu x40): whole fields with mitoses and look-alikes labelled as points.

Slide H05 is the validation slide: `frames.load_slides` refuses it, so that no training can touch it by mistake.
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

FRAME_MPP = 0.2273
SCANNER = "Hamamatsu NanoZoomer 2.0-HT"
TRAINING_SLIDES = ("H03", "H04", "H07", "H14", "H15")
VALIDATION_SLIDE = "H05"
# Of 21 mitoses that another reader had marked on two of these glasses, ten are labelled look-alikes here and five
# mitoses: a look-alike of theirs is no sure negative.
DISPUTED_SLIDES = ("H03", "H04")


@dataclass(frozen=True)
class Frame:
    """One frame's file and its labels: float (n, 2) x, y in frame pixels at `mpp` µm/px. `painted`: boxes float (k, 4)
    x0, y0, x1, y1 in which an old label hides the cell, so that they are neither class.
    """

    path: Path
    slide: str
    mitoses: np.ndarray
    look_alikes: np.ndarray
    painted: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    mpp: float = FRAME_MPP
    scanner: str = SCANNER


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
