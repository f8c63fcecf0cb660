"""Every format gives the same places on the slide; what is wrong with a file is said."""

import json
import math

import pytest

from analysis.pipeline.detection_files import DetectionsRefused, Frame, fit_to_slide, read_detections

FRAME = Frame(1000, 800, 0.25, 0.24)
# x, y in level-0 px, probability, call
FOUND = [(100.0, 60.0, 0.9, True), (800.0, 700.0, 0.2, False)]
NAMES = {True: "mitotic figure", False: "non-mitotic figure"}


def as_detect() -> dict:
    rows = [{"x_l0": x, "y_l0": y, "probability": p, "mitosis": call} for x, y, p, call in FOUND]
    return {"width": 1000, "height": 800, "mpp": 0.245, "mpp_x": 0.25, "mpp_y": 0.24, "model": "theirs",
            "threshold": 0.6, "candidates": [], "detections": rows}  # fmt: skip


def as_points() -> dict:
    mm = (FRAME.mpp_x / 1000, FRAME.mpp_y / 1000)
    rows = [{"name": NAMES[call], "point": [x * mm[0], y * mm[1], 0], "probability": p} for x, y, p, call in FOUND]
    return {
        "name": "Points of interest",
        "type": "Multiple points",
        "points": rows,
        "version": {"major": 1, "minor": 0},
    }


def as_boxes() -> dict:
    rows = [
        {"id": n, "image_id": 7, "category_id": 1 if call else 2, "bbox": [x - 25, y - 25, x + 25, y + 25], "score": p}
        for n, (x, y, p, call) in enumerate(FOUND)
    ]
    images = [{"id": 7, "file_name": "slide-3.tiff", "width": 1000, "height": 800}, {"id": 8, "file_name": "b.tiff"}]
    names = [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "hard negative"}]
    return {"images": images, "categories": names, "annotations": [*rows, {"image_id": 8, "bbox": "of no matter"}]}


def as_geojson() -> dict:
    def feature(x, y, p, call):
        corners = [[x - 5, y - 5], [x + 5, y - 5], [x + 5, y + 5], [x - 5, y + 5], [x - 5, y - 5]]
        shape = {"type": "Polygon", "coordinates": [corners]} if call else {"type": "Point", "coordinates": [x, y]}
        about = {"objectType": "detection", "classification": {"name": NAMES[call]}, "measurements": {"Score": p}}
        return {"type": "Feature", "geometry": shape, "properties": about}

    return {"type": "FeatureCollection", "features": [feature(*each) for each in FOUND]}


def as_hover() -> dict:
    rows = {
        str(n): {"centroid": [x, y], "type": 1 if call else 2, "type_prob": p, "contour": []}
        for n, (x, y, p, call) in enumerate(FOUND)
    }
    rows["9"] = {"centroid": [5, 5], "type": 3, "type_prob": 0.9}
    return {"mag": None, "nuc": rows, "type_map": {"1": "mitosis", "2": ["hard negative", [0, 0, 0]], "3": "stroma"}}


def as_cells() -> dict:
    rows = [{"centroid": [x, y], "type": NAMES[call], "type_prob": p} for x, y, p, call in FOUND]
    return {"wsi_metadata": {"base_mpp": 0.25}, "cells": rows}


def as_csv(head: str, scale=(1.0, 1.0), separator: str = ",") -> str:
    rows = [[x * scale[0], y * scale[1], p, NAMES[call]] for x, y, p, call in FOUND]
    return "\ufeff" + "\r\n".join([head, *(separator.join(map(str, row)) for row in rows), ""])


