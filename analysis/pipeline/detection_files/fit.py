"""Lays what a file says on one slide: pixels of level 0, the detector's calls, and all that looks wrong with it."""

from dataclasses import dataclass

import numpy as np

from analysis.pipeline.detection_files.places import (
    MM,
    PX,
    UM,
    DetectionFile,
    DetectionsRefused,
    Place,
    number_of_places,
)

UNITS = {PX: "pixels", UM: "µm", MM: "mm"}
MOST_OUTSIDE = 0.1  # a larger share outside the slide is no slip: another slide, another unit, another scale
CLOSE_UM = 7.5  # nearer than this two detections are most often of one mitosis
FEWEST_TO_JUDGE = 5  # of fewer places nothing can be said by where they lie
CORNER = 0.26  # places that all lie within this part of both sides were probably found at a coarser level
USUAL_THRESHOLD = 0.5
SAME_MPP = 0.02


@dataclass(frozen=True)
class Frame:
    """A slide: level-0 px, µm per px. objective: its power. origin_l0: the corner that QuPath counts from."""

    width: int
    height: int
    mpp_x: float
    mpp_y: float
    objective: float | None = None
    origin_l0: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Laid:
    """A detection on the slide, as a tile's are."""

    x_l0: float
    y_l0: float
    probability: float
    mitosis: bool


@dataclass(frozen=True)
class Fitted:
    """detections: by y, then x. has_probabilities: whether the file tells any; else 1 and 0 stand for its calls.
    outside, twice: how many were left out. notes: all that a person should know, in sentences.
    """

    detections: tuple[Laid, ...]
    threshold: float
    has_probabilities: bool
    read: int
    outside: int
    twice: int
    notes: tuple[str, ...]


def fit_to_slide(file: DetectionFile, frame: Frame, threshold: float | None = None) -> Fitted:
    """threshold: from which a place is called that the file does not call itself; None: as the file says, else 0.5.

    Raises DetectionsRefused where the file is of another image, or of another scale.
    """
    _refuse_another_image(file, frame)
    threshold = _choose_threshold(file, threshold)
    places_l0 = _in_pixels(file, frame)
    inside = _lie_inside(places_l0, frame)
    outside = int((~inside).sum())
    if outside > MOST_OUTSIDE * len(inside):
        raise DetectionsRefused(_say_outside(file, frame, outside))
    laid = [
        _lay(x_l0, y_l0, place, threshold)
        for place, (x_l0, y_l0) in zip(np.array(file.places, object)[inside], places_l0[inside].tolist(), strict=True)
    ]
    kept: dict[tuple[float, float], Laid] = {}
    for each in sorted(laid, key=lambda each: each.probability):
        kept[each.x_l0, each.y_l0] = each  # the higher probability comes last
    found = tuple(sorted(kept.values(), key=lambda each: (each.y_l0, each.x_l0)))
    twice = len(laid) - len(kept)
    has_probabilities = any(place.probability is not None for place in file.places)
    notes = (*file.notes, *_note_doubts(file, frame, found, outside, twice, has_probabilities))
    return Fitted(found, threshold, has_probabilities, len(file.places), outside, twice, notes)


def _refuse_another_image(file: DetectionFile, frame: Frame) -> None:
    told = (file.width, file.height)
    if None not in told and told != (frame.width, frame.height):
        raise DetectionsRefused(
            f"The file is of an image of {file.width:,} x {file.height:,} pixels; this slide has {frame.width:,} x "
            f"{frame.height:,}."
        )


def _choose_threshold(file: DetectionFile, given: float | None) -> float:
    """Given, told, or the lowest probability that the file calls, where that parts its calls from the others."""
    if given is not None or file.threshold is not None:
        return given if given is not None else file.threshold  # type: ignore[return-value]
    called = [place.probability for place in file.places if place.mitosis and place.probability is not None]
    others = [p.probability for p in file.places if p.mitosis is False and p.probability is not None]
    return min(called) if called and min(called) > max(others, default=0.0) else USUAL_THRESHOLD


def _in_pixels(file: DetectionFile, frame: Frame) -> np.ndarray:
    """float64 (n, 2)."""
    places = np.array([(place.x, place.y) for place in file.places], float).reshape(-1, 2)
    return places * _scale_of(file, frame, file.unit)


