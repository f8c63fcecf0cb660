"""Which slides stand on which side, so that no glass is on two; and what the sides become: folders of data, a locked
set. Slide H05 is on none.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from analysis.lab.datasets import MODEL_MPP, crops, mitos14
from analysis.lab.datasets.frames import fault_of_slides, glass_of, labelled_frames, read_at_model_mpp
from analysis.lab.datasets.mitos14 import Frame
from analysis.lab.errors import SplitRefused
from analysis.lab.evaluate.frames import TUMOUR
from analysis.lab.gate.locked_set_folder import LockedFrame, LockedSet, write_locked_set
from analysis.lab.reproduce.quick import link_images, read_csv

# Fields of the base's slide that it is not trained on: they tell its threshold and calibration.
TOLD_FIELDS = ("H03_04", "H03_05")
# Of the crops those of the maker whose slides the base knows, so that nothing of Aperio is in it.
BASE_MAKER = "Hamamatsu"
# So far from a mitosis a frame is cut: four times the radius of matching.
CLEAR_PX = 120
NONE = np.zeros((0, 2))


@dataclass(frozen=True)
class Sides:
    """Slides by what they are for. `rounds`: what readers review, round by round. Raises SplitRefused where a glass is
    on two sides, or a slide is none to learn from.
    """

    base: tuple[str, ...]
    rounds: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    locked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        reviewed = tuple(slide for of_round in self.rounds for slide in of_round)
        sides = {"base": self.base, "reviewed": reviewed, "left_out": self.left_out, "locked": self.locked}
        seen: dict[str, str] = {}
        for side, slides in sides.items():
            if wrong := fault_of_slides(slides):
                raise SplitRefused(f"{side}: {wrong}")
            for slide in slides:
                other = seen.setdefault(glass_of(slide), side)
                if other != side:
                    raise SplitRefused(f"{slide} is {side}, and its glass is {other} already.")


# Every side but the base's holds slides of both scanners; H04 and A04 are two scans of one glass.
LOOP = Sides(("H03",), (("H07", "A01"), ("H15",), ("A00",)), left_out=("H04", "A04"), locked=("H14", "A02"))
CURVE = Sides(("H03",), (("A00", "A01"),), left_out=("A02", "A04"))


def hashed(name: str) -> str:
    """A name as data sets and locked sets hold it: hexadecimal, the same for the same."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def frames_of(data: Path, slides: Sequence[str], most: int = 0) -> list[Frame]:
    """All frames of slides in order, or of each the `most` that hold most mitoses."""
    found = []
    for slide in slides:
        found += richest(labelled_frames(data, (slide,)), most)
    return found


def richest(frames: Sequence[Frame], most: int = 0) -> list[Frame]:
    """The `most` frames that hold most mitoses, by name; all of them for 0."""
    chosen = sorted(frames, key=lambda frame: (-len(frame.mitoses), frame.path.name))[: most or None]
    return sorted(chosen, key=lambda frame: frame.path.name)


def told_frames(data: Path, slides: Sequence[str], most: int = 0) -> list[Frame]:
    """Of the base's slides those that tell its threshold."""
    return richest([frame for frame in frames_of(data, slides) if is_told(frame)], most)


def is_told(frame: Frame) -> bool:
    return frame.path.name.startswith(TOLD_FIELDS)


def make_base_data(data: Path, folder: Path, slides: Sequence[str], frames: int = 0, crops_at_most: int = 0) -> Path:
    """A data folder that holds what the base is trained on, and nothing else: links and tables. Returns it."""
    trained = richest([frame for frame in frames_of(data, slides) if not is_told(frame)], frames)
    names, table = {frame.path.name for frame in trained}, mitos14.labels_file(data)
    link_images(data, folder, table, "frames", "frame", [row for row in read_csv(table) if row["frame"] in names])
    layout, table = crops.LAYOUTS[crops.MIDOG21], crops.labels_file(data, crops.MIDOG21)
    rows = [row for row in read_csv(table) if crops.known_scanner(row[layout.source]).startswith(BASE_MAKER)]
    rows = rows[:: max(1, len(rows) // crops_at_most) if crops_at_most else 1]
    link_images(data, folder, table, layout.images, layout.column, rows)
    return folder


def make_locked_set(data: Path, root: Path, slides: Sequence[str], most: int = 0) -> LockedSet:
    """The locked set of slides. Each frame becomes two pieces, since every frame of these data holds a mitosis, and
    the gate asks for tissue without any.
    """
    return write_locked_set(root, _pieces_of(frames_of(data, slides, most)))


def _pieces_of(frames: Sequence[Frame]) -> Iterator[tuple[LockedFrame, np.ndarray]]:
    for frame in frames:
        rgb = read_at_model_mpp(frame)
        labels = [places * frame.mpp / MODEL_MPP for places in (frame.mitoses, frame.look_alikes)]
        height, width = rgb.shape[:2]
        for left, right in pairwise((0, clear_cut(labels[0][:, 0], width), width)):
            mitoses, others = (places[(places[:, 0] >= left) & (places[:, 0] < right)] - (left, 0) for places in labels)
            area_mm2 = (right - left) * height * MODEL_MPP**2 * 1e-6
            names = hashed(glass_of(frame.slide)), hashed(frame.slide), frame.scanner, TUMOUR
            yield LockedFrame(*names, mitoses, others, NONE, area_mm2), np.ascontiguousarray(rgb[:, left:right])


def clear_cut(places_px: np.ndarray, side_px: int) -> int:
    """Where a side is cut: as near to its middle as is clear of all places (n,), else as far from them as can be."""
    cuts = np.arange(side_px // 3, side_px - side_px // 3)
    if not len(places_px):
        return side_px // 2
    distance = np.abs(cuts[:, None] - places_px).min(axis=1)
    clear = cuts[distance >= min(CLEAR_PX, distance.max())]
    return int(clear[np.abs(clear - side_px / 2).argmin()])