FORMATS = {
    "mitosis detect": json.dumps(as_detect()),
    "MIDOG submission": json.dumps(as_points()),
    "MIDOG JSON": json.dumps(as_boxes()),
    "GeoJSON": json.dumps(as_geojson()),
    "HoVer-Net": json.dumps(as_hover()),
    "CellViT": json.dumps(as_cells()),
    "CSV in pixels": as_csv("x,y,probability,label"),
    "CSV in µm": as_csv("Centroid X µm;Centroid Y µm;Score;Class", (0.25, 0.24), ";"),
    "CSV in mm": as_csv("x_mm\ty_mm\tconfidence\tclass", (0.25e-3, 0.24e-3), "\t"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_the_same_places_calls_and_probabilities(name):
    file = read_detections(FORMATS[name].encode(), "slide-3")
    fitted = fit_to_slide(file, FRAME)
    assert file.format == name
    found = [(each.x_l0, each.y_l0, each.probability, each.mitosis) for each in fitted.detections]
    assert found == [pytest.approx(each) for each in FOUND]
    assert fitted.has_probabilities and (fitted.outside, fitted.twice) == (0, 0)
    assert 0.2 < fitted.threshold <= 0.9


def test_a_container_s_list_of_one_answer_and_qupath_s_bare_list_are_read():
    assert len(read_detections(json.dumps([as_points()]).encode(), "").places) == 2
    assert len(read_detections(json.dumps(as_geojson()["features"]).encode(), "").places) == 2


def csv_of(*rows: str, head: str = "x,y,probability"):
    return read_detections("\n".join([head, *rows]).encode(), "slide-3")


def test_a_place_without_a_call_is_called_by_its_probability_and_without_one_always():
    fitted = fit_to_slide(csv_of("10,10,0.4", "500,20,0.6"), FRAME, threshold=0.5)
    assert [each.mitosis for each in fitted.detections] == [False, True]
    bare = fit_to_slide(csv_of("10,10", head="x,y"), FRAME)
    assert [(each.mitosis, each.probability) for each in bare.detections] == [(True, 1.0)]
    assert not bare.has_probabilities and "tells no probabilities" in " ".join(bare.notes)


def test_the_same_place_twice_keeps_the_higher_probability_and_near_ones_are_told():
    fitted = fit_to_slide(csv_of("10,10,0.4", "10,10,0.7", "10,10,0.1", "20,10,0.2"), FRAME)
    assert [each.probability for each in fitted.detections] == [0.7, 0.2]
    assert fitted.twice == 2
    assert "Pairs closer than 7.5 µm, perhaps the same mitosis twice: 1." in " ".join(fitted.notes)


def test_a_few_places_outside_are_left_out_and_many_are_another_slide():
    inside = [f"{10 + 40 * n},{20 + 30 * n},0.5" for n in range(20)]
    fitted = fit_to_slide(csv_of(*inside, "1000,5,0.9"), FRAME)
    assert (len(fitted.detections), fitted.outside) == (20, 1)
    with pytest.raises(
        DetectionsRefused,
        match=r"Outside the slide of .* px: 3 of 23 places, read in .* Perhaps it is of another slide",
    ):
        fit_to_slide(csv_of(*inside, "1000,5,0.9", "-3,5,0.9", "5,9000,0.1"), FRAME)


@pytest.mark.parametrize(
    ("head", "row", "would_fit"),
    [
        ("x_mm,y_mm", "900,700", "They would fit in pixels"),
        ("x_um,y_um", "900,700", "They would fit in pixels"),
        ("x,y", "700,900", "They would fit with x and y changed over"),
    ],
)
def test_the_wrong_unit_or_order_is_refused_with_what_would_fit(head, row, would_fit):
    with pytest.raises(DetectionsRefused, match=would_fit):
        fit_to_slide(csv_of(row, head=head), FRAME)


def test_places_of_a_coarser_level_and_another_pixel_size_or_power_are_told():
    corner = [f"{10 * n},{9 * n},0.5" for n in range(1, 21)]
    assert "coarser level" in " ".join(fit_to_slide(csv_of(*corner), FRAME).notes)
    cells = read_detections(json.dumps(as_cells() | {"wsi_metadata": {"base_mpp": 0.5}}).encode(), "")
    assert "The file has 0.5 by 0.5 µm/px, the slide 0.25 by 0.24." in fit_to_slide(cells, FRAME).notes
    hover = read_detections(json.dumps(as_hover() | {"mag": 80}).encode(), "")
    scaled = fit_to_slide(hover, Frame(1000, 800, 0.25, 0.24, objective=40.0))
    assert [(each.x_l0, each.y_l0) for each in scaled.detections] == [(50, 30), (400, 350)]


REFUSED = {
    "another image": (as_detect() | {"width": 999}, "of an image of 999 x 800 pixels"),
    "a text": ("no table at all", "No columns are called x and y"),
    "no header": ("1,2\n3,4\n", "nothing says whether x or y comes first"),
    "no number": ("x,y\n1,two\n", "Line 2: y is 'two', which is no number"),
    "not finite": ("x,y\n1,nan\n", "Line 2: y is 'nan'"),
    "no probability": ("x,y,p\n1,2,1.5\n", "Line 2: the probability is 1.5"),
    "binary": (b"\x89PNG\r\n\xff\x00", "no text file"),
    "broken": ('{"detections": [', "The JSON breaks off"),
    "deep": ("[" * 200_000, "The JSON breaks off"),
    "unknown": ({"spots": []}, "Nothing in it is known as detections"),
    "empty": ("", "The file is empty"),
    "a number in the list": ({"points": [3]}, "points is no list of objects"),
    "infinite": ({"points": [{"point": [math.inf, 1, 0]}]}, "Point 1: x is 'inf'"),
    "huge": ('{"points": [{"point": [1' + "0" * 400 + ", 1, 0]}]}", "Point 1: x is"),
    "widths": (
        as_boxes() | {"annotations": [{"image_id": 7, "category_id": 1, "bbox": [100, 100, 50, 50]}]},
        "ends before it begins",
    ),
    "types that nothing names": ({"nuc": {"1": {"centroid": [1, 2], "type": 3}}}, "which type of nucleus is a mitosis"),
    "too many": ("x,y\n" + "1,2\n" * 50_001, "at most 50,000"),
    "no such class": ("x,y,label\n1,2,stroma\n", r"a class called mitosis .* 1 place, of stroma"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_words(case):
    content, sentence = REFUSED[case]
    if isinstance(content, dict):
        content = json.dumps(content)
    with pytest.raises(DetectionsRefused, match=sentence):
        fit_to_slide(read_detections(content if isinstance(content, bytes) else content.encode(), "slide-3"), FRAME)


def test_of_several_images_that_of_the_slide_is_taken_or_none():
    assert len(read_detections(FORMATS["MIDOG JSON"].encode(), "SLIDE-3.svs").places) == 2
    with pytest.raises(DetectionsRefused, match=r"of 2 images \(slide-3.tiff, b.tiff\), and none is called"):
        read_detections(FORMATS["MIDOG JSON"].encode(), "another")
    rows = "image,x,y\na.tif,1,2\nb.tif,3,4\n"
    assert [place.x for place in read_detections(rows.encode(), "b").places] == [3]
