"""`mitosis decide`: its contract, and what it says of files that cannot be."""

import json

import pytest

from analysis.commands.cli import main

FAR = 20_000  # px, further than a 2 mm² window reaches
CUTS = [{"score": "1", "from": 0}, {"score": "2", "from": 2}, {"score": "3", "from": 4}]


@pytest.fixture
def protocol(tmp_path):
    path = tmp_path / "own.json"
    row = {"name": "own", "version": 1, "shape": "square", "area_mm2": 2.0, "cutoffs": CUTS, "sources": {"x": "y"}}
    path.write_text(json.dumps(row))
    return path


@pytest.fixture
def decide(tmp_path, capsys, protocol):
    """Exit status, what was written, and what was said."""

    def run(document, *arguments):
        path = tmp_path / "points.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        status = main(["decide", str(path), "--protocol", str(protocol), *map(str, arguments)])
        said = capsys.readouterr()
        return status, json.loads(said.out) if status == 0 else None, said.err

    return run


def point(x, y, probability=0.5, **more):
    return {"x_l0": x, "y_l0": y, "probability": probability, **more}


def document(*points, **more):
    return {"mpp_x": 0.25, "mpp_y": 0.25, "points": list(points), **more}


def test_a_rival_far_away_keeps_it_open_and_is_named(decide):
    judged = [point(x, 10, label=True) for x in (10, 20, 30)] + [point(FAR, 10 + x) for x in (0, 5, 10, 15)]
    status, told, _ = decide(document(*judged))
    assert status == 0
    assert set(told) == {"decided", "score_low", "score_high", "next", "proof"}
    assert (told["decided"], told["score_low"], told["score_high"]) == (False, "2", "3")
    assert {row["index"] for row in told["next"]} == {3, 4, 5, 6}
    assert told["next"][0]["effect"] == 1
    assert (told["proof"]["lowest"]["count"], told["proof"]["highest"]["count"]) == (3, 4)
    judged[4]["label"] = False
    _, told, _ = decide(document(*judged))
    assert (told["decided"], told["score_low"], told["score_high"], told["next"]) == (True, "2", "2", [])


def test_pixels_that_are_not_square_give_a_window_in_micrometres(decide):
    """1414 µm are 5657 px of 0.25 µm and 2828 px of 0.5 µm."""
    along = [point(x, y, label=True) for x, y in ((0, 0), (5600, 0), (0, 2900))]
    _, told, _ = decide({"mpp_x": 0.25, "mpp_y": 0.5, "points": along})
    assert told["proof"]["lowest"]["count"] == 2
    _, told, _ = decide({"mpp_x": 0.5, "mpp_y": 0.25, "points": along})
    assert told["proof"]["lowest"]["count"] == 2
    _, told, _ = decide(document(*along))
    assert told["proof"]["lowest"]["count"] == 3


def test_windows_off_the_tissue_and_the_tumour_are_no_rivals(decide, tmp_path):
    judged = [point(3000 + x, 3000, label=True) for x in (0, 10)] + [point(3000 + FAR, 3000 + x) for x in range(5)]
    near, wide = [0, 0, 6000, 6000], [0, 0, 40_000, 6000]

    def area(name, x0, y0, x1, y1):
        ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
        path = tmp_path / name
        path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
        return path

    assert not decide(document(*judged))[1]["decided"]
    assert not decide(document(*judged), "--tissue", area("wide", *wide))[1]["decided"]
    assert decide(document(*judged), "--tissue", area("near", *near))[1]["decided"]
    assert decide(document(*judged), "--tissue", area("wide", *wide), "--tumour", area("near", *near))[1]["decided"]
    for name, box in (("tiny", (0, 0, 900, 900)), ("beside", (-90_000, -90_000, -9000, -9000))):
        status, _, said = decide(document(*judged), "--tissue", area(name, *box))
        assert (status, "enough tissue" in said) == (1, True), name


