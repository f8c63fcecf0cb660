"""Whole labelled frames of any data set, by the name of their slide: `H03` of mitos14, `A00` of mitos12a.

Frames are resampled to the model's 0.25 µm/px when they are loaded, as the detector does with a slide.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from analysis.lab.datasets import (
    EDGE_PX,
    FRAME,
    IGNORE_OUTER_PX,
    LOOK_ALIKE,
    MITOSIS,
    MITOSIS_SPOT,
    MODEL_MPP,
    NUCLEUS,
    OTHER_MITOSIS,
    SPOT_OF_LABEL_PX,
    Source,
    as_points,
    mitos12a,
    mitos14,
    nearest_distance,
    spots_of_labels,
)
from analysis.lab.datasets.mitos14 import VALIDATION_SLIDE, Frame, read_or_note, read_rgb
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.errors import meant
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import HALF_MPP, half_scale


@dataclass(frozen=True)
class FrameSet:
    """A data set of whole frames: its scanner and training slides, how its frames are found, the file of their labels,
    and the tumour.
    """

    name: str
    scanner: str
    slides: tuple[str, ...]
    labelled_frames: Callable[[Path, tuple[str, ...]], list[Frame]]
    labels_file: Callable[[Path], Path]
    validation: tuple[str, ...] = ()
    tumour: str = "breast"


FRAME_SETS = (
    FrameSet(
        *("mitos14", mitos14.SCANNER, mitos14.TRAINING_SLIDES, mitos14.labelled_frames, mitos14.labels_file),
        validation=(VALIDATION_SLIDE,),
    ),
    FrameSet(
        *(mitos12a.FOLDER, mitos12a.SCANNER, mitos12a.TRAINING_SLIDES, mitos12a.labelled_frames, mitos12a.labels_file)
    ),
)
TRAINING_SLIDES = tuple(slide for each in FRAME_SETS for slide in each.slides)
# Two scans of one glass are one patient: they stand on the same side of every split.
SAME_GLASS = mitos12a.SAME_GLASS


def glass_of(slide: str) -> str:
    """The glass that a slide is a scan of: its own name, or that of the other scan."""
    return SAME_GLASS.get(slide, slide)


def scans_of(slides: Iterable[str]) -> set[str]:
    """The slides and all others of the same glasses."""
    glasses = {glass_of(slide) for slide in slides}
    return glasses | {slide for slide in SAME_GLASS if glass_of(slide) in glasses}


def of_other_glasses(slides: Iterable[str], left_out: str) -> list[str]:
    """Those of the slides that are scans of other glasses than a slide that is left out."""
    same = scans_of((left_out,))
    return [slide for slide in slides if slide not in same]


def labelled_frames(data: Path, slides: Sequence[str]) -> list[Frame]:
    """Frames of the named slides, in order of data set and name; also of the validation slide, for reports.

    Raises FileNotFoundError when the data folder lacks them.
    """
    found = []
    for each in FRAME_SETS:
        if own := tuple(slide for slide in slides if slide in (*each.slides, *each.validation)):
            found += each.labelled_frames(data, own)
    return found


def labels_of(data: Path, slides: Sequence[str]) -> list[Path]:
    """The files that the labels of these slides stand in."""
    return [each.labels_file(data) for each in FRAME_SETS if set(slides) & {*each.slides, *each.validation}]


def load_slides(data: Path, slides: Sequence[str], unreadable: list[Path] | None = None) -> list[Source]:
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
            return f"there is no slide {name}, but {there_are}{meant(name, TRAINING_SLIDES)}"
    return ""


def read_at_model_mpp(frame: Frame) -> np.ndarray:
    """A frame's pixels at 0.25 µm/px: uint8 (h, w, 3). Raises OSError where it cannot be read."""
    return _resampled(read_rgb(frame.path), frame.mpp)


def _resampled(rgb: np.ndarray, mpp: float) -> np.ndarray:
    size = tuple(round(side * mpp / MODEL_MPP) for side in rgb.shape[1::-1])
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _load_slide(data: Path, name: str, unreadable: list[Path] | None) -> Source:
    images: list[np.ndarray] = []
    rows: dict[str, list] = {group: [] for group in (MITOSIS, MITOSIS_SPOT, LOOK_ALIKE, NUCLEUS, OTHER_MITOSIS)}
    files = []
    for frame in labelled_frames(data, (name,)):
        rgb = read_or_note(frame.path, unreadable)
        if rgb is None:
            continue
        files.append(frame.path)
        images.append(_resampled(rgb, frame.mpp))
        for group, places in _places_of(frame, images[-1]).items():
            rows[group] += [(len(images) - 1, x, y) for x, y in places]
    points = {group: as_points(found) for group, found in rows.items()}
    weight = mitos12a.WEIGHTS.get(name, 1.0)
    return Source(name, FRAME, MODEL_MPP, images, points, files, labels=labels_of(data, (name,)), weight=weight)


def _places_of(frame: Frame, rgb: np.ndarray) -> dict[str, np.ndarray]:
    """The groups' places in a frame that was resampled: float (n, 2) each."""
    scale, spots = frame.mpp / MODEL_MPP, spots_of(rgb)
    mitoses, paint = frame.mitoses * scale, (frame.painted[:, :2] + frame.painted[:, 2:]) / 2 * scale
    nuclei = negatives_among(spots, mitoses, rgb.shape[1::-1], EDGE_PX)
    return {
        MITOSIS: mitoses,
        MITOSIS_SPOT: spots_of_labels(mitoses, spots, SPOT_OF_LABEL_PX),
        LOOK_ALIKE: frame.look_alikes * scale,
        NUCLEUS: nuclei[nearest_distance(nuclei, paint) > mitos12a.PAINT_CLEAR_PX],
        OTHER_MITOSIS: paint,
    }


def spots_of(rgb: np.ndarray) -> np.ndarray:
    """Candidates of an image at 0.25 µm/px, capped as in detection: float (n, 2) in its pixels."""
    height, width = rgb.shape[:2]
    spots, darkness = darkest.dark_spots(half_scale(rgb))
    kept = darkest.pass_cap(spots * HALF_MPP, darkness, width * MODEL_MPP, height * MODEL_MPP)
    return spots[kept] * (HALF_MPP / MODEL_MPP)


def negatives_among(spots: np.ndarray, mitoses: np.ndarray, size: Sequence[int], edge_px: float) -> np.ndarray:
    """The spots (n, 2) that are surely no mitosis: outside the ignore ring and not at the edge of the image of `size`
    (w, h).
    """
    inside = ((spots >= edge_px) & (spots <= np.array(size) - edge_px)).all(axis=1)
    return spots[inside & (nearest_distance(spots, mitoses) > IGNORE_OUTER_PX)]
