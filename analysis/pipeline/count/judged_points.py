"""Points with their probabilities and answers, from a file: what `mitosis decide` reads."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analysis.pipeline.count.point_files import read_document, read_pixel_size, read_place, read_size
from analysis.pipeline.detection_files.places import DetectionsRefused, number_in
from analysis.pipeline.errors import meant

KINDS = (
    'JSON with mpp_x, mpp_y and points: [{"x_l0", "y_l0", "probability", "label"}, …], the label left out where nobody '
    "has judged; or a file of mitosis detect, whose calls are then open"
)
# As readers' verdicts are called: who is unsure has not decided.
LABELS: dict[str, bool | None] = {
    "true": True, "false": False, "none": None, "1": True, "0": False,
    "mitosis": True, "not_mitosis": False, "unsure": None, "withdrawn": None,
}  # fmt: skip


@dataclass(frozen=True)
class JudgedPoints:
    """points_l0 (n, 2), level-0 px. probability (n,); 0 or 1 where a label stands and the file has none. labels: True,
    False, or None where open. index: of each point in the file's list, counted from 0. width, height: None where the
    file does not say.
    """

    points_l0: np.ndarray
    probability: np.ndarray
    labels: list[bool | None]
    index: list[int]
    mpp_x: float
    mpp_y: float
    width: float | None = None
    height: float | None = None


@dataclass
class _Rows:
    places: list[tuple[float, float]] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    labels: list[bool | None] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    label_of_id: dict[object, bool] = field(default_factory=dict)


def read_judged_points(path: Path) -> JudgedPoints:
    """The points of a file. Raises DetectionsRefused with a sentence that names the file, and OSError."""
    return read_document(path, _read_points, KINDS)


def _read_points(document: dict, name: str, rows: list) -> JudgedPoints:
    read = _Rows()
    is_detect = name == "detections"
    for index, row in enumerate(_join_lists(document, rows)):
        _read_row(read, is_detect, index, row)
    mpp_x, mpp_y = read_pixel_size(document)
    if mpp_x is None or mpp_y is None:
        raise DetectionsRefused("There is no pixel size in it, so no window has a size; add mpp_x and mpp_y.")
    return JudgedPoints(
        np.array(read.places, float).reshape(-1, 2),
        np.array(read.probability, float),
        read.labels,
        read.index,
        mpp_x,
        mpp_y,
        *read_size(document),
    )


def _join_lists(document: dict, rows: list) -> list:
    """The rows, [x_l0, y_l0] made an object; `probability` and `label` may also be lists beside the points."""
    beside = {key: document[key] for key in ("probability", "label") if key in document}
    for key, values in beside.items():
        if not isinstance(values, list) or len(values) != len(rows):
            many = len(values) if isinstance(values, list) else "no list of"
            raise DetectionsRefused(f"There are {len(rows)} points and {many} values in {key}: each point needs one.")
    whole = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, list) and len(row) == 2:
            row = {"x_l0": row[0], "y_l0": row[1]}
        if not isinstance(row, dict):
            raise DetectionsRefused(f"Point {number} is {str(row)[:40]!r}, no object with x_l0, y_l0 and probability.")
        for key, values in beside.items():
            if key in row:
                raise DetectionsRefused(f"Point {number} has {key} twice: itself, and in the list beside the points.")
            row = row | {key: values[number - 1]}
        whole.append(row)
    return whole


def _read_row(read: _Rows, is_detect: bool, index: int, row: dict) -> None:
    where = f"{'Detection' if is_detect else 'Point'} {index + 1}"
    label = _read_label(row.get("label"), where)
    if is_detect and label is None and row.get("mitosis") is not True:
        return  # no call, and nobody says that it is one
    _refuse_contradiction(read, row.get("id"), label, where)
    probability = row.get("probability")
    if probability is None:
        if label is None:
            raise DetectionsRefused(f"{where} is open and has no probability.")
        probability = float(label)
    probability = number_in(probability, "probability", where)
    if not 0 <= probability <= 1:
        raise DetectionsRefused(f"{where} has the probability {probability:g}, which is not from 0 to 1.")
    read.places.append(read_place(row.get("x_l0"), row.get("y_l0"), where))
    read.probability.append(probability)
    read.labels.append(label)
    read.index.append(index)


def _read_label(value: object, where: str) -> bool | None:
    word = str(value).lower()
    if word not in LABELS or isinstance(value, float):
        known = [label for label in LABELS if label.isalpha() or "_" in label]
        hint = meant(word, known)
        raise DetectionsRefused(f"{where} has the label {str(value)[:40]!r}; it is true, false or null{hint}")
    return LABELS[word]


def _refuse_contradiction(read: _Rows, identity: object, label: bool | None, where: str) -> None:
    if label is None or not isinstance(identity, str | int):
        return
    if read.label_of_id.setdefault(identity, label) is not label:
        raise DetectionsRefused(f"{where} has the id {str(identity)[:40]!r} of another point with the opposite label.")