def _scale_of(file: DetectionFile, frame: Frame, unit: str) -> np.ndarray:
    if unit == PX:
        # HoVer-Net counts in pixels of the power it worked at.
        other_power = file.power and frame.objective and file.power != frame.objective
        return np.full(2, frame.objective / file.power if other_power else 1.0)  # type: ignore[operator]
    return {UM: 1.0, MM: 1000.0}[unit] / np.array([frame.mpp_x, frame.mpp_y])


def _lie_inside(places_l0: np.ndarray, frame: Frame) -> np.ndarray:
    return np.all((places_l0 >= 0) & (places_l0 < [frame.width, frame.height]), axis=1)


def _say_outside(file: DetectionFile, frame: Frame, outside: int) -> str:
    """The sentence, with what would fit instead."""
    told = np.array([(place.x, place.y) for place in file.places], float)
    ways = {f"in {UNITS[unit]}": told * _scale_of(file, frame, unit) for unit in UNITS if unit != file.unit}
    ways |= {"with x and y changed over": _in_pixels(file, frame)[:, ::-1]}
    fits = [way for way, places in ways.items() if _lie_inside(places, frame).all() and not _is_corner(places, frame)]
    hint = f" They would fit {' or '.join(fits)}." if fits else " Perhaps it is of another slide."
    where = f"{outside:,} of {number_of_places(len(told))}, read in {UNITS[file.unit]}"
    return f"Outside the slide of {frame.width:,} × {frame.height:,} px: {where}.{hint}"


def _is_corner(places_l0: np.ndarray, frame: Frame) -> bool:
    """Whether all lie in the top left part, as places told in a coarser frame do."""
    sides = np.array([frame.width, frame.height]) * CORNER
    return len(places_l0) >= FEWEST_TO_JUDGE and bool(np.all(places_l0 < sides))


def _lay(x_l0: float, y_l0: float, place: Place, threshold: float) -> Laid:
    probability = place.probability
    call = place.mitosis if place.mitosis is not None else probability is None or probability >= threshold
    return Laid(x_l0, y_l0, float(call) if probability is None else probability, call)


def _note_doubts(
    file: DetectionFile, frame: Frame, found: tuple[Laid, ...], outside: int, twice: int, has_probabilities: bool
) -> list[str]:
    from scipy.spatial import cKDTree  # with the first import, not with each start of a process

    places_l0 = np.array([(each.x_l0, each.y_l0) for each in found], float).reshape(-1, 2)
    notes = []
    if outside:
        notes.append(f"Left out as outside the slide: {number_of_places(outside)}.")
    if twice:
        notes.append(f"Left out as exactly at another one's place: {number_of_places(twice)}.")
    scale = np.array([frame.mpp_x, frame.mpp_y])
    if close := len(cKDTree(places_l0 * scale).query_pairs(CLOSE_UM)) if len(found) else 0:
        notes.append(f"Pairs closer than {CLOSE_UM} µm, perhaps the same mitosis twice: {close:,}.")
    if _is_corner(places_l0, frame):
        notes.append("All lie in the top left quarter of both sides: they may be of a coarser level of the slide.")
    if file.mpp_x and file.mpp_y:
        told = np.array([file.mpp_x, file.mpp_y])
        if np.any(np.abs(told / scale - 1) > SAME_MPP):
            in_file, on_slide = (" by ".join(f"{mpp:.4g}" for mpp in pair) for pair in (told, scale))
            notes.append(f"The file has {in_file} µm/px, the slide {on_slide}.")
    if file.power and frame.objective and file.power != frame.objective:
        notes.append(f"Found at {file.power:g}x; the slide has {frame.objective:g}x, and the places were scaled.")
    if file.format == "GeoJSON" and frame.origin_l0 != (0, 0):
        x, y = frame.origin_l0
        notes.append(f"Taken in pixels of the whole slide; QuPath counts from ({x}, {y}) of it.")
    if found and not has_probabilities:
        notes.append("The file tells no probabilities: 1 stands for what it calls a mitosis, 0 for the rest.")
    return notes
