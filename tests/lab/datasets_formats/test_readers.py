"""Each format is read as it is written: real files where they are, small ones where not."""

import csv
from collections import Counter

import pytest

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.lab.datasets.readers import parse_labels, read_labels
from analysis.lab.datasets.records import OTHER, count_kinds
from analysis.pipeline.detection_files.class_names import kind_of, meant_class
from tests.lab.datasets_formats import makers


@pytest.fixture(scope="module")
def midogpp(data_dir):
    return parse_labels(data_dir / "formats" / "MIDOG++.json")


@pytest.mark.needs_data
def test_midogpp_has_the_images_and_labels_that_its_authors_count(midogpp):
    images = midogpp.images
    assert len(images) == 553
    assert sum(not image.labelled for image in images) == 50
    assert count_kinds(images) == {MITOSIS: 11_937, LOOK_ALIKE: 14_349, OTHER: 0}
    assert [fault.what for fault in midogpp.faults if fault.code == "box_over_border"] == [
        "274 of 26286 boxes reach over the border of their image"
    ]
    assert [fault.image for fault in midogpp.faults if fault.code == "centre_outside"] == ["305.tiff", "309.tiff"]
    assert not [fault for fault in midogpp.faults if fault.severity == "error"]


@pytest.mark.needs_data
def test_midogpp_boxes_are_corners_and_keep_their_readers_votes(midogpp):
    first = midogpp.images[0]
    assert (first.name, first.width, first.height, first.licence) == ("001.tiff", 7215, 5412, "CC0")
    label = first.labels[0]
    assert (label.x_l0, label.y_l0, label.kind) == (4361.0, 371.0, LOOK_ALIKE)
    assert label.votes == (LOOK_ALIKE, LOOK_ALIKE)
    votes = Counter(len(label.votes) for image in midogpp.images for label in image.labels)
    assert set(votes) == {2, 3}
    disagree = sum(label.votes[0] != label.votes[1] for image in midogpp.images for label in image.labels)
    assert disagree / 26_286 == pytest.approx(0.21, abs=0.005)


@pytest.mark.needs_data
def test_the_slide_list_beside_midogpp_gives_scanner_split_and_pixel_size(midogpp):
    first = midogpp.images[0]
    assert (first.scanner, first.split, first.tumour) == ("Hamammatsu XR", "train", "human breast cancer")
    assert (first.mpp, first.mpp_source) == (0.23, "nominal")
    assert Counter(image.split for image in midogpp.images) == {"train": 392, "test": 111, "": 50}
    assert {image.mpp for image in midogpp.images if not image.labelled} == {None}


@pytest.mark.needs_data
def test_tupac_rows_are_row_then_column_and_an_empty_file_is_no_mitosis(data_dir):
    images = {image.name: image for image in read_labels(data_dir / "formats" / "tupac16")}
    assert len(images) == 22
    assert images["23/18"].places(MITOSIS).tolist() == [[570, 721], [1659, 1874], [1800, 1838]]
    assert images["23/02"].labelled
    assert not images["23/02"].labels
    assert {image.patient for image in images.values()} == {"23"}
    assert {image.mpp for image in images.values()} == {0.25}


@pytest.mark.needs_data
def test_a_single_tupac_file_is_read_alone(data_dir):
    [image] = read_labels(data_dir / "formats" / "tupac16" / "23" / "18.csv")
    assert (image.name, len(image.labels), image.labels[0].line) == ("23/18", 3, 1)


def test_tupac_alternative_labels_bring_look_alikes_and_images_without_a_file_hold_none(tmp_path):
    makers.text(tmp_path, "mitoses_ground_truth/30/01.csv", "100,200\n")
    makers.text(tmp_path, "nonmitoses_ground_truth/30/01.csv", "300,400\r\n500,600\r\n")
    makers.text(tmp_path, "mitoses_image_data/31/01.tif", b"")
    first, second = read_labels(tmp_path)
    assert first.places(MITOSIS).tolist() == [[200, 100]]
    assert first.places(LOOK_ALIKE).tolist() == [[400, 300], [600, 500]]
    assert (second.name, second.labelled, second.labels) == ("31/01", True, ())


@pytest.mark.needs_data
def test_mitos_atypia_columns_are_x_then_y_and_both_scanners_of_a_glass_are_one_patient(data_dir):
    images = {image.name: image for image in read_labels(data_dir / "formats" / "mitos14")}
    assert images["A05_04Aa"].places(MITOSIS).tolist() == [[389, 984], [365, 454]]
    assert images["A05_02Aa"].labelled
    assert not images["A05_02Aa"].labels
    assert not images["A05_04Ad"].labelled, "only its look-alikes are listed"
    assert images["A05_04Ad"].places(LOOK_ALIKE).tolist() == [[1227, 74], [1454, 1210]]
    assert {image.case for image in images.values()} == {"mitos-atypia-14/05"}


@pytest.mark.needs_data
def test_the_frames_table_is_read_with_its_images_and_splits(data_dir):
    images = read_labels(data_dir / "mitos14" / "annotations.csv")
    train = [image for image in images if image.split == "train"]
    assert (len(images), len(train)) == (271, 203)
    assert (count_kinds(train)[MITOSIS], count_kinds(train)[LOOK_ALIKE]) == (437, 703)
    assert {(image.height, image.mpp, image.mpp_source) for image in images} == {(1485, 0.2273, "nominal")}
    assert {image.width for image in images} == {1662, 1663}
    assert {image.case for image in images if image.slide == "H03"} == {"mitos-atypia-14/03"}


