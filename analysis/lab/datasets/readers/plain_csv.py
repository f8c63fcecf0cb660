"""A plain table of places, one per line, with a header that names its columns; any separator, BOM or line end.

The columns are found by the names that people give them (`COLUMNS`). Without an image column the whole file is about
one image, named as the file. A line with an image and no coordinates says that the image was looked at and holds
nothing.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers import mitos_atypia
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import Row, read_coordinate, read_rows
from analysis.lab.datasets.records import Label, LabelledImage
from analysis.pipeline.detection_files.cells import number_of
from analysis.pipeline.detection_files.class_names import kind_of

NAME = "plain CSV"
COLUMNS = {
    "x": ("x", "x_l0", "x_px", "px", "cx", "x_center", "x_centre", "center_x", "centre_x", "centroid_x",
          "centroid x px", "slide_x", "col", "column", "pos_x"),
    "y": ("y", "y_l0", "y_px", "py", "cy", "y_center", "y_centre", "center_y", "centre_y", "centroid_y",
          "centroid y px", "slide_y", "row", "pos_y"),
    "label": ("label", "class", "kind", "category", "classification", "type", "subtype", "name"),
    "image": ("image", "frame", "image_name", "file_name", "filename", "file", "image_id", "slide_name", "slide"),
    "slide": ("slide", "slide_id", "wsi"),
    "patient": ("patient", "patient_id", "case", "case_id"),
    "split": ("split", "fold", "subset", "dataset"),
    "mpp": ("mpp", "mpp_x", "pixel_size", "um_per_px"),
    "tumour": ("tumour", "tumor", "tumour_type", "tumor_type"),
    "scanner": ("scanner",),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
    "licence": ("licence", "license"),
}  # fmt: skip

MAX_SIDE_PX = 2_000_000
PLAIN_NAMES = {"annotations", "labels", "manifest", "train", "training", "val", "valid", "validation", "test", ""}


@dataclass(frozen=True)
class Table:
    """A CSV's columns, by what they mean, and its lines below the header `head`."""

    head: list[str]
    columns: dict[str, int]
    rows: list[Row]

    def cell(self, row: Row, meaning: str) -> str:
        index = self.columns.get(meaning)
        return row.cells[index] if index is not None and index < len(row.cells) else ""


def recognises(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".txt")


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """Images in the order they first appear; images at hand that the table does not name are unlabelled."""
    table = _read_table(path, faults)
    if table is None:
        return []
    pictures = Pictures(path.parent)
    by_image: dict[str, list[Row]] = {}
    for row in table.rows:
        name = table.cell(row, "image") if "image" in table.columns else path.stem
        if not name:
            faults.error("image_unnamed", "the line names no image", "Name it or take the line out", row.line)
        else:
            by_image.setdefault(name, []).append(row)
    images = [_make_image(path, name, rows, table, pictures, faults) for name, rows in by_image.items()]
    return images + _images_not_named(path, images, pictures)


def _read_table(path: Path, faults: Faults) -> Table | None:
    """The table, or None and a fault where it is empty or its header does not say where x and y are."""
    rows = read_rows(path, faults)
    if not rows:
        if not faults.found:
            faults.error("empty", "the file is empty", "A table needs a header line, such as image,x,y,label")
        return None
    head = [_plain_heading(cell) for cell in rows[0].cells]
    columns = columns_of(head)
    if all(number_of(cell) is not None for cell in rows[0].cells):
        what = "the first line holds numbers, so nothing says whether x or y comes first"
        faults.error("no_header", what, "Add a header line, such as x,y,label", rows[0].line)
        return None
    if lacking := [name for name in ("x", "y") if name not in columns]:
        what = f"no column is called {' or '.join(lacking)} (there is {', '.join(rows[0].cells)})"
        faults.error("no_columns", what[:200], "Name the columns x and y, in pixels", rows[0].line)
        return None
    if "label" not in columns:
        what = "no column says the class, so every line is taken for a mitosis"
        faults.warn("no_label_column", what, "Add a column label with mitosis or look_alike", rows[0].line)
    return Table(head, columns, rows[1:])


def columns_of(head: list[str]) -> dict[str, int]:
    """What each column means → its index. The first name in COLUMNS' order that is there wins."""
    found = {
        meaning: next(head.index(name) for name in names if name in head)
        for meaning, names in COLUMNS.items()
        if any(name in head for name in names)
    }
    if "x" in found and head[found["x"]] == "slide_x" and "slide" in head:
        # Places in a slide beside the name of a crop: the image is the slide.
        found["image"] = head.index("slide")
    return found


