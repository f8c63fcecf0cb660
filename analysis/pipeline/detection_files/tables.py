"""A table of detections, one a line, below a header that names its columns and their unit; any separator."""

import csv
import io
import re
from dataclasses import dataclass

from analysis.pipeline.detection_files.cells import number_of, separator_of
from analysis.pipeline.detection_files.documents import stem_of
from analysis.pipeline.detection_files.places import (
    MM,
    PX,
    UM,
    Classes,
    DetectionFile,
    DetectionsRefused,
    Place,
    number_in,
    probability_in,
    refuse_too_many,
)

UNITS = {
    "px": PX, "pixel": PX, "pixels": PX, "l0": PX, "um": UM, "µm": UM, "μm": UM, "micron": UM, "microns": UM,
    "micrometre": UM, "micrometer": UM, "mm": MM, "millimetre": MM, "millimeter": MM,
}  # fmt: skip
UNIT_NAMES = {PX: "pixels", UM: "µm", MM: "mm"}
# A header's word for x is one of these with or without an axis beside it: "Centroid X µm" → words centroid, x; unit µm.
BESIDE_AXIS = {"centroid", "center", "centre", "pos", "position", "slide", "coord", "coordinate", "c", "point"}
ALIASES = {"col": "x", "column": "x", "cx": "x", "row": "y", "cy": "y"}
PROBABILITY = ("probability", "mitosis probability", "prob", "score", "confidence", "p")
# In the order in which they are looked for: of this product's own export the call, not what kind of row it is.
CLASS = ("model call", "label", "class", "classification", "category", "name", "type", "kind")
IMAGE = ("image", "file name", "filename", "image name", "frame", "slide name", "slide")
THRESHOLD = ("threshold",)


@dataclass(frozen=True)
class Columns:
    """Where x, y and what else is known stand; -1 for what is not there."""

    x: int
    y: int
    unit: str
    probability: int
    label: int
    image: int
    threshold: int


def read_table(text: str, image: str) -> DetectionFile:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text))
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise DetectionsRefused(f"Line {reader.line_num}: the table breaks off ({error}).") from None
    if not rows:
        raise DetectionsRefused("The file is empty.")
    refuse_too_many(len(rows) - 1)
    (_, head), *lines = rows
    columns = _find_columns(head)
    lines = _of_image(lines, columns, image)
    found, classes, threshold = [], Classes(), None
    for line, cells in lines:
        where = f"Line {line}"
        x, y = (_read_number(_cell(cells, at), axis, where) for at, axis in ((columns.x, "x"), (columns.y, "y")))
        told = _cell(cells, columns.probability)
        probability = probability_in(_read_number(told, "the probability", where), where) if told else None
        belongs, call = classes.call_of(_cell(cells, columns.label))
        if belongs:
            found.append(Place(x, y, probability, call))
            threshold = threshold or number_of(_cell(cells, columns.threshold))
    return DetectionFile(
        f"CSV in {UNIT_NAMES[columns.unit]}",
        tuple(found),
        columns.unit,
        threshold=threshold if threshold is not None and 0 <= threshold <= 1 else None,
        notes=classes.notes(len(found)),
    )


def _cell(cells: list[str], at: int) -> str:
    return cells[at] if 0 <= at < len(cells) else ""


def _read_number(cell: str, what: str, where: str) -> float:
    number = number_of(cell)
    if number is None:
        raise DetectionsRefused(f"{where}: {what} is {cell[:40]!r}, which is no number.")
    return number_in(number, what, where)


def _find_columns(head: list[str]) -> Columns:
    """Raises DetectionsRefused where the header does not say where x and y are. Pixels are preferred to other units."""
    if all(number_of(cell) is not None for cell in head):
        raise DetectionsRefused(
            "The first line holds numbers, so nothing says whether x or y comes first. Add a header, such as "
            "x,y,probability."
        )
    axes: dict[tuple[str, str], int] = {}
    for index, heading in enumerate(head):
        axis, its_unit = _axis_of(heading)
        if axis:
            axes.setdefault((axis, its_unit), index)
    unit = next((unit for unit in (PX, UM, MM) if ("x", unit) in axes and ("y", unit) in axes), None)
    if unit is None:
        listed = ", ".join(head)[:120]
        raise DetectionsRefused(
            f"No columns are called x and y, in one unit (there is {listed}). Name them x and y for pixels, x_um and "
            "y_um, or x_mm and y_mm."
        )
    plain = [" ".join(_words_of(heading)) for heading in head]
    others = (
        next((plain.index(name) for name in names if name in plain), -1)
        for names in (PROBABILITY, CLASS, IMAGE, THRESHOLD)
    )
    return Columns(axes["x", unit], axes["y", unit], unit, *others)


def _words_of(heading: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+|_", heading.lower()) if word]


def _axis_of(heading: str) -> tuple[str, str]:
    """("x" or "y", its unit) of a heading, ("", "") of one that is no axis."""
    words = [ALIASES.get(word, word) for word in _words_of(heading)]
    units = [UNITS[word] for word in words if word in UNITS]
    rest = [word for word in words if word not in UNITS and word not in BESIDE_AXIS]
    if len(rest) == 1 and rest[0] in ("x", "y") and len(units) <= 1:
        return rest[0], units[0] if units else PX
    return "", ""


def _of_image(lines: list, columns: Columns, image: str) -> list:
    """The lines of this slide, where a column says of which image each is."""
    names = {_cell(cells, columns.image) for _, cells in lines} if columns.image >= 0 else set()
    if len(names) <= 1:
        return lines
    meant = {name for name in names if stem_of(name) == stem_of(image)}
    if not meant:
        listed = ", ".join(sorted(names)[:5])
        raise DetectionsRefused(f"It is of {len(names)} images ({listed}), and none is called as this slide, {image}.")
    return [row for row in lines if _cell(row[1], columns.image) in meant]
