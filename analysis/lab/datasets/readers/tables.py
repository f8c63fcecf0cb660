"""Rows of text files with their line numbers, whatever program wrote them: separators `,` `;` or tab, BOM, CRLF."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from analysis.lab.datasets.faults import Faults
from analysis.pipeline.detection_files.cells import number_of, separator_of

# Nearer to zero than this a negative number is a figure cut by the border, farther it is a mistake.
BORDER_PX = 25.0


@dataclass(frozen=True)
class Row:
    """The cells of one line, without blanks around them; `line` counts from 1."""

    line: int
    cells: tuple[str, ...]


def read_text(path: Path, faults: Faults) -> str | None:
    """A text file's content; None, and a fault, for one that is none."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        faults.error("not_text", "this is no UTF-8 text", "Save it as CSV in UTF-8", line)
        return None
    if "\0" in text:
        faults.error(
            "not_text", "this is no text file", "Save it as CSV in UTF-8", text[: text.index("\0")].count("\n") + 1
        )
        return None
    return text


def read_rows(path: Path, faults: Faults) -> list[Row]:
    """All lines that are not empty. A decimal comma is read as a point where `;` or tab part the cells."""
    text = read_text(path, faults)
    if text is None:
        return []
    separator = separator_of(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows, previous = [], 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(previous + 1, tuple(cell.strip() for cell in cells)))
            previous = reader.line_num
    except csv.Error as error:
        faults.error("not_csv", f"the table breaks off here ({error})", "Save it again as plain CSV", previous + 1)
    return rows


def read_coordinate(cell: str, axis: str, line: int | None, faults: Faults, image: str = "") -> float | None:
    """A coordinate in pixels, or None and a fault: no number, not finite, or clearly negative."""
    value = number_of(cell)
    if value is None:
        what = f"{axis} is empty" if not cell else f"{axis} is {cell[:40]!r}, which is no number"
        faults.error("not_a_number", what, "Put a pixel coordinate there or take the line out", line, image)
        return None
    if not math.isfinite(value):
        faults.error(
            "not_finite", f"{axis} is {cell}", "Put a pixel coordinate there or take the line out", line, image
        )
        return None
    if value < -BORDER_PX:
        advice = "Coordinates count from the image's top left corner; correct it or take the line out"
        faults.error("negative", f"{axis} is {value:g}, which is negative", advice, line, image)
        return None
    return value
