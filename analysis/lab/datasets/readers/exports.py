"""What this product exports of a reviewed analysis, as CSV and as QuPath GeoJSON; GeoJSON from QuPath itself too.

A place's kind is what more readers said than anything else; where they are even, or nobody has judged, it is "other": a
model's own call is no label. Votes are the readers'. The image is named as the export is: the slide's label.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.json_places import lines_of_items, name_of, read_json
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import Row, read_coordinate, read_rows
from analysis.lab.datasets.records import OTHER, Label, LabelledImage
from analysis.pipeline.detection_files.cells import number_of
from analysis.pipeline.detection_files.class_names import kind_of

NAME = "export of this product"
VERDICT = "verdict "
VERDICT_OF = "verdict of "
KIND_OF_VERDICT = {"mitosis": MITOSIS, "not_mitosis": LOOK_ALIKE, "not mitosis": LOOK_ALIKE, "unsure": OTHER}
HEAD = {"x_l0", "y_l0", "model_call", "mpp_source"}


def recognises(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() == ".geojson":
        return True
    with path.open("rb") as file:
        head = file.read(2000).decode("utf-8-sig", "replace")
    if path.suffix.lower() == ".json":
        return '"FeatureCollection"' in head
    return path.suffix.lower() == ".csv" and set(head.partition("\n")[0].strip().split(",")) >= HEAD


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """One image, its labels in the file's order."""
    labels, mpp = _from_csv(path, faults) if path.suffix.lower() == ".csv" else _from_geojson(path, faults)
    if any(label.kind == OTHER and not label.votes for label in labels):
        count = sum(label.kind == OTHER and not label.votes for label in labels)
        what = f"{count} of {len(labels)} places have no reader's verdict and count as no label"
        faults.warn("not_judged", what, "Have them judged, or leave this slide out of training")
    name = re.sub(r"-[0-9a-f]{8}$", "", path.stem)
    facts = image_facts(Pictures(path.parent).find(name))
    if mpp:
        facts |= {"mpp": mpp, "mpp_source": "given"}
    return [LabelledImage(name, name, name, "mitoweb", path, tuple(labels), labelled=bool(labels), **facts)]


def _from_csv(path: Path, faults: Faults) -> tuple[list[Label], float | None]:
    head, *rows = read_rows(path, faults) or [Row(1, ())]
    readers = [name for name in head.cells if name.startswith(VERDICT)]
    labels, mpp = [], None
    for row in rows:
        if len(row.cells) != len(head.cells):
            what = f"{len(row.cells)} columns instead of {len(head.cells)}"
            faults.error("columns", what, "Export the analysis again", row.line)
            continue
        cells = dict(zip(head.cells, row.cells, strict=True))
        x, y = (read_coordinate(cells[axis], axis, row.line, faults) for axis in ("x_l0", "y_l0"))
        mpp = mpp or number_of(cells["mpp_x"])
        if x is not None and y is not None:
            votes = tuple(KIND_OF_VERDICT.get(cells[name], OTHER) for name in readers if cells[name])
            labels.append(Label(x, y, majority_of_votes(votes), votes, line=row.line))
    return labels, mpp


def majority_of_votes(votes: tuple[str, ...]) -> str:
    """The kind with more votes than any other; OTHER when there is none."""
    ranked = Counter(votes).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return OTHER
    return ranked[0][0]


def _from_geojson(path: Path, faults: Faults) -> tuple[list[Label], float | None]:
    document, text = read_json(path, faults)
    if document is None:
        return [], None
    if not isinstance(document.get("features"), list):
        faults.error("not_geojson", "there is no list features in it", "Export a FeatureCollection")
        return [], None
    labels, mpp = [], None
    lines = lines_of_items(text, "features")
    for number, (feature, line) in enumerate(zip(document["features"], lines, strict=False), 1):
        name = name_of(_as_object(feature), number)
        place = _middle_of_corners(feature, line, faults.of(name))
        if place is None:
            continue
        properties = _as_object(feature.get("properties"))
        metadata = _as_object(properties.get("metadata"))
        mpp = mpp or number_of(str(metadata.get("mpp_x", "")))
        # Readers' verdicts where there are any; else the class a person gave, but not the model's own call.
        told = [str(value).split(",")[0] for key, value in metadata.items() if key.startswith(VERDICT_OF)]
        votes = tuple(KIND_OF_VERDICT.get(verdict, OTHER) for verdict in told)
        told_class = properties.get("classification")
        class_name = str(told_class.get("name", "") if isinstance(told_class, dict) else told_class or "")
        kind = majority_of_votes(votes) if votes or "model" in metadata else kind_of(class_name)
        x, y = (value + _origin(metadata, axis) for value, axis in zip(place, "xy", strict=True))
        labels.append(Label(x, y, kind, votes, class_name, line, annotation=name))
    return labels, mpp


def _origin(metadata: dict, axis: str) -> float:
    """From where the file counts, in level-0 px: QuPath crops some slides to the part that was scanned."""
    origin = number_of(str(metadata.get(f"origin_{axis}_l0", "")))
    return origin if origin is not None and math.isfinite(origin) else 0.0


def _middle_of_corners(feature: object, line: int | None, faults: Faults) -> tuple[float, float] | None:
    """The middle of a feature's corners, or None and a fault."""
    corners = list(_corners_in(_as_object(_as_object(feature).get("geometry")).get("coordinates")))
    if not corners:
        faults.error("no_coordinates", "the feature has no coordinates", "Take it out or draw it again", line)
        return None
    axes = zip(*corners, strict=True)
    values = [
        [read_coordinate(str(v), axis, line, faults) for v in on_axis] for axis, on_axis in zip("xy", axes, strict=True)
    ]
    xs, ys = ([value for value in on_axis if value is not None] for on_axis in values)
    if len(xs) + len(ys) < 2 * len(corners):
        return None
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _as_object(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _corners_in(coordinates: object) -> Iterator[tuple[object, object]]:
    """The [x, y] pairs of any GeoJSON geometry."""
    if isinstance(coordinates, list):
        if len(coordinates) >= 2 and not any(isinstance(item, list) for item in coordinates):
            yield coordinates[0], coordinates[1]
        else:
            for item in coordinates:
                yield from _corners_in(item)