def test_calls_of_detect_are_open_and_others_left_out(decide, tmp_path):
    rows = [point(x, 10, 0.9, mitosis=x != 20) for x in (10, 20, 30)]
    document = {"mpp": 0.25, "mpp_x": 0.25, "mpp_y": 0.25, "width": 90_000, "height": 80_000, "detections": rows}
    out = tmp_path / "told.json"
    path = tmp_path / "detected.json"
    path.write_text(json.dumps(document))
    assert main(["decide", str(path), "--protocol", "canine-mct", "--out", str(out)]) == 0
    told = json.loads(out.read_text())
    assert (told["decided"], told["proof"]["open"], told["proof"]["highest"]["count"]) == (True, 2, 2)
    _, told, _ = decide(document)
    assert [row["index"] for row in told["next"]] == [0, 2] or [row["index"] for row in told["next"]] == [2, 0]


def test_answers_beside_the_points_and_in_readers_words_are_understood(decide):
    beside = document([0, 0], [5, 5], [9, 9], probability=[0.1, 0.2, 0.3], label=[True, None, False])
    _, told, _ = decide(beside)
    assert (told["proof"]["lowest"]["count"], told["proof"]["highest"]["count"]) == (1, 2)
    words = [point(0, 0, label="mitosis"), point(5, 5, label="unsure"), point(9, 9, label="not_mitosis")]
    _, told, _ = decide(document(*words))
    assert (told["proof"]["lowest"]["count"], told["proof"]["highest"]["count"]) == (1, 2)
    figure = {"x_l0": 1, "y_l0": 1, "label": True}  # added by a reader: no detector gave it a probability
    assert decide(document(figure))[1]["decided"]


def test_without_room_in_the_tumour_there_is_nothing_to_decide(decide, tmp_path):
    corners = [[0, 0], [1265, 0], [1265, 1265], [0, 1265], [0, 0]]  # 0.1 mm²
    (tmp_path / "tumour.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    status, _, said = decide(document(point(10, 10)), "--tumour", tmp_path / "tumour.geojson")
    assert (status, "No window of this protocol has room" in said) == (1, True)


def test_no_points_are_decided_at_the_lowest_score(decide):
    _, told, _ = decide(document())
    assert (told["decided"], told["score_low"], told["score_high"]) == (True, "1", "1")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", "this is no JSON"),
        (document(point(0, 0, 1.5)), "Point 1 has the probability 1.5"),
        (document(point(0, 0, -0.5)), "Point 1 has the probability -0.5"),
        ('{"mpp_x": 1, "mpp_y": 1, "points": [{"x_l0": NaN, "y_l0": 0, "probability": 0.5}]}', "Point 1"),
        ('{"mpp_x": 1, "mpp_y": 1, "points": [{"x_l0": 0, "y_l0": 0, "probability": NaN}]}', "Point 1"),
        (document({"x_l0": 0, "y_l0": 0}), "Point 1 is open and has no probability"),
        (document(point(0, 0, label="perhaps")), "Point 1 has the label 'perhaps'"),
        (document(point(0, 0, label=True, id="a"), point(9, 9, label=False, id="a")), "the opposite label"),
        (document([0, 0], [1, 1], probability=[0.5]), "There are 2 points and 1 values in probability"),
        (document([0, 0], probability=[0.5], label=[]), "There are 1 points and 0 values in label"),
        (document(point(0, 0), label=[True], probability=[0.5]), "has probability twice"),
        (document([0, 0, 0]), "Point 1 is '[0, 0, 0]'"),
        ({"points": []}, "no pixel size"),
        ({"mpp_x": 0.25, "mpp_y": 0.25}, "There are no points in it"),
        ({"mpp_x": 0, "mpp_y": 0.25, "points": []}, "mpp_x"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_name(decide, given, sentence):
    status, _, said = decide(given)
    assert status == 1
    assert sentence in said
    assert "points.json" in said
