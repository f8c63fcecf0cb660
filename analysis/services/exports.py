"""Detections and figures with all verdicts and comments, as CSV and as QuPath GeoJSON, in pieces to be streamed.

Each is the picture of one count, of the region and reader that the caller names, so that the file says what the page
says. Files are named after the slide's label, never after the uploaded file. Sources: QuPath's GsonTools and
QuPathTypeAdapters (GeoJSON features with `objectType`, `classification`, `measurements`, `metadata`), and its
OpenslideImageServer, which crops a slide to the bounds that its file names, so that QuPath counts from their corner.
"""

import csv
import datetime
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Protocol

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from analysis.models import Analysis, Verdict
from analysis.pipeline.count import points_in_polygon
from analysis.services import counting, review
from analysis.services.comments import comments_shown_to
from analysis.services.count_area import has_pixel_size
from analysis.services.export_areas import list_area_features
from mitoweb.people import audit
from slides.services.doubts import join_doubts

SIDE_UM = 12.5  # of the exported squares: the box of the MIDOG challenges
SIDE_PX = 50.0  # where there is no pixel size
CHUNK = 500  # rows read at once
CHUNK_CHARS = 64 * 1024
BOM = "\ufeff"  # without it Excel takes UTF-8 for the machine's own code page
PX_DIGITS, UM_DIGITS, PROBABILITY_DIGITS, DENSITY_DIGITS = 2, 2, 4, 4  # 0.01 µm is far below what a scanner resolves
GREEN, YELLOW, CYAN, GREY, ORANGE = (0, 160, 0), (200, 170, 0), (0, 160, 190), (128, 128, 128), (220, 120, 0)
JUDGED = {
    "mitosis": ("Mitotic figure", GREEN),
    "not_mitosis": ("Not a mitotic figure", YELLOW),
    "unsure": ("Unsure", CYAN),
}
DIFFER = ("Readers differ", ORANGE)
FRAMES = {
    False: "pixels of the slide at full resolution",
    True: "pixels at full resolution from the corner of the scanned part, to which QuPath crops this slide; add the "
    "origin for pixels of the whole slide",
}
NOT_CHECKED = "not checked"
_SAID = {True: "yes", False: "no", None: None}
CALLED, BELOW = ("Mitotic figure, not judged", CYAN), ("Below threshold", GREY)


class VerdictColumns(Protocol):
    """The columns of a verdict that an export shows."""

    label: str
    reason: str
    comment: str
    at: datetime.datetime
    phase: str
    atypical: bool
    purpose: str


# Of each reader: columns of the table, and those of the file in front of the reader's name.
VERDICT_COLUMNS = ("label", "reason", "comment", "at", "phase", "atypical", "purpose")
OF_A_READER = ("verdict", "agreement", "reason", "comment", "verdict_at", "phase", "atypical", "purpose")


@dataclass(frozen=True)
class ExportRow:
    """A detection or a figure. `call` and `probability` are the model's, None for a figure. `regions`: the names of the
    drawn regions that it lies in; `counted`: whether it lies in the region counted in."""

    id: str
    number: int | None
    kind: str
    x_l0: float
    y_l0: float
    probability: float | None
    call: str | None
    added_by: str
    verdicts: dict[int, VerdictColumns]
    comments: list[str]
    regions: str = ""
    counted: bool = False


