"""Points to be counted, from files: the two forms that are read, and what is refused in words."""

import json

import pytest

from analysis.pipeline.count.point_files import read_points
from analysis.pipeline.detection_files import DetectionsRefused

FILE = {"mpp_x": 0.25, "mpp_y": 0.5, "points": [[1, 2], [3.5, -4]]}
CALL = {"x_l0": 5, "y_l0": 6.5, "probability": 0.9, "mitosis": True}


@pytest.fixture
def read(tmp_path):
    def read_document(document) -> object:
        path = tmp_path / "points.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_points(path)

    return read_document


def test_points_are_read_with_their_pixel_size(read):
    points = read(FILE)
    assert points.points_l0.tolist() == [[1, 2], [3.5, -4]]
    assert (points.mpp_x, points.mpp_y, points.width, points.height, points.are_calls) == (0.25, 0.5, None, None, False)


def test_of_a_detectors_file_what_it_calls_mitosis_is_read_and_what_is_known_of_the_slide(read):
    validity = {"grade": "not valid", "reasons": ["Blurred."], "measures": {}}
    beside = {"doubts": ["base_level_missing"], "validity": validity, "width": 100, "height": 50}
    points = read({"mpp_x": 0.25, "mpp_y": 0.25, "detections": [CALL, CALL | {"mitosis": False}]} | beside)
    assert points.points_l0.tolist() == [[5, 6.5]]
    assert points.are_calls
    assert (points.grade, points.reasons, points.doubts) == ("not valid", ("Blurred.",), ("base_level_missing",))


def test_no_points_and_no_pixel_size_are_no_faults_of_a_file(read):
    points = read({"points": []})
    assert points.points_l0.shape == (0, 2)
    assert (points.mpp_x, points.mpp_y) == (None, None)


def test_points_on_the_slides_edge_lie_on_it(read):
    points = read(FILE | {"width": 10, "height": 20, "points": [[0, 0], [10, 20], [10.1, 5], [5, -0.1]]})
    assert points.outside == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"points": [[1, float("nan")]]}, "Point 1: y_l0 is 'nan', which is no number"),
        ({"points": [[1, 2], [float("inf"), 2]]}, "Point 2: x_l0 is 'inf'"),
        ({"points": [[1]]}, r"Point 1 is '\[1\]', not \[x_l0, y_l0\]"),
        ({"points": [{"point": [1, 2, 0]}]}, r"not \[x_l0, y_l0\]"),
        ({"points": [[True, 2]]}, "Point 1: x_l0 is 'True'"),
        ({"points": [["1", "2"]]}, "Point 1: x_l0 is '1', which is no number"),
        ({"points": [[1e300, 2]]}, "further off than any slide"),
        ({"points": {}}, "points is no list"),
        ({"detections": []}, "two lists of them"),
        ({"mpp_x": 0}, "mpp_x is 0, which is no pixel size"),
        ({"mpp_y": -0.25}, "mpp_y is -0.25"),
        ({"mpp_x": float("nan")}, "mpp_x is 'nan', which is no number"),
        ({"mpp_x": "0.25"}, "mpp_x is '0.25'"),
        ({"mpp_y": None}, "mpp_y is missing"),
        ({"width": 100}, "height is missing"),
        ({"width": 0, "height": 10}, "width is 0, which is no size"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(read, change, sentence):
    with pytest.raises(DetectionsRefused, match=sentence):
        read(FILE | change)


@pytest.mark.parametrize(
    ("detection", "sentence"),
    [
        ({"x_l0": None}, "Detection 1: x_l0 is 'None'"),
        ({"mitosis": 1}, "Detection 1: mitosis is '1', not true or false"),
        ({"mitosis": None}, "not true or false"),
    ],
)
def test_a_detection_that_does_not_say_what_it_is_is_refused(read, detection, sentence):
    with pytest.raises(DetectionsRefused, match=sentence):
        read({"mpp_x": 0.25, "mpp_y": 0.25, "detections": [CALL | detection]})


@pytest.mark.parametrize("content", ["", "x,y\n1,2", "[]", "{}", "\x00", "[" * 100_000, '{"points": [[1, 2]'])
def test_what_is_no_such_file_is_refused_by_name(read, content):
    with pytest.raises(DetectionsRefused, match=r"^points\.json: .*it reads a file of mitosis detect"):
        read(content)
