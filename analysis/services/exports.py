"""Detections and figures with every reader's verdict, as CSV and as QuPath GeoJSON, in pieces to be streamed.

Files are named after the slide's label, never after the uploaded file. Sources: QuPath's GsonTools and
QuPathTypeAdapters (GeoJSON features with `objectType`, `classification`, `measurements`, `metadata`).
"""

import csv
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from analysis.models import Analysis, Verdict
from analysis.services import review
from mitoweb.people import audit
from slides.models import Slide

SIDE_UM = 12.5  # of the exported squares: the box of the MIDOG challenges
SIDE_PX = 50.0  # where there is no pixel size
CHUNK = 500  # rows read at once
CHUNK_CHARS = 64 * 1024
GREEN, YELLOW, CYAN, GREY, ORANGE = (0, 160, 0), (200, 170, 0), (0, 160, 190), (128, 128, 128), (220, 120, 0)
JUDGED = {
    "mitosis": ("Mitotic figure", GREEN),
    "not_mitosis": ("Not a mitotic figure", YELLOW),
    "unsure": ("Unsure", CYAN),
}
DIFFER = ("Readers differ", ORANGE)
NOT_CHECKED = "not checked"
CALLED, BELOW = ("Mitotic figure, not judged", CYAN), ("Below threshold", GREY)


class VerdictColumns(Protocol):
    """The columns of a verdict that an export shows."""

    label: str
    reason: str
    comment: str


@dataclass(frozen=True)
class ExportRow:
    """A detection or a figure. `call` and `probability` are the model's, None for a figure."""

    id: str
    number: int | None
    kind: str
    x_l0: float
    y_l0: float
    probability: float | None
    call: str | None
    added_by: str
    verdicts: dict[int, VerdictColumns]


class Export:
    """What an export of one analysis needs, read once; `rows` reads the rest in chunks."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.verdicts: dict[object, dict[int, VerdictColumns]] = {}
        columns = ("detection_id", "figure_id", "reader_id", "label", "reason", "comment")
        for verdict in review.verdicts_in_force(analysis).order_by().values_list(*columns, named=True):
            target = verdict.detection_id if verdict.figure_id is None else verdict.figure_id
            self.verdicts.setdefault(target, {})[verdict.reader_id] = verdict
        readers = {pk for given in self.verdicts.values() for pk in given}
        self.readers = dict(
            get_user_model().objects.filter(pk__in=readers).order_by("username").values_list("pk", "username")
        )
        has_size = analysis.mpp_source != Slide.MppSource.UNKNOWN
        self.mpp = (analysis.mpp_x, analysis.mpp_y) if has_size else None

    def read_rows(self) -> Iterator[ExportRow]:
        """All detections by number, then the figures that somebody still stands by."""
        for row in self.analysis.detections.order_by("number").iterator(chunk_size=CHUNK):
            call = "mitosis" if row.mitosis else "not_mitosis"
            identity = str(uuid.uuid5(self.analysis.pk, f"detection {row.number}"))
            given = self.verdicts.get(row.pk, {})
            yield ExportRow(identity, row.number, "detection", row.x_l0, row.y_l0, row.probability, call, "", given)
        for row in self.analysis.figures.select_related("reader").order_by("revision").iterator(chunk_size=CHUNK):
            if given := self.verdicts.get(row.pk):
                yield ExportRow(str(row.pk), None, "figure", row.x_l0, row.y_l0, None, None, row.reader.username, given)

    def describe_provenance(self) -> dict[str, str | float]:
        """How the result came about: the same for every row."""
        analysis = self.analysis
        validity = analysis.validity or {"grade": NOT_CHECKED, "reasons": []}
        return {
            "model": analysis.model.name,
            "model_sha256": analysis.model_sha256,
            "threshold": analysis.threshold,
            "normaliser": analysis.normaliser,
            "mode": analysis.mode,
            "mpp_x": self.mpp[0] if self.mpp else "",
            "mpp_y": self.mpp[1] if self.mpp else "",
            "mpp_source": analysis.mpp_source,
            "software": f"MitoWeb {analysis.software}",
            "slide_check": validity["grade"],
            "slide_check_reasons": " ".join(validity["reasons"]),
        }


def record_export(analysis: Analysis, by: AbstractBaseUser, suffix: str) -> None:
    """What leaves the installation is told before its first byte does."""
    text = f"Exported an analysis as {suffix}"
    audit.record_change(by, analysis.slide.case.team, "analysis.export", f"slide {analysis.slide_id}", text)


def stream_csv(analysis: Analysis) -> Iterator[str]:
    return _join_chunks(_write_csv(Export(analysis)))


def stream_geojson(analysis: Analysis) -> Iterator[str]:
    return _join_chunks(_write_geojson(Export(analysis)))


def name_export(analysis: Analysis, suffix: str) -> str:
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", analysis.slide.label).strip("-.") or "slide"
    return f"{label}-{str(analysis.pk)[:8]}.{suffix}"


def _join_chunks(parts: Iterator[str]) -> Iterator[str]:
    """Joined to pieces worth sending."""
    kept, length = [], 0
    for part in parts:
        kept.append(part)
        length += len(part)
        if length >= CHUNK_CHARS:
            yield "".join(kept)
            kept, length = [], 0
    yield "".join(kept)


# CSV ---------------------------------------------------------------------------------------------------------
class _Line:
    """A file for csv.writer that hands back what it is given."""

    def write(self, text: str) -> str:
        return text


def _write_csv(export: Export) -> Iterator[str]:
    write = csv.writer(_Line()).writerow
    provenance = [_escape_cell(value) for value in export.describe_provenance().values()]
    head = ["id", "number", "kind", "x_l0", "y_l0", "x_um", "y_um", "probability", "model_call", "added_by"]
    for username in export.readers.values():
        head += [f"{column} {username}" for column in ("verdict", "agreement", "reason", "comment")]
    yield write([_escape_cell(name) for name in [*head, *export.describe_provenance()]])
    for row in export.read_rows():
        mpp = export.mpp
        x_um, y_um = (round(row.x_l0 * mpp[0], 3), round(row.y_l0 * mpp[1], 3)) if mpp else ("", "")
        cells = [row.id, row.number, row.kind, row.x_l0, row.y_l0, x_um, y_um]
        cells += [row.probability, row.call, row.added_by]
        for pk in export.readers:
            verdict = row.verdicts.get(pk)
            if verdict is None:
                cells += ["", "", "", ""]
            else:
                cells += [verdict.label, _compare_to_call(row, verdict), verdict.reason, verdict.comment]
        yield write([_escape_cell(value) for value in cells] + provenance)


def _compare_to_call(row: ExportRow, verdict: VerdictColumns) -> str:
    """The verdict against the model's call; empty where either has none."""
    if row.call is None or verdict.label == Verdict.Label.UNSURE:
        return ""
    return "agree" if verdict.label == row.call else "disagree"


