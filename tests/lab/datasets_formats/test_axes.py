"""Swapped axes are told of the whole file, by the images' sizes or by their pixels, and no good label is given up."""

import csv
import json

import cv2
import numpy as np
import pytest

from analysis.lab.datasets.axes import DARKER_MIN_LABELS
from analysis.lab.datasets.readers import parse_labels, read_labels
from analysis.lab.errors import DatasetRefused
from tests.lab.datasets_formats import makers
from tests.pipeline.makers import planted_tissue

SIDE = 800
HEAD = "image,width,height,x,y,label\n"


def places(count: int = 24, width: int = SIDE, height: int = SIDE) -> list[tuple[int, int]]:
    """Places that swapping moves, apart from each other and from one another's swapped ones."""
    rng = np.random.default_rng(3)
    found: list[tuple[int, int]] = []
    while len(found) < count:
        x, y = int(rng.integers(30, width - 30)), int(rng.integers(30, height - 30))
        near = [(a, b) for a, b in found if min(np.hypot(a - x, b - y), np.hypot(b - x, a - y)) < 40]
        if abs(x - y) >= 60 and not near:
            found.append((x, y))
    return found


def tupac(folder, cells: list, rows: list, pixels: bool = True) -> None:
    """A TUPAC16 folder of one square image with nuclei at `cells` (x, y) and labels `rows` as the file has them."""
    makers.text(folder, "mitoses_ground_truth/30/01.csv", "".join(f"{a},{b}\n" for a, b in rows))
    image = folder / "mitoses_image_data" / "30" / "01.tif"
    image.parent.mkdir(parents=True)
    if pixels:
        cv2.imwrite(str(image), cv2.cvtColor(planted_tissue(SIDE, SIDE, cells), cv2.COLOR_RGB2BGR))


def told(path, code: str = "") -> list:
    return [fault for fault in parse_labels(path).faults if code in ("", fault.code)]


def test_swapped_axes_on_square_images_are_seen_by_how_dark_the_places_are(tmp_path):
    cells = places()
    tupac(tmp_path, cells, cells)
    [fault] = told(tmp_path, "swapped_axes")
    assert (fault.severity, fault.file) == ("error", tmp_path)
    assert "axes look swapped: the images are darker at the places with x and y swapped" in fault.what
    with pytest.raises(DatasetRefused, match="Swap x and y in the whole file"):
        read_labels(tmp_path)


def test_axes_of_square_images_that_are_right_are_left_alone(tmp_path):
    cells = places()
    tupac(tmp_path, cells, [(y, x) for x, y in cells])
    assert not told(tmp_path, "swapped_axes")
    assert not told(tmp_path, "axes_unchecked")


@pytest.mark.parametrize(
    ("count", "cells", "why"),
    [
        (DARKER_MIN_LABELS - 1, places(DARKER_MIN_LABELS - 1), "only 19 places have pixels that tell"),
        (24, [], "the images are about as dark at the places either way"),
    ],
)
def test_pixels_that_do_not_tell_are_said_so(tmp_path, count, cells, why):
    tupac(tmp_path, cells, places(count))
    [fault] = told(tmp_path, "axes_unchecked")
    assert fault.severity == "note"
    assert why in fault.what


def test_square_images_without_pixels_give_a_note_that_axes_cannot_be_checked(tmp_path):
    images = [{"id": 1, "file_name": "001.tiff", "width": 2000, "height": 2000}]
    path = makers.midog(tmp_path, [([x, y, x + 50, y + 50], 1) for x, y in places()], images)
    [fault] = told(path, "axes_unchecked")
    assert fault.severity == "note"
    assert "the sizes of the images allow both, and no pixels are at hand" in fault.what


def test_labels_without_any_image_give_that_note_too(tmp_path):
    tupac(tmp_path, [], places(), pixels=False)
    assert "not all sizes of the images are known" in told(tmp_path, "axes_unchecked")[0].what


