"""The common record that every reader of a detector's output makes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from analysis.pipeline.detection_files.class_names import LOOK_ALIKE, MITOSIS, OTHER, kind_of
from analysis.pipeline.errors import PipelineRefused

PX, UM, MM = "px", "um", "mm"  # what places are told in; px: pixels of level 0
MOST_PLACES = 50_000


class DetectionsRefused(PipelineRefused):
    """A file of detections that cannot be used."""

    code = "detections"


@dataclass(frozen=True)
class Place:
    """x, y: in the unit of its file, from the image's top left corner. probability: 0 to 1, None where it is not told.
    mitosis: whether the detector calls it one, None where the file leaves that to the probability.
    """

    x: float
    y: float
    probability: float | None = None
    mitosis: bool | None = None


@dataclass(frozen=True)
class DetectionFile:
    """What a file says. format: for people. threshold: from which its detector calls. width, height, mpp_x, mpp_y: of
    the image as the file has it. power: the magnification that its pixels are of. notes: sentences for people.
    """

    format: str
    places: tuple[Place, ...]
    unit: str = PX
    threshold: float | None = None
    width: int | None = None
    height: int | None = None
    mpp_x: float | None = None
    mpp_y: float | None = None
    power: float | None = None
    detector: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Classes:
    """Sorts places by their class names, and counts those that are of other classes."""

    left_out: dict[str, int] = field(default_factory=dict)

    def call_of(self, name: str) -> tuple[bool, bool | None]:
        """(whether it belongs here, the call): no name leaves the call open."""
        kind = kind_of(name) if name.strip() else None
        if kind == OTHER:
            self.left_out[name[:40]] = self.left_out.get(name[:40], 0) + 1
            return False, None
        return True, {MITOSIS: True, LOOK_ALIKE: False}[kind] if kind else None

    def notes(self, found: int) -> tuple[str, ...]:
        """What was left out, in words. Refused where nothing is left."""
        if not self.left_out:
            return ()
        count = number_of_places(sum(self.left_out.values()))
        names = ", ".join(sorted(self.left_out)[:5])
        if not found:
            raise DetectionsRefused(
                f"Nothing in it is of a class called mitosis or mitotic figure: {count}, of {names}."
            )
        return (f"Left out as of other classes: {count}, of {names}.",)


def number_of_places(count: int) -> str:
    return f"{count:,} {'place' if count == 1 else 'places'}"


def number_in(value: object, what: str, where: str) -> float:
    """A finite number of a JSON document. Raises DetectionsRefused."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise DetectionsRefused(f"{where}: {what} is {str(value)[:40]!r}, which is no number.")


def probability_in(value: object, where: str) -> float | None:
    """0 to 1, None where it is not told. Raises DetectionsRefused."""
    if value is None:
        return None
    number = number_in(value, "the probability", where)
    if not 0 <= number <= 1:
        raise DetectionsRefused(f"{where}: the probability is {number:g}; it lies between 0 and 1.")
    return number


def objects_in(items: object, where: str) -> list[dict]:
    """The objects of a JSON list. Raises DetectionsRefused where it holds anything else, or too much."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DetectionsRefused(f"{where} is no list of objects.")
    refuse_too_many(len(items))
    return items


def refuse_too_many(count: int) -> None:
    if count > MOST_PLACES:
        raise DetectionsRefused(
            f"It holds {count:,} places; at most {MOST_PLACES:,} can be reviewed. Leave out those far below the "
            "detector's threshold."
        )


def positive_or_none(value: object) -> float | None:
    """A positive finite number; None for all else: a file need not say it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e9 else None  # type: ignore[arg-type, operator]


def middle_of(corners: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Of the box around the corners."""
    xs, ys = zip(*corners, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
