"""Small label files of each format, written as their programs write them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

CATEGORIES = [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "not mitotic figure"}]


def midog(folder: Path, boxes: list, images: list[dict] | None = None, **changes) -> Path:
    """A MIDOG JSON, one annotation a line; `boxes` are (bbox, category_id) or whole annotations."""
    images = images or [{"id": 1, "file_name": "001.tiff", "width": 7000, "height": 5000, "license": 1}]
    annotations = [
        box if isinstance(box, dict) else {"id": n, "image_id": 1, "bbox": box[0], "category_id": box[1]}
        for n, box in enumerate(boxes, 1)
    ]
    lists = {"licenses": [{"id": 1, "name": "CC0"}], "images": images, "categories": CATEGORIES} | changes
    head = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in lists.items())
    rows = ",\n".join(map(json.dumps, annotations))
    path = folder / "MIDOG.json"
    path.write_text(f'{{{head},\n"annotations": [\n{rows}\n]}}')
    return path


def first_box_line(path: Path) -> int:
    """The line on which the annotations of `midog` begin."""
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if '"annotations"' in line) + 1


def text(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sliderunner(
    folder: Path, annotations: list[tuple], classes: tuple = ((2, "Mitotic figure"), (1, "Mitosis-like"))
) -> Path:
    """A SlideRunner database with two slides; `annotations` are (uid, slide, class, deleted, corners, votes)."""
    path = folder / "CCMCT.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("""
            CREATE TABLE Slides (uid INTEGER PRIMARY KEY, filename TEXT, width INTEGER, height INTEGER, directory TEXT);
            CREATE TABLE Annotations (uid INTEGER PRIMARY KEY, slide INTEGER, type INTEGER, agreedClass INTEGER,
                                      deleted INTEGER DEFAULT 0);
            CREATE TABLE Annotations_coordinates (uid INTEGER PRIMARY KEY, coordinateX INTEGER, coordinateY INTEGER,
                                                  slide INTEGER, annoId INTEGER, orderIdx INTEGER);
            CREATE TABLE Annotations_label (uid INTEGER PRIMARY KEY, person INTEGER, class INTEGER, annoId INTEGER);
            CREATE TABLE Classes (uid INTEGER PRIMARY KEY, name TEXT, color TEXT);
            CREATE TABLE Persons (uid INTEGER PRIMARY KEY, name TEXT);
            INSERT INTO Slides VALUES (1, 'a.svs', 80000, 60000, ''), (2, 'b.svs', 90000, 70000, '');
        """)
        database.executemany("INSERT INTO Classes VALUES (?, ?, '#f00')", classes)
        for uid, slide, agreed, deleted, corners, votes in annotations:
            database.execute("INSERT INTO Annotations VALUES (?, ?, 2, ?, ?)", (uid, slide, agreed, deleted))
            for order, (x, y) in enumerate(corners):
                row = (x, y, slide, uid, order)
                database.execute("INSERT INTO Annotations_coordinates VALUES (NULL, ?, ?, ?, ?, ?)", row)
            for person, voted in enumerate(votes):
                database.execute("INSERT INTO Annotations_label VALUES (NULL, ?, ?, ?)", (person, voted, uid))
        database.commit()
    return path
