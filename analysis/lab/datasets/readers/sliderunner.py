"""SlideRunner's sqlite, the form of CCMCT and CMC: whole slides with annotations of named classes.

Classes go by name (the mitosis is 2 in CCMCT and 1 elsewhere), deleted annotations are left out, and a place is the
middle of the annotation's corners. Votes are the persons' classes of `Annotations_label`. A slide without annotations
is unlabelled. Opened read-only. Source: SlideRunner's database module (Aubreville et al. 2018).
"""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import BORDER_PX
from analysis.lab.datasets.records import Label, LabelledImage
from analysis.pipeline.detection_files.class_names import kind_of

NAME = "SlideRunner sqlite"
MAX_SIDE_PX = 2_000_000
MAGIC = b"SQLite format 3\0"
TABLES = {"Slides", "Annotations", "Annotations_coordinates", "Classes"}
PLACES = """
    SELECT annoId, (MIN(coordinateX) + MAX(coordinateX)) / 2.0, (MIN(coordinateY) + MAX(coordinateY)) / 2.0,
           SUM(typeof(coordinateX) NOT IN ('integer', 'real') OR typeof(coordinateY) NOT IN ('integer', 'real'))
    FROM Annotations_coordinates GROUP BY annoId
"""


def recognises(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC or path.suffix.lower() == ".sqlite"


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """Slides by uid, their annotations by uid."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if TABLES - tables:
                what = f"it lacks the tables {', '.join(sorted(TABLES - tables))}"
                faults.error("not_sliderunner", what, "Hand in a database saved by SlideRunner")
                return []
            return _read_slides(database, path, tables, faults)
    except sqlite3.DatabaseError as error:
        faults.error("broken_sqlite", f"the database cannot be read ({error})", "Copy the file again")
        return []


def _read_slides(database: sqlite3.Connection, path: Path, tables: set[str], faults: Faults) -> list[LabelledImage]:
    classes = {uid: str(name) for uid, name in database.execute("SELECT uid, name FROM Classes")}
    if MITOSIS not in map(kind_of, classes.values()):
        names = ", ".join(map(repr, classes.values())) or "none"
        faults.error("no_mitosis_class", f"no class is called mitotic figure (there is {names})", "Name it so")
    slides = _read_rows(database, "Slides", ("uid", "filename", "width", "height"))
    labels = _read_labels(database, classes, tables, {slide["uid"]: str(slide["filename"]) for slide in slides}, faults)
    pictures = Pictures(path.parent)
    return [_make_image(path, slide, tuple(labels.get(slide["uid"], ())), pictures) for slide in slides]


def _read_rows(database: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> list[dict]:
    """The columns of a table that are there, as dicts ordered by uid; older versions lack some."""
    present = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    names = [column for column in columns if column in present]
    rows = database.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY uid")
    return [dict.fromkeys(columns) | dict(zip(names, row, strict=True)) for row in rows]


def _read_labels(
    database: sqlite3.Connection, classes: dict, tables: set[str], slides: dict, faults: Faults
) -> dict[int, list[Label]]:
    """Slide uid → labels; `slides` are the names by uid."""
    places = {anno: (x, y, odd) for anno, x, y, odd in database.execute(PLACES)}
    # Annotation uid → each person's kind, in the order they were given.
    votes: dict[int, list[str]] = {}
    if "Annotations_label" in tables:
        for anno, voted in database.execute("SELECT annoId, class FROM Annotations_label ORDER BY uid"):
            votes.setdefault(anno, []).append(kind_of(classes.get(voted, "")))
    found: dict[int, list[Label]] = {}
    for row in _read_rows(database, "Annotations", ("uid", "slide", "agreedClass", "deleted")):
        uid = row["uid"]
        if row["deleted"]:
            continue
        at = faults.of(str(uid), slides.get(row["slide"], ""))
        if row["slide"] not in slides:
            what = f"it belongs to slide {row['slide']!r}, which the database does not list"
            at.error("unknown_image", what, "Add the slide or delete the annotation")
        elif row["agreedClass"] not in classes and row["agreedClass"] not in (0, None):
            what = f"it has class {row['agreedClass']!r}, which the database does not list"
            at.error("unknown_class", what, "Add the class or delete the annotation")
        elif _is_place(places.get(uid), at):
            x, y, _ = places[uid]
            name = classes.get(row["agreedClass"], "")
            label = Label(float(x), float(y), kind_of(name), tuple(votes.get(uid, ())), name, annotation=str(uid))
            found.setdefault(row["slide"], []).append(label)
    return found


def _is_place(place: tuple | None, faults: Faults) -> bool:
    """Whether an annotation's corners make a place; a fault where not."""
    advice = "Delete the annotation in SlideRunner or correct its coordinates"
    if place is None:
        faults.error("no_coordinates", "it has no coordinates", advice)
    elif place[2] or not all(map(math.isfinite, place[:2])):
        faults.error("not_a_number", "its coordinates are no numbers", advice)
    elif min(place[:2]) < -BORDER_PX:
        faults.error("negative", f"it lies at {place[0]:g}, {place[1]:g}, which is negative", advice)
    else:
        return True
    return False


def _make_image(path: Path, slide: dict, labels: tuple[Label, ...], pictures: Pictures) -> LabelledImage:
    name = str(slide["filename"])
    facts = image_facts(pictures.find(name))
    told = {
        key: slide[key] for key in ("width", "height") if isinstance(slide[key], int) and 0 < slide[key] <= MAX_SIDE_PX
    }
    return LabelledImage(
        name=name,
        slide=name,
        patient=name,
        collection=path.stem,
        source=path,
        labels=labels,
        labelled=bool(labels),
        **(facts | {key: value for key, value in told.items() if facts[key] is None}),
    )
