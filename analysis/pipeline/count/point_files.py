"""Points to be counted, from a file: what `mitosis detect` writes, or a pixel size and a list of points."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from analysis.pipeline.detection_files.places import DetectionsRefused, number_in

KINDS = "a file of mitosis detect, or JSON with mpp_x, mpp_y and points: [[x_l0, y_l0], …]"
MOST_POINTS = 1_000_000
LARGEST_MPP = 1000.0  # µm per pixel; no slide has such, and no area is worked out of more
LARGEST_PX = 1e9

Read = TypeVar("Read")


@dataclass(frozen=True)
class PointFile:
    """points_l0 (n, 2), level-0 px: figures, or what a detector called mitosis. mpp_x, mpp_y: None where the file has
    no pixel size. width, height: of the slide, None where it does not say. are_calls: nobody has judged them. grade,
    reasons: of the slide check. doubts: codes of what the slide's file says against itself. tumour, meant_for: what
    the slide is of, and what the model was made for.
    """

    points_l0: np.ndarray
    mpp_x: float | None
    mpp_y: float | None
    width: float | None = None
    height: float | None = None
    are_calls: bool = False
    grade: str | None = None
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    tumour: str = ""
    meant_for: tuple[str, ...] = ()

    @property
    def outside(self) -> int:
        """How many points lie beside the slide."""
        if self.width is None or self.height is None:
            return 0
        beside = (self.points_l0 < 0) | (self.points_l0 > [self.width, self.height])
        return int(np.count_nonzero(beside.any(axis=1)))


def read_points(path: Path) -> PointFile:
    """The points of a file. Raises DetectionsRefused with a sentence that names the file, and OSError."""
    return read_document(path, _read_points, KINDS)


def read_document(path: Path, read: Callable[[dict, str, list], Read], kinds: str) -> Read:
    """What `read` makes of a JSON document, the name of its list of points and that list. kinds: what can be read.
    Raises DetectionsRefused with a sentence that names the file, and OSError.
    """
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
        return read(document, *_find_rows(document, kinds))
    except DetectionsRefused as refused:
        raise DetectionsRefused(f"{path.name}: {refused}") from refused
    except (ValueError, RecursionError) as error:
        line = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise DetectionsRefused(f"{path.name}: this is no JSON ({line}); it reads {kinds}.") from None


def _find_rows(document: object, kinds: str) -> tuple[str, list]:
    if not isinstance(document, dict) or ("detections" in document) == ("points" in document):
        raise DetectionsRefused(f"There are no points in it, or two lists of them; it reads {kinds}.")
    name = "detections" if "detections" in document else "points"
    rows = document[name]
    if not isinstance(rows, list):
        raise DetectionsRefused(f"{name} is no list.")
    if len(rows) > MOST_POINTS:
        raise DetectionsRefused(f"It holds {len(rows):,} points; at most {MOST_POINTS:,} can be counted.")
    return name, rows


def _read_points(document: dict, name: str, rows: list) -> PointFile:
    are_calls = name == "detections"
    read = _read_call if are_calls else _read_pair
    places = [place for number, row in enumerate(rows, 1) if (place := read(number, row)) is not None]
    validity = document.get("validity")
    validity = validity if isinstance(validity, dict) else {}
    return PointFile(
        np.array(places, float).reshape(-1, 2),
        *read_pixel_size(document),
        *read_size(document),
        are_calls,
        _text_in(validity, "grade").replace("_", " ") or None,
        _texts_in(validity, "reasons"),
        _texts_in(document, "doubts"),
        _text_in(document, "tumour"),
        _texts_in(document, "meant_for"),
    )


def _read_call(number: int, row: object) -> tuple[float, float] | None:
    """The place of a detection that is called mitosis, None of another."""
    where = f"Detection {number}"
    if not isinstance(row, dict):
        raise DetectionsRefused(f"{where} is no object.")
    if not isinstance(row.get("mitosis"), bool):
        raise DetectionsRefused(f"{where}: mitosis is {str(row.get('mitosis'))[:40]!r}, not true or false.")
    place = read_place(row.get("x_l0"), row.get("y_l0"), where)
    return place if row["mitosis"] else None


def _read_pair(number: int, row: object) -> tuple[float, float]:
    where = f"Point {number}"
    if not isinstance(row, list) or len(row) != 2:
        raise DetectionsRefused(f"{where} is {str(row)[:40]!r}, not [x_l0, y_l0].")
    return read_place(row[0], row[1], where)


def read_place(x_l0: object, y_l0: object, where: str) -> tuple[float, float]:
    """A point's two numbers. `where` names it in what is said."""
    place = number_in(x_l0, "x_l0", where), number_in(y_l0, "y_l0", where)
    if max(map(abs, place)) > LARGEST_PX:
        raise DetectionsRefused(f"{where} lies at {place[0]:g}, {place[1]:g}, further off than any slide reaches.")
    return place


def read_pixel_size(document: dict) -> tuple[float | None, float | None]:
    """Both, or neither where the file has none. `mpp` stands for both."""
    told = [document.get(key) if document.get(key) is not None else document.get("mpp") for key in ("mpp_x", "mpp_y")]
    if told == [None, None]:
        return None, None
    what = "pixel size in µm"
    return _positive_in(told[0], "mpp_x", LARGEST_MPP, what), _positive_in(told[1], "mpp_y", LARGEST_MPP, what)


def read_size(document: dict) -> tuple[float | None, float | None]:
    told = [document.get(key) for key in ("width", "height")]
    if told == [None, None]:
        return None, None
    what = "size in pixels"
    return _positive_in(told[0], "width", LARGEST_PX, what), _positive_in(told[1], "height", LARGEST_PX, what)


def _positive_in(value: object, key: str, most: float, what: str) -> float:
    if value is None:
        raise DetectionsRefused(f"{key} is missing, though its fellow is there.")
    number = number_in(value, key, "The file")
    if not 0 < number <= most:
        raise DetectionsRefused(f"{key} is {number:g}, which is no {what}.")
    return number


def _text_in(table: dict, key: str) -> str:
    value = table.get(key)
    return value.strip() if isinstance(value, str) else ""


def _texts_in(table: dict, key: str) -> tuple[str, ...]:
    value = table.get(key)
    items: Sequence = value if isinstance(value, list) else ()
    return tuple(item for item in items if isinstance(item, str))
