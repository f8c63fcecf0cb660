"""Scripted readers with a known error rate: what they are shown, what they say, and the data set that becomes of it.

A reader is shown the surest detections of every field, so many per mm², and judges each. A mitosis among none of them
is added by whoever does not miss it, and is then judged by the others as every added figure is. Truth are the labels of
the data folder.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from analysis.lab import matching
from analysis.lab.datasets import nearest_distance
from analysis.lab.datasets.frames import glass_of
from analysis.lab.datasets.mitos14 import Frame
from analysis.lab.evaluate import FrameScores
from analysis.lab.evaluate.frames import TUMOUR
from analysis.lab.learning.cutting import cut_patch
from analysis.lab.learning.data_set_folder import (
    FILE,
    DataSetFolder,
    LeftOut,
    PatchRow,
    patch_file,
    read_data_set,
    write_data_set,
    write_patch,
)
from benchmarks.bench_learning_sides import hashed
from slides.wsi.reader import open_slide


@dataclass(frozen=True)
class Reader:
    """flips: the chance of the wrong answer; misses: of not adding a mitosis that nothing shows."""

    name: str
    flips: float
    misses: float


READERS = (Reader("careful", 0.03, 0.2), Reader("usual", 0.08, 0.4), Reader("hasty", 0.15, 0.6))


@dataclass(frozen=True)
class Place:
    """A place of a frame, in the frame's own pixels. `shown`: as a detection; else a reader must find it."""

    frame: str
    x_px: float
    y_px: float
    is_mitosis: bool
    shown: bool


@dataclass(frozen=True)
class Judged:
    """A place and what readers say of it: by their names, whether it is a mitosis."""

    place: Place
    says: dict[str, bool]

    @property
    def wrong(self) -> int:
        return sum(says != self.place.is_mitosis for says in self.says.values())

    @property
    def label(self) -> tuple[float, bool]:
        return label_of(sum(self.says.values()), len(self.says))

    def as_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict) -> "Judged":
        return cls(Place(**raw["place"]), raw["says"])


def places_to_judge(frame: Frame, found: FrameScores, shown_per_mm2: float) -> list[Place]:
    """The surest detections of a frame, surest first, then its mitoses among none of them. Detections near a mitosis
    that another one is taken for are neither class and nobody is asked for them.
    """
    most = int(np.ceil(shown_per_mm2 * found.area_mm2))
    surest = np.argsort(-found.margins, kind="stable")[:most]
    shown = np.zeros(len(found.points), bool)
    shown[surest] = True
    taken = matching.match_greedily(found.near, shown)
    is_near = nearest_distance(found.points, found.mitoses) <= matching.RADIUS_UM
    name = frame.path.name
    asked = [at for at in surest if at in taken or not is_near[at]]
    places = [Place(name, *_px(found.points[at], frame), bool(at in taken), True) for at in asked]
    return places + [Place(name, *_px(place, frame), True, False) for place in found.mitoses[taken < 0]]


def _px(place_um: np.ndarray, frame: Frame) -> tuple[float, float]:
    x_px, y_px = (place_um / frame.mpp).round(2).tolist()
    return x_px, y_px


def judge(
    places: Sequence[Place], readers: Sequence[Reader], rng: np.random.Generator, turned: float = 0.0
) -> list[Judged]:
    """What all readers say of places. Of a share `turned` of them every answer is the opposite of what it would be.
    Mitoses that all of them miss are left out.
    """
    found = []
    for place in places:
        flips, misses, is_turned = rng.random(len(readers)), rng.random(len(readers)), rng.random() < turned
        if not place.shown and all(chance < reader.misses for chance, reader in zip(misses, readers, strict=True)):
            continue
        said = {
            reader.name: bool(place.is_mitosis ^ (chance < reader.flips) ^ is_turned)
            for chance, reader in zip(flips, readers, strict=True)
        }
        found.append(Judged(place, said))
    return found


def judge_in_turn(places: Sequence[Place], readers: Sequence[Reader], rng: np.random.Generator) -> list[Judged]:
    """One answer for each place, the readers in turn."""
    return [
        judged
        for number, place in enumerate(places)
        for judged in judge([place], [readers[number % len(readers)]], rng)
    ]


def take_turns(lists: Sequence[Sequence[Place]]) -> list[Place]:
    """One of each list after the other, as long as it has any."""
    return [place for together in zip_longest(*lists) for place in together if place is not None]


def label_of(mitoses: int, readers: int) -> tuple[float, bool]:
    """The label of a place and whether it is settled, by the product's rule (`analysis.services.learning.places`)."""
    settled = 2 * mitoses != readers if readers > 2 else readers == 2 and mitoses in (0, 2)
    return (float(2 * mitoses > readers) if settled else (mitoses + 1) / (readers + 2)), settled


def write_verdicts(folder: Path, name: str, judged: Sequence[Judged], frames: Sequence[Frame]) -> DataSetFolder:
    """The data set of what readers said, patches cut as the product cuts them; read where it is written already."""
    if (folder / FILE).is_file():
        return read_data_set(folder)
    rows: list[PatchRow] = []
    outside = 0
    for frame in frames:
        own = [each for each in judged if each.place.frame == frame.path.name]
        with open_slide(frame.path) as reader:
            for each in own:
                patch = cut_patch(reader, each.place.x_px, each.place.y_px, frame.mpp, frame.mpp)
                if patch is None:
                    outside += 1
                    continue
                rows.append(_row_of(each, frame, len(rows) + 1))
                write_patch(folder, rows[-1].file, patch)
    return write_data_set(folder, name, name, rows, [LeftOut("not on the slide", outside)] if outside else [])


def _row_of(judged: Judged, frame: Frame, number: int) -> PatchRow:
    place, (label, settled) = judged.place, judged.label
    return PatchRow(
        file=patch_file(number),
        label=label,
        settled=settled,
        weight=1.0,
        case=hashed(glass_of(frame.slide)),
        slide=hashed(frame.slide),
        scanner=frame.scanner,
        tumour=TUMOUR,
        x_l0=place.x_px,
        y_l0=place.y_px,
        purpose="correct",
        verdicts=tuple(f"{place.frame} {place.x_px:g} {place.y_px:g} {name}" for name in sorted(judged.says)),
        added=not place.shown,
        readers=len(judged.says),
    )
