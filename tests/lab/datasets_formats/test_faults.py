"""Bad input: each fault is refused in words, with file and line and what to do."""

import json
import sqlite3

import pytest

from analysis.lab.datasets.readers import parse_labels, read_labels
from analysis.lab.errors import DatasetRefused
from tests.lab.datasets_formats import makers
from tests.lab.datasets_formats.makers import midog, text

BOX = ([100, 100, 150, 150], 1)
HEAD = "image,width,height,x,y,label\n"
PIXELS = ",".join(f"{x},{y}" for y in range(20) for x in range(10))


def boxes(*numbers) -> list:
    return [(list(four), 1) for four in numbers]


# What is made, the file and line that must be named (lines of annotations count from the first), what is said.
TABLES = {
    "text for a number": (
        "p.csv",
        "x,y,label\n1,2,mitosis\nfar,4,mitosis\n",
        "p.csv, line 3",
        "x is 'far', which is no number",
    ),
    "an empty coordinate": ("p.csv", "x,y,label\n1,,mitosis\n", "p.csv, line 2", "y is empty"),
    "NaN": ("p.csv", "x,y,label\nNaN,2,mitosis\n", "p.csv, line 2", "x is NaN"),
    "infinity": ("p.csv", "x,y,label\n1,inf,mitosis\n", "p.csv, line 2", "y is inf"),
    "negative": ("p.csv", "x,y,label\n1,-300,mitosis\n", "p.csv, line 2", "y is -300, which is negative"),
    "no class": ("p.csv", "x,y,label\n1,2,\n", "p.csv, line 2", "names no class"),
    "no header": ("p.csv", "1,2\n3,4\n", "p.csv, line 1", "nothing says whether x or y comes first"),
    "other columns": ("p.csv", "file,subtype\na,normal\n", "p.csv, line 1", "no column is called x or y"),
    "an empty table": ("p.csv", "", "p.csv", "the file is empty"),
    "no text": ("p.csv", b"x,y,label\n1,2,\xff\xfe\n", "p.csv, line 2", "no UTF-8 text"),
    "bytes of a picture": ("p.csv", b"x,y\0\0", "p.csv, line 1", "no text file"),
    "no image name": ("p.csv", "image,x,y,label\n,1,2,mitosis\n", "p.csv, line 2", "names no image"),
    "two pixel sizes": (
        "p.csv",
        "x,y,label,mpp\n1,2,mf,0.25\n3,4,mf,0.5\n",
        "p.csv, line 3",
        "'0.25' on line 2 and '0.5' here",
    ),
    "an absurd pixel size": (
        "p.csv",
        "x,y,label,mpp\n1,2,mf,25\n",
        "p.csv, line 2",
        "25 µm per pixel, which is absurd",
    ),
    "swapped axes": (
        "p.csv",
        HEAD + "a,900,400,380,700,mf\na,900,400,300,810,mf\n",
        "p.csv",
        "none with x and y swapped",
    ),
    "a centre outside": (
        "p.csv",
        HEAD + "a,900,400,10,70,mf\na,900,400,950,70,mf\n",
        "p.csv, line 3",
        "lies 50 px outside a (900 x 400 px)",
    ),
    "another level": (
        "p.csv",
        HEAD + "".join(f"{i},900,400,{n},{n},mf\n" for i in "ab" for n in range(10, 90, 12)),
        "p.csv",
        "they look like pixels of a smaller level",
    ),
    "a larger level": (
        "p.csv",
        HEAD + "".join(f"a,900,400,{n},{n},mf\n" for n in (1000, 2000, 3000)),
        "p.csv",
        "pixels of a larger image",
    ),
    "millimetres": (
        "p.csv",
        HEAD + "".join(f"a,900,400,{n},{n},mf\n" for n in (0.1, 1.2, 0.3)),
        "p.csv",
        "they look like millimetres",
    ),
    "one patient in two parts": (
        "p.csv",
        "image,patient,split,x,y,label\na,7,train,1,2,mf\nb,7,test,1,2,mf\n",
        "p.csv, line 2",
        "patient p/7 is in test and train",
    ),
    "an image in two parts": (
        "p.csv",
        "image,split,x,y,label\na,train,1,2,mf\na,test,1,200,mf\n",
        "p.csv, line 3",
        "has split 'train' on line 2",
    ),
    "TUPAC with three numbers too many": (
        "23/01.csv",
        "1,2\n1,2,3,4,5\n",
        "01.csv, line 2",
        "5 columns instead of row,column",
    ),
    "TUPAC with a header": ("23/01.csv", "row,col\n1,2\n", "01.csv, line 1", "the row is 'row', which is no number"),
    "ATYPIA with one number": (
        "A03_00Aa_mitosis.csv",
        "5\n",
        "A03_00Aa_mitosis.csv, line 1",
        "1 columns instead of x,y",
    ),
    "ICPR with an odd number": (
        "A00_00.csv",
        f"{PIXELS}\n{PIXELS},7\n",
        "A00_00.csv, line 2",
        "401 numbers, which make no pairs",
    ),
    "ICPR with points": ("A00_00.csv", "10,20\n", "A00_00.csv, line 1", "only 1 pixels, too few"),
    "ICPR with scattered pixels": ("A00_00.csv", f"{PIXELS},900,3\n", "A00_00.csv, line 1", "too far for one mitosis"),
    "GeoJSON without places": (
        "a.geojson",
        '{"type": "FeatureCollection", "features": [\n{"geometry": null}]}',
        "a.geojson, line 2, annotation number 1",
        "no coordinates",
    ),
    "half a JSON": ("m.json", '{"images": [\n{"id": 1},', "m.json, line 2", "the JSON breaks off"),
    "another JSON": ("m.json", '{"images": []}', "m.json", "there is no list categories, annotations"),
    "a list": ("m.json", "[1, 2]", "m.json, line 1", "holds no object"),
    "a text as sqlite": ("m.sqlite", "hello", "m.sqlite", "the database cannot be read"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_faulty_table_is_refused_with_its_file_and_line(tmp_path, case):
    name, content, place, said = TABLES[case]
    with pytest.raises(DatasetRefused) as refusal:
        read_labels(text(tmp_path, name, content))
    assert f"{place}: " in str(refusal.value)
    assert said in str(refusal.value)


JSON_FAULTS = {
    "width and height for corners": (boxes((100, 200, 50, 50), (900, 800, 50, 50)), 0, "look like x, y, width, height"),
    "a box turned round": (
        [BOX, *boxes((300, 100, 200, 150)), BOX],
        1,
        "annotation 2 of image 001.tiff: the box 300, 100, 200, 150 ends before",
    ),
    "three numbers": ([BOX, ([1, 2, 3], 1)], 1, "annotation 2 of image 001.tiff: the bbox is [1, 2, 3]"),
    "text in a box": ([([1, 2, "3", 4], 1)], 0, "the bbox is [1, 2, '3', 4]"),
    "NaN in a box": ([([1, 2, float("nan"), 4], 1)], 0, "the bbox is [1, 2, nan, 4]"),
    "an unknown image": (
        [BOX, {"id": 7, "image_id": 9, "bbox": BOX[0], "category_id": 1}],
        1,
        "annotation 7: it is for image 9",
    ),
    "an unknown category": ([BOX, (BOX[0], 5)], 1, "annotation 2 of image 001.tiff: it has category 5"),
    "no object": ([BOX, {}], 1, "annotation number 2: the bbox is None"),
}


@pytest.mark.parametrize("case", JSON_FAULTS)
def test_a_faulty_midog_json_is_refused_with_its_line(tmp_path, case):
    annotations, line, said = JSON_FAULTS[case]
    path = midog(tmp_path, annotations)
    with pytest.raises(DatasetRefused) as refusal:
        read_labels(path)
    assert f"MIDOG.json, line {makers.first_box_line(path) + line}" in str(refusal.value)
    assert said in str(refusal.value)


def test_categories_without_a_mitosis_are_refused(tmp_path):
    with pytest.raises(DatasetRefused, match="no category is called mitotic figure"):
        read_labels(midog(tmp_path, [BOX], categories=[{"id": 1, "name": "nucleus"}]))


def test_an_image_listed_twice_is_refused(tmp_path):
    images = [{"id": i, "file_name": "001.tiff", "width": 7000, "height": 5000} for i in (1, 2)]
    with pytest.raises(DatasetRefused, match=r"image 001.tiff \(id 2\) is listed twice"):
        read_labels(midog(tmp_path, [BOX], images))


SQLITE_FAULTS = {
    "an unknown slide": ((5, 9, 2, 0, ((1, 2),), ()), "belongs to slide 9"),
    "an unknown class": ((5, 1, 7, 0, ((1, 2),), ()), "has class 7"),
    "no coordinates": ((5, 1, 2, 0, (), ()), "has no coordinates"),
    "text": ((5, 1, 2, 0, (("here", 2),), ()), "coordinates are no numbers"),
    "a negative place": ((5, 1, 2, 0, ((-400, 2),), ()), "lies at -400, 2, which is negative"),
    "a place outside": ((5, 1, 2, 0, ((90000, 2),), ()), "10000 px outside a.svs"),
}


@pytest.mark.parametrize("case", SQLITE_FAULTS)
def test_a_faulty_annotation_of_a_database_is_refused_with_its_number(tmp_path, case):
    annotation, said = SQLITE_FAULTS[case]
    good = [(n, 1, 2, 0, ((40000 + n * 99, 50000),), ()) for n in range(1, 4)]
    with pytest.raises(DatasetRefused) as refusal:
        read_labels(makers.sliderunner(tmp_path, [*good, annotation]))
    of_image = "" if annotation[1] == 9 else " of image a.svs"
    assert f"CCMCT.sqlite, annotation 5{of_image}: " in str(refusal.value)
    assert said in str(refusal.value)


def test_a_database_of_another_program_is_refused(tmp_path):
    sqlite3.connect(tmp_path / "x.sqlite").execute("CREATE TABLE Slides (uid)").connection.close()
    with pytest.raises(DatasetRefused, match="lacks the tables Annotations, Annotations_coordinates, Classes"):
        read_labels(tmp_path / "x.sqlite")


def test_only_three_faults_are_told_and_where_to_see_the_others(tmp_path):
    path = text(tmp_path, "p.csv", "x,y,label\n" + "a,b,mitosis\n" * 5)
    with pytest.raises(DatasetRefused) as refusal:
        read_labels(path)
    assert str(refusal.value).count("p.csv, line") == 3
    assert f"And 7 more: `mitosis data check {path}` lists them." in str(refusal.value)
    assert len(refusal.value.faults) == 12, "ten cells; no mitosis is left and no pixel size is told"


def test_what_is_no_label_file_is_refused_with_the_formats_that_are_known(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DatasetRefused, match="there are readers for SlideRunner sqlite"):
        read_labels(tmp_path)
    with pytest.raises(DatasetRefused, match="is not there"):
        read_labels(tmp_path / "nothing.csv")


WARNINGS = {
    "duplicate": "x,y,label\n100,100,mf\n104,103,mf\n",
    "contradiction": "x,y,label\n100,100,mf\n112,100,non-mitosis\n",
    "no_label_column": "x,y\n100,100\n",
    "no_pixel_size": "x,y,label\n100,100,mf\n",
    "non_commercial": "x,y,label,licence\n100,100,mf,CC BY-NC-ND 4.0\n",
    "misspelt_class": "x,y,label\n100,100,mf\n300,300,mitosys\n",
    "no_mitosis": "x,y,label\n100,100,imposter\n",
    "centre_outside": HEAD + "a,900,400,10,70,mf\na,900,400,905,70,mf\n",
}


@pytest.mark.parametrize("code", WARNINGS)
def test_what_a_person_should_look_at_is_a_warning_and_still_read(tmp_path, code):
    path = text(tmp_path, "p.csv", WARNINGS[code])
    assert read_labels(path)
    found = [fault for fault in parse_labels(path).faults if fault.code == code]
    assert [fault.severity for fault in found] == ["warning"]


def test_a_misspelt_class_is_asked_about_and_another_one_only_noted(tmp_path):
    path = text(tmp_path, "p.csv", "x,y,label\n100,100,mf\n300,300,mitosys\n500,500,lymphocyte\n")
    told = {fault.code: (fault.severity, str(fault)) for fault in parse_labels(path).faults}
    assert told["misspelt_class"] == (
        "warning",
        "p.csv: 1 label of class 'mitosys' is neither mitosis nor look-alike. Did you mean mitosis? As it is spelt "
        "they are not used.",
    )
    assert told["other_class"][0] == "note"


def test_a_duplicate_names_both_lines(tmp_path):
    faults = parse_labels(text(tmp_path, "p.csv", WARNINGS["duplicate"])).faults
    [fault] = [fault for fault in faults if fault.code == "duplicate"]
    assert str(fault) == (
        "p.csv, line 3: the mitosis at 104, 103 in p lies 5 px from the mitosis of line 2. It counts twice: keep one."
    )


def test_annotations_of_a_json_on_one_line_are_named_by_their_ids_and_images(tmp_path):
    boxes = [
        {"id": 4710, "image_id": 1, "bbox": [100, 100, 150, 150], "category_id": 2},
        {"id": 4711, "image_id": 1, "bbox": [100, 100, 150, 150], "category_id": 2},
        {"image_id": 1, "bbox": [6990, 0, 7015, 50], "category_id": 1},
    ]
    path = midog(tmp_path, boxes)
    path.write_text(json.dumps(json.loads(path.read_text())))
    faults = {fault.code: fault for fault in parse_labels(path).faults}
    assert str(faults["duplicate"]) == (
        "MIDOG.json, annotation 4711 of image 001.tiff: the look_alike at 125, 125 lies 0 px from the look_alike of "
        "annotation 4710. It counts twice: keep one."
    )
    assert str(faults["centre_outside"]).startswith("MIDOG.json, annotation number 3 of image 001.tiff: the centre")
    assert faults["duplicate"].as_json()["annotation"] == "4711"


def test_an_image_of_a_json_on_one_line_is_named_by_its_place_in_the_list(tmp_path):
    path = midog(tmp_path, [BOX], [{"id": 1, "file_name": "001.tiff"}, {"id": 2}])
    with pytest.raises(DatasetRefused, match="image number 2 of the list has no id or no file_name"):
        read_labels(path)


def test_a_duplicate_in_a_database_names_both_annotations(tmp_path):
    rows = [(uid, 1, 2, 0, ((70000, 50000),), ()) for uid in (41, 42)]
    [fault] = [f for f in parse_labels(makers.sliderunner(tmp_path, rows)).faults if f.code == "duplicate"]
    assert str(fault).startswith(
        "CCMCT.sqlite, annotation 42 of image a.svs: the mitosis at 70000, 50000 lies 0 px from the mitosis of "
        "annotation 41."
    )


def test_places_of_a_geojson_on_one_line_are_named_by_their_ids(tmp_path):
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 6]}}
    features = [feature | {"id": f"f{n}", "properties": {"classification": {"name": "Mitosis"}}} for n in (1, 2)]
    path = text(tmp_path, "a.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    [fault] = [fault for fault in parse_labels(path).faults if fault.code == "duplicate"]
    assert str(fault).startswith("a.geojson, annotation f2 of image a: the mitosis at 5, 6 lies 0 px from")


def test_images_without_annotations_are_unlabelled_and_said_so(tmp_path):
    images = [{"id": i, "file_name": f"00{i}.tiff", "width": 7000, "height": 5000} for i in (1, 2)]
    reading = parse_labels(midog(tmp_path, [BOX], images))
    assert [image.labelled for image in reading.images] == [True, False]
    assert any(fault.code == "unlabelled" and "002.tiff" in fault.what for fault in reading.faults)


def test_a_patient_in_folders_of_two_parts_is_a_leak(tmp_path):
    text(tmp_path, "train/23/01.csv", "1,2\n")
    text(tmp_path, "test/23/02.csv", "1,2\n")
    with pytest.raises(DatasetRefused, match="patient tupac16/23 is in test and train"):
        read_labels(tmp_path)


def test_one_picture_under_two_names_in_two_parts_is_a_leak(tmp_path):
    for name in ("a.png", "b.png"):
        text(tmp_path, name, b"the same bytes")
    path = text(tmp_path, "p.csv", "image,split,x,y,label\na.png,train,1,2,mf\nb.png,test,1,2,mf\n")
    with pytest.raises(DatasetRefused, match=r"b.png in test is the same file as a.png in train"):
        read_labels(path)


def test_labels_for_an_image_that_is_not_beside_the_others_are_refused(tmp_path):
    text(tmp_path, "images/a.png", b"")
    path = text(tmp_path, "p.csv", "image,x,y,label\na.png,1,2,mf\nb.png,1,2,mf\n")
    with pytest.raises(DatasetRefused, match=r"p.csv, line 3: b.png is not among the images"):
        read_labels(path)


def test_a_file_name_cannot_reach_out_of_the_folder(tmp_path):
    text(tmp_path, "secret.png", b"")
    images = [{"id": 1, "file_name": "../secret.png", "width": 7000, "height": 5000}]
    folder = tmp_path / "labels"
    folder.mkdir()
    [image] = read_labels(midog(folder, [BOX], images))
    assert image.path is None


def test_a_fault_can_be_written_as_json(tmp_path):
    faults = parse_labels(text(tmp_path, "p.csv", "x,y,label\n1,far,mf\n")).faults
    assert json.loads(json.dumps([fault.as_json() for fault in faults]))[0]["line"] == 2