class Export:
    """What an export of one analysis needs, read once; `rows` reads the rest in chunks."""

    def __init__(self, analysis: Analysis, count: dict, user: AbstractBaseUser) -> None:
        self.analysis, self.count = analysis, count
        self.regions = [(region.name, region.polygon) for region in analysis.slide.regions.to_count_in()]
        self.verdicts: dict[object, dict[int, VerdictColumns]] = {}
        columns = ("detection_id", "figure_id", "reader_id", *VERDICT_COLUMNS)
        for verdict in review.verdicts_in_force(analysis).order_by().values_list(*columns, named=True):
            target = verdict.detection_id if verdict.figure_id is None else verdict.figure_id
            self.verdicts.setdefault(target, {})[verdict.reader_id] = verdict
        self.comments: dict[object, list[str]] = {}
        said = comments_shown_to(user, analysis).filter(withdraws=None, withdrawn=False).order_by("revision")
        for comment in said:
            target = comment.detection_id if comment.figure_id is None else comment.figure_id
            self.comments.setdefault(target, []).append(f"{comment.author.username}: {comment.text}")
        readers = {pk for given in self.verdicts.values() for pk in given}
        self.readers = dict(
            get_user_model().objects.filter(pk__in=readers).order_by("username").values_list("pk", "username")
        )
        bounds = analysis.slide.bounds
        self.qupath_origin_l0 = (bounds[0], bounds[1]) if bounds else (0, 0)
        # An imported file may tell none; then 1 and 0 stand for its calls, and are no measurement.
        self.has_probabilities = analysis.imported is None or analysis.imported["has_probabilities"]
        self.mpp = (analysis.mpp_x, analysis.mpp_y) if has_pixel_size(analysis) else None

    def read_rows(self) -> Iterator[ExportRow]:
        """All detections by number, then the figures that somebody still stands by."""
        places = self._read_places()
        while rows := list(islice(places, CHUNK)):
            yield from self._add_regions(rows)

    def _read_places(self) -> Iterator[ExportRow]:
        for row in self.analysis.detections.order_by("number").iterator(chunk_size=CHUNK):
            call = "mitosis" if row.mitosis else "not_mitosis"
            identity = str(uuid.uuid5(self.analysis.pk, f"detection {row.number}"))
            given, said = self.verdicts.get(row.pk, {}), self.comments.get(row.pk, [])
            told = row.probability if self.has_probabilities else None
            yield ExportRow(identity, row.number, "detection", row.x_l0, row.y_l0, told, call, "", given, said)
        for row in self.analysis.figures.select_related("reader").order_by("revision").iterator(chunk_size=CHUNK):
            if given := self.verdicts.get(row.pk):
                by, said = row.reader.username, self.comments.get(row.pk, [])
                yield ExportRow(str(row.pk), None, "figure", row.x_l0, row.y_l0, None, None, by, given, said)

    def _add_regions(self, rows: list[ExportRow]) -> Iterator[ExportRow]:
        places_l0 = np.array([(row.x_l0, row.y_l0) for row in rows])
        counted = counting.find_counted(self.analysis, self.count, places_l0)
        inside = [(name, points_in_polygon(places_l0, polygon)) for name, polygon in self.regions]
        for index, row in enumerate(rows):
            names = "; ".join(name for name, holds in inside if holds[index])
            yield replace(row, regions=names, counted=bool(counted[index]))

    def list_areas(self, frame: dict[str, str]) -> Iterator[dict]:
        """The drawn tumour, as features of a file that tells places in this frame."""
        return list_area_features(self.analysis.slide, frame)

    def describe_count(self) -> dict[str, str | float | int | None]:
        """The count that the file goes with: the same for every row. A density is a range while anything is open."""
        count = self.count
        region, per_mm2, interval = count["region"], count["per_mm2"] or {}, count["interval"] or {}
        protocol, with_choice = count["protocol"], count["interval_with_choice"] or {}
        return {
            "counted_in": counting.name_region(count),
            "area_mm2": region["area_mm2"],
            "drawn_mm2": region["drawn_mm2"],
            "count_of": count["reader"].username,
            "confirmed": count["confirmed"],
            "provisional": count["provisional"],
            "open": count["open"],
            "per_mm2_confirmed": _round(per_mm2.get("confirmed"), DENSITY_DIGITS),
            "per_mm2_provisional": _round(per_mm2.get("provisional"), DENSITY_DIGITS),
            "per_mm2_low": _round(interval.get("low"), DENSITY_DIGITS),
            "per_mm2_high": _round(interval.get("high"), DENSITY_DIGITS),
            "protocol": protocol["name"],
            "protocol_fit": count["protocol_fit"],
            "count_notes": " ".join(count["notes"]),
            "per_mm2_low_with_choice": _round(with_choice.get("low"), DENSITY_DIGITS),
            "per_mm2_high_with_choice": _round(with_choice.get("high"), DENSITY_DIGITS),
            "protocol_code": protocol["code"],
            "protocol_title": protocol["title"],
            "protocol_version": protocol["version"],
            "protocol_source": " ".join(f"{of}: {source}" for of, source in protocol["sources"].items()),
            "score": count["score"],
            "score_low": count["score_low"],
            "score_high": count["score_high"],
            "decided": _SAID[count["decided"]],
            "guards": " ".join(guard["code"] for guard in count["guards"]),
            "guards_reasons": " ".join(guard["sentence"] for guard in count["guards"]),
            "looked_in": count["looked_in"]["where"],
            "looked_in_mm2": count["looked_in"]["area_mm2"],
            "tumour_areas": count["looked_in"]["areas"],
            "tissue_fraction": region["tissue_fraction"],
        }

    def describe_provenance(self) -> dict[str, str | float]:
        """How the result came about: the same for every row."""
        analysis = self.analysis
        validity = analysis.validity or {"grade": NOT_CHECKED, "reasons": []}
        imported = analysis.imported or {"format": "", "file_sha256": ""}
        return {
            "model": analysis.found_by,
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
            "slide_doubts": " ".join(doubt["code"] for doubt in analysis.slide.open_doubts),
            "slide_doubts_reasons": join_doubts(analysis.slide.open_doubts),
            "imported_from": imported["format"],
            "imported_file_sha256": imported["file_sha256"],
        }


def record_export(analysis: Analysis, by: AbstractBaseUser, suffix: str) -> None:
    """What leaves the installation is told before its first byte does."""
    text = f"Exported an analysis as {suffix}"
    audit.record_change(by, analysis.slide.case.team, "analysis.export", f"slide {analysis.slide_id}", text)


def stream_csv(analysis: Analysis, count: dict, user: AbstractBaseUser) -> Iterator[str]:
    """count: as counting.count_mitoses gives it. user: who gets the file; it holds what this person may read."""
    return _join_chunks(_write_csv(Export(analysis, count, user)))