@pytest.mark.needs_data
def test_the_crops_table_gives_places_in_their_slides(data_dir):
    images = read_labels(data_dir / "midog21" / "manifest.csv")
    with (data_dir / "midog21" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert count_kinds(images) == {MITOSIS: 1721, LOOK_ALIKE: 0, OTHER: 0}
    assert {image.name for image in images} == {row["slide"] for row in rows}


def test_icpr_lists_all_pixels_of_a_mitosis_and_the_place_is_their_mean(tmp_path):
    pixels = [(x, y) for y in range(100, 120) for x in range(40, 50)]
    row = ",".join(f"{x},{y}" for x, y in pixels)
    [image] = read_labels(makers.text(tmp_path, "A02_03.csv", f"{row},\n"))
    assert image.places(MITOSIS).tolist() == [[45.0, 110.0]]
    assert (image.slide, image.case, image.mpp) == ("A02", "icpr2012/02", 0.2456)
    [empty] = read_labels(makers.text(tmp_path / "b", "H02_03.csv", ""))
    assert (empty.labelled, empty.labels, empty.case) == (True, (), "icpr2012/02")


def test_sliderunner_classes_go_by_name_and_deleted_annotations_are_left_out(tmp_path):
    box = ((100, 200), (150, 250))
    path = makers.sliderunner(
        tmp_path,
        [
            (1, 1, 2, 0, box, (2, 1, 2)),
            (2, 1, 1, 0, ((1000, 2000),), ()),
            (3, 1, 2, 1, box, ()),
            (4, 1, 0, 0, ((5000, 5000),), ()),
        ],
    )
    first, second = read_labels(path)
    assert [(label.x_l0, label.y_l0, label.kind) for label in first.labels] == [
        (125, 225, MITOSIS),
        (1000, 2000, LOOK_ALIKE),
        (5000, 5000, OTHER),
    ]
    assert first.labels[0].votes == (MITOSIS, LOOK_ALIKE, MITOSIS)
    assert (first.width, first.height) == (80000, 60000)
    assert not second.labelled


@pytest.mark.parametrize(
    "content",
    [
        "image,x,y,label\na.png,10,20,mitosis\na.png,300.5,40,non-mitotic figure\n",
        "\ufeffimage;x;y;label\r\na.png;10;20;Mitotic Figure\r\na.png;300,5;40;hard negative\r\n",
        "file_name\tcentroid_x\tcentroid_y\tclass\na.png\t10\t20\tMF\na.png\t300.5\t40\timposter\n",
        'label,row,col,image\n\nmitosis,20,10,"a.png"\nnot_mitosis, 40 , 300.5 ,a.png\n',
    ],
    ids=["commas", "BOM, semicolons, CRLF and decimal commas", "tabs and other names", "row and column, blank line"],
)
def test_a_plain_table_is_read_whatever_program_wrote_it(tmp_path, content):
    [image] = read_labels(makers.text(tmp_path, "places.csv", content))
    assert [(label.x_l0, label.y_l0, label.kind) for label in image.labels] == [
        (10, 20, MITOSIS),
        (300.5, 40, LOOK_ALIKE),
    ]
    assert image.name == "a.png"


def test_a_table_without_an_image_column_is_about_the_image_of_its_name(tmp_path):
    [image] = read_labels(makers.text(tmp_path, "slide 7.csv", "x,y,label,mpp\n10,20,mitosis,0.24\n"))
    assert (image.name, image.mpp, image.mpp_source) == ("slide 7", 0.24, "given")


def test_a_line_without_a_place_says_that_an_image_holds_none(tmp_path):
    first, second = read_labels(makers.text(tmp_path, "p.csv", "image,x,y,label\na.png,1,2,mitosis\nb.png,,,\n"))
    assert (first.labelled, second.labelled, second.labels) == (True, True, ())


def test_midog_categories_go_by_name_not_number(tmp_path):
    categories = [{"id": 2, "name": "Mitotic Figure"}, {"id": 1, "name": "hard negative"}]
    path = makers.midog(tmp_path, [([0, 0, 50, 50], 1), ([100, 100, 150, 150], 2)], categories=categories)
    [image] = read_labels(path)
    assert [label.kind for label in image.labels] == [LOOK_ALIKE, MITOSIS]


def test_a_label_knows_the_line_it_stands_on(tmp_path):
    path = makers.midog(tmp_path, [([0, 0, 50, 50], 1), ([100, 100, 150, 150], 2)])
    [image] = read_labels(path)
    first = makers.first_box_line(path)
    assert [label.line for label in image.labels] == [first, first + 1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mitotic figure", MITOSIS),
        ("Mitosis", MITOSIS),
        ("atypical mitotic figure", MITOSIS),
        ("not mitotic figure", LOOK_ALIKE),
        ("non_mitosis", LOOK_ALIKE),
        ("nonmitosis", LOOK_ALIKE),
        ("Non-mitotic figures", LOOK_ALIKE),
        ("Not a mitotic figure", LOOK_ALIKE),
        ("hard negative", LOOK_ALIKE),
        ("Imposter", LOOK_ALIKE),
        ("Mitosis-like", LOOK_ALIKE),
        ("tumour cell", OTHER),
        ("", OTHER),
        ("not sure", OTHER),
    ],
)
def test_class_names_are_known_by_their_synonyms(name, kind):
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mitosys", "mitosis"),
        ("Mitotic_figre", "mitotic figure"),
        ("not mitosys", "not mitosis"),
        ("hard negativ", "hard negative"),
        ("imposster", "imposter"),
        ("apoptosis", ""),
        ("tumour cell", ""),
        ("mitochondrion", ""),
        ("prophase", ""),
        ("lymphocyte", ""),
        ("unsure", ""),
        ("", ""),
    ],
)
def test_a_misspelt_class_name_is_told_from_another_class(name, meant):
    assert meant_class(name) == meant