def test_a_picture_that_cannot_be_decoded_is_passed_over(tmp_path):
    tupac(tmp_path, [], places(), pixels=False)
    makers.text(tmp_path, "mitoses_image_data/30/01.tif", b"II*\0 and nothing more")
    assert told(tmp_path, "axes_unchecked")


def test_swapped_axes_are_one_fault_of_the_whole_file_where_sizes_tell(tmp_path):
    """Few labels of each image lie outside, and in some images none does."""
    rows = [(f"{n // 6}", x, y) for n, (x, y) in enumerate(places(24, 900, 700))]
    path = makers.text(tmp_path, "p.csv", HEAD + "".join(f"{n},900,700,{y},{x},mf\n" for n, x, y in rows))
    outside = sum(x > 725 for _, x, _ in rows)
    assert 2 < outside < 12
    [fault] = [fault for fault in told(path) if fault.severity == "error"]
    assert (fault.code, fault.line) == ("swapped_axes", None)
    assert f"axes look swapped: {outside} of 24 places lie outside, such as " in fault.what
    assert "(900 x 700 px), and none with x and y swapped" in fault.what
    assert not told(path, "centre_outside")


def test_two_slips_among_many_labels_are_not_taken_for_swapped_axes(tmp_path):
    rows = [(x, y) for x, y in places(60, 900, 400) if x < 380] + [(300, 470), (310, 480)]
    path = makers.text(tmp_path, "p.csv", HEAD + "".join(f"a,900,400,{x},{y},mf\n" for x, y in rows * 3))
    assert not told(path, "swapped_axes")
    assert {fault.advice for fault in told(path, "centre_outside")} == {
        "With x and y swapped it lies inside; swap them if so, else correct it or take it out"
    }


def test_one_image_that_is_swapped_among_right_ones_is_named(tmp_path):
    rows = [("a", x, y) for x, y in places(20, 900, 400)] + [("b", y, x) for x, y in places(20, 900, 400)]
    path = makers.text(tmp_path, "p.csv", HEAD + "".join(f"{n},900,400,{x},{y},mf\n" for n, x, y in rows))
    [fault] = told(path, "swapped_axes")
    assert "axes of b look swapped" in fault.what
    assert not told(path, "centre_outside")


@pytest.mark.needs_data
@pytest.mark.parametrize("ids", [range(1, 7), range(1, 554)], ids=["six images", "all"])
def test_real_boxes_that_are_swapped_give_one_fault_and_no_advice_to_give_labels_up(data_dir, tmp_path, ids):
    document = json.loads((data_dir / "formats" / "MIDOG++.json").read_text())
    document["images"] = [image for image in document["images"] if image["id"] in ids]
    kept = [label for label in document["annotations"] if label["image_id"] in ids]
    document["annotations"] = [label | {"bbox": [label["bbox"][at] for at in (1, 0, 3, 2)]} for label in kept]
    path = makers.text(tmp_path, "MIDOG.json", json.dumps(document))
    assert [fault.code for fault in told(path) if fault.severity == "error"] == ["swapped_axes"]
    assert not told(path, "centre_outside")


@pytest.mark.needs_data
@pytest.mark.parametrize("swapped", [False, True])
def test_real_frames_are_told_by_their_pixels_where_sizes_do_not_tell(data_dir, tmp_path, swapped):
    """The training slides' places in the square part of their frames."""
    (tmp_path / "frames").symlink_to(data_dir / "mitos14" / "frames")
    with (data_dir / "mitos14" / "annotations.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["slide"] != "H05" and float(row["x"]) < 1480]
    order = ("y", "x") if swapped else ("x", "y")
    lines = [f"{row['frame']},{row[order[0]]},{row[order[1]]},{row['label']}\n" for row in rows]
    path = makers.text(tmp_path, "p.csv", "image,x,y,label\n" + "".join(lines))
    assert len(told(path, "swapped_axes")) == swapped
    assert not told(path, "axes_unchecked")