def stream_geojson(analysis: Analysis, count: dict, user: AbstractBaseUser) -> Iterator[str]:
    """As stream_csv."""
    return _join_chunks(_write_geojson(Export(analysis, count, user)))


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
    same = export.describe_count() | export.describe_provenance()
    head = ["id", "number", "kind", "x_l0", "y_l0", "x_um", "y_um", "probability", "model_call", "added_by"]
    head += ["region", "counted"]
    for username in export.readers.values():
        head += [f"{column} {username}" for column in OF_A_READER]
    head += ["comments", "comments_text"]
    yield BOM + write([_escape_cell(name) for name in [*head, *same]])
    constant = [_escape_cell(value) for value in same.values()]
    for row in export.read_rows():
        yield write([_escape_cell(value) for value in _list_cells(row, export)] + constant)


def _list_cells(row: ExportRow, export: Export) -> list:
    x_l0, y_l0 = _round(row.x_l0, PX_DIGITS), _round(row.y_l0, PX_DIGITS)
    in_um = [_round(at * mpp, UM_DIGITS) for at, mpp in zip((row.x_l0, row.y_l0), export.mpp or (), strict=False)]
    cells = [row.id, row.number, row.kind, x_l0, y_l0, *(in_um or ["", ""])]
    cells += [_round(row.probability, PROBABILITY_DIGITS), row.call, row.added_by]
    cells += [row.regions, "yes" if row.counted else "no"]
    for pk in export.readers:
        verdict = row.verdicts.get(pk)
        cells += [""] * len(OF_A_READER) if verdict is None else _list_said(row, verdict)
    return [*cells, len(row.comments), "\n".join(row.comments)]


def _list_said(row: ExportRow, verdict: VerdictColumns) -> list[str]:
    """As OF_A_READER names it."""
    at = verdict.at.astimezone(datetime.UTC).isoformat(timespec="seconds")
    cells = [verdict.label, _compare_to_call(row, verdict), verdict.reason, verdict.comment, at]
    return [*cells, verdict.phase, _tell_atypical(verdict), verdict.purpose]


def _tell_atypical(verdict: VerdictColumns) -> str:
    """Of a mitosis alone."""
    if verdict.label != Verdict.Label.MITOSIS:
        return ""
    return "yes" if verdict.atypical else "no"


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


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
    x_l0, y_l0 = export.qupath_origin_l0
    frame = {
        "origin_x_l0": str(x_l0),
        "origin_y_l0": str(y_l0),
        "coordinates": FRAMES[export.qupath_origin_l0 != (0, 0)],
    }
    areas = export.list_areas(frame)
    marks = (_make_feature(row, export, provenance | frame) for row in export.read_rows())
    yield '{"type":"FeatureCollection","features":['
    for index, feature in enumerate(chain(areas, marks)):
        yield ("," if index else "") + json.dumps(feature, ensure_ascii=False, separators=(",", ":"))
    # A member of our own, which RFC 7946 (6.1) allows and QuPath passes over.
    yield f'],"count":{json.dumps(export.describe_count(), ensure_ascii=False)}}}'


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
    x_l0, y_l0 = export.qupath_origin_l0
    where = {"counted": "yes" if row.counted else "no"} | ({"region": row.regions} if row.regions else {})
    said = {}
    for pk, verdict in row.verdicts.items():
        parts = [verdict.label, _compare_to_call(row, verdict), verdict.reason]
        told = {"verdict": ", ".join(part.replace("_", " ") for part in parts if part), "phase": verdict.phase}
        told |= {"atypical": _tell_atypical(verdict), "purpose": verdict.purpose}
        said |= {f"{name} of {export.readers[pk]}": value for name, value in told.items() if value}
    if row.comments:
        said |= {"comments": str(len(row.comments)), "comments_text": "\n".join(row.comments)}
    return {
        "type": "Feature",
        "id": row.id,
        "geometry": {"type": "Polygon", "coordinates": [_make_square(row.x_l0 - x_l0, row.y_l0 - y_l0, export.mpp)]},
        "properties": {
            "objectType": "detection",
            "name": f"MF {row.number}" if row.number else f"Added by {row.added_by}",
            "classification": {"name": name, "color": list(colour)},
            "isLocked": False,
            "measurements": measurements,
            "metadata": provenance | where | said,
        },
    }


def _make_square(x_l0: float, y_l0: float, mpp: tuple[float, float] | None) -> list[list[float]]:
    """A closed square of 12.5 µm (50 px without a pixel size) around the centre, in its frame."""
    half_x, half_y = (SIDE_UM / mpp[0] / 2, SIDE_UM / mpp[1] / 2) if mpp else (SIDE_PX / 2, SIDE_PX / 2)
    left, right, top, bottom = x_l0 - half_x, x_l0 + half_x, y_l0 - half_y, y_l0 + half_y
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return [[round(x, 3), round(y, 3)] for x, y in corners]