def _escape_cell(value):
    """Text that a spreadsheet would run as a formula is made text by a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{value}"
    return value


# GeoJSON -----------------------------------------------------------------------------------------------------
def _write_geojson(export: Export) -> Iterator[str]:
    provenance = {name: str(value) for name, value in export.describe_provenance().items() if value != ""}
    yield '{"type":"FeatureCollection","features":['
    for index, row in enumerate(export.read_rows()):
        feature = _make_feature(row, export, provenance)
        yield ("," if index else "") + json.dumps(feature, ensure_ascii=False, separators=(",", ":"))
    yield "]}"


def _make_feature(row: ExportRow, export: Export, provenance: dict[str, str]) -> dict:
    labels = [verdict.label for verdict in row.verdicts.values()]
    if len(set(labels)) > 1:
        name, colour = DIFFER
    elif labels:
        name, colour = JUDGED[labels[0]]
    else:
        name, colour = CALLED if row.call == "mitosis" else BELOW
    measurements = {"Readers": len(labels), "Readers mitosis": labels.count("mitosis")}
    if row.probability is not None:
        measurements["Mitosis probability"] = row.probability
    verdicts = {}
    for pk, verdict in row.verdicts.items():
        parts = [verdict.label, _compare_to_call(row, verdict), verdict.reason]
        verdicts[f"verdict of {export.readers[pk]}"] = ", ".join(part.replace("_", " ") for part in parts if part)
    return {
        "type": "Feature",
        "id": row.id,
        "geometry": {"type": "Polygon", "coordinates": [_make_square(row.x_l0, row.y_l0, export.mpp)]},
        "properties": {
            "objectType": "detection",
            "name": f"MF {row.number}" if row.number else f"Added by {row.added_by}",
            "classification": {"name": name, "color": list(colour)},
            "isLocked": False,
            "measurements": measurements,
            "metadata": provenance | verdicts,
        },
    }


def _make_square(x_l0: float, y_l0: float, mpp: tuple[float, float] | None) -> list[list[float]]:
    """A closed square of 12.5 µm (50 px without a pixel size) around the centre, level-0 px."""
    half_x, half_y = (SIDE_UM / mpp[0] / 2, SIDE_UM / mpp[1] / 2) if mpp else (SIDE_PX / 2, SIDE_PX / 2)
    left, right, top, bottom = x_l0 - half_x, x_l0 + half_x, y_l0 - half_y, y_l0 + half_y
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return [[round(x, 3), round(y, 3)] for x, y in corners]