def _plain_heading(cell: str) -> str:
    """Lower case without units and signs: "Centroid X µm" keeps its unit out, "Centroid X px" is "centroid x px"."""
    return re.sub(r"\s+", " ", cell.strip().lower().replace("[", "").replace("]", "").replace("(", "").replace(")", ""))


def _make_image(
    path: Path, name: str, rows: list[Row], table: Table, pictures: Pictures, faults: Faults
) -> LabelledImage:
    told = {
        meaning: _only_value(name, rows, meaning, table, faults)
        for meaning in COLUMNS
        if meaning not in ("x", "y", "label")
    }
    frame = mitos_atypia.facts_of_frame(name)
    facts = image_facts(pictures.find(name), frame["mpp"] if frame else None)
    mpp = number_of(told["mpp"]) if told["mpp"] else None
    if mpp:
        facts |= {"mpp": mpp, "mpp_source": "given"}
    for side in ("width", "height"):
        value = number_of(told[side]) if told[side] else None
        facts[side] = facts[side] or (int(value) if value and 0 < value <= MAX_SIDE_PX else None)
    if pictures and facts["path"] is None and "image" in table.columns:
        what = f"{name} is not among the images beside the file"
        faults.error("unknown_image", what, "Put the image there or take its lines out", rows[0].line, name)
    slide = told["slide"] or (name[:3] if frame else name)
    return LabelledImage(
        name=name,
        slide=slide,
        patient=told["patient"] or (frame["patient"] if frame else slide),
        collection=mitos_atypia.COLLECTION if frame else _collection_name(path),
        source=path,
        line=rows[0].line,
        labels=tuple(label for row in rows if (label := _read_label(row, name, table, faults)) is not None),
        tumour=told["tumour"] or ("human breast cancer" if frame else ""),
        scanner=told["scanner"] or (frame["scanner"] if frame else ""),
        split=told["split"],
        licence=told["licence"],
        **facts,
    )


def _collection_name(path: Path) -> str:
    """The name of the file, or of the nearest folder, that is not one which every data set has."""
    names = [path.stem, *(folder.name for folder in path.resolve().parents)]
    return next((name for name in names if name.lower() not in PLAIN_NAMES), path.stem)


def _only_value(name: str, rows: list[Row], meaning: str, table: Table, faults: Faults) -> str:
    """The one value that an image's lines agree on; a fault where they differ."""
    values = {table.cell(row, meaning): row.line for row in rows if table.cell(row, meaning)}
    if len(values) > 1 and meaning != "image":
        first, second, *_ = values
        what = f"{name} has {meaning} {first!r} on line {values[first]} and {second!r} here"
        faults.error("contradiction", what, "Let all its lines say the same", values[second], name)
    return next(iter(values), "")


def _read_label(row: Row, name: str, table: Table, faults: Faults) -> Label | None:
    cells = table.cell(row, "x"), table.cell(row, "y")
    if not any(cells) and "image" in table.columns:
        return None
    x, y = (read_coordinate(cell, axis, row.line, faults, name) for cell, axis in zip(cells, "xy", strict=True))
    if x is None or y is None:
        return None
    if "label" not in table.columns:
        return Label(x, y, MITOSIS, line=row.line)
    class_name = table.cell(row, "label")
    if not class_name:
        faults.error("no_class", "the line names no class", "Write mitosis or look_alike there", row.line, name)
        return None
    # A subtype (normal, atypical) is told of mitoses alone.
    kind = MITOSIS if table.head[table.columns["label"]] == "subtype" else kind_of(class_name)
    return Label(x, y, kind, class_name=class_name, line=row.line)


def _images_not_named(path: Path, images: list[LabelledImage], pictures: Pictures) -> list[LabelledImage]:
    """Images at hand that a table with several images does not name; they are unlabelled."""
    named = {image.path for image in images}
    if not any(named):
        return []
    folders = {picture.parent for picture in named if picture}
    rest = [picture for picture in pictures.all() if picture not in named and picture.parent in folders]
    if len(images) == 1 and images[0].name == path.stem:
        return []
    found = []
    for picture in rest:
        frame = mitos_atypia.facts_of_frame(picture.name)
        slide = picture.name[:3] if frame else picture.name
        image = LabelledImage(
            name=picture.name,
            slide=slide,
            patient=frame["patient"] if frame else slide,
            collection=images[0].collection,
            source=path,
            labelled=False,
            **image_facts(picture, frame["mpp"] if frame else None),
        )
        found.append(image)
    return found
