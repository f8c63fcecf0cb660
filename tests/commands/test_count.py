"""The contract of `mitosis count` and `mitosis protocols`: everything that measures the product reads these."""

import json
from math import pi

import numpy as np
import pytest
import shapely

from analysis.commands.cli import main

REGION_KEYS = {
    "polygon_l0", "fields_l0", "area_mm2", "tissue_fraction", "count", "per_mm2", "interval_95", "exact", "bound",
    "score", "to_next_score", "to_previous_score",
}  # fmt: skip
MPP = 0.25
SIDE_PX = 1000 * 2**0.5 / MPP  # of 2 mm²


@pytest.fixture
def count(tmp_path, capsys):
    """Runs the command on points, or on a whole document, and gives its status, JSON and standard error."""

    def run(points, *arguments, tissue=None, tumour=None, draws=0, **beside):
        document = {"mpp_x": MPP, "mpp_y": MPP} | beside
        document |= points if isinstance(points, dict) else {"points": np.asarray(points).tolist()}
        path = tmp_path / "points.json"
        path.write_text(json.dumps(document))
        told = ["count", str(path), "--draws", str(draws), *map(str, arguments)]
        for name, ring in (("--tissue", tissue), ("--tumour", tumour)):
            if ring is not None:
                told += [name, str(write_polygon(tmp_path / f"{name[2:]}.geojson", ring))]
        status = main(told)
        out, err = capsys.readouterr()
        return status, json.loads(out) if out else None, err

    return run


def write_polygon(path, *rings):
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}))
    return path


def box(x0, y0, x1, y1):
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def codes(result) -> list[str]:
    return [guard["code"] for guard in result["guards"]]


CLUSTER = [[5000 + 100 * index, 5000 + 70 * index] for index in range(9)]
FAR = [[40000, 40000], [40100, 40100], [70000, 5000]]


def test_the_best_region_comes_first_and_has_the_contracts_keys(count):
    status, result, err = count(CLUSTER + FAR, "--protocol", "nottingham-area", "--alternates", 2)
    assert (status, err) == (0, "")
    assert (result["protocol"], result["protocol_version"]) == ("nottingham-area", 1)
    assert [region["count"] for region in result["regions"]] == [9, 2, 1]
    for region in result["regions"]:
        assert region.keys() >= REGION_KEYS
        outline = shapely.Polygon(region["polygon_l0"])
        assert outline.area * MPP**2 / 1e6 == pytest.approx(2.0)
        assert (region["area_mm2"], region["fields_l0"], region["exact"], region["bound"]) == (2.0, None, True, None)
    outlines = [shapely.Polygon(region["polygon_l0"]) for region in result["regions"]]
    assert not any(a.intersection(b).area for a in outlines for b in outlines if a is not b)


def test_the_score_and_its_distances_are_of_the_whole_count(count):
    _, result, _ = count(CLUSTER + FAR, "--protocol", "nottingham-area", "--alternates", 1)
    told = [[each[key] for key in ("score", "to_next_score", "to_previous_score")] for each in result["regions"]]
    assert told == [["2", 6, 2], ["1", 6, None]]


def test_without_tissue_nothing_is_told_per_mm2_and_a_guard_says_so(count):
    _, result, _ = count(CLUSTER)
    (region,) = result["regions"]
    assert (region["tissue_fraction"], region["per_mm2"]) == (None, None)
    assert codes(result) == ["no_tissue"]
    assert region["interval_95"] == {"low": pytest.approx(4.115, abs=0.001), "high": pytest.approx(17.085, abs=0.001)}


def test_with_tissue_the_region_lies_in_it_and_its_density_is_told(count):
    _, result, _ = count(CLUSTER + FAR, tissue=box(38000, 38000, 48000, 48000))
    (region,) = result["regions"]
    assert (region["count"], result["guards"]) == (2, [])
    assert region["tissue_fraction"] >= 0.95
    assert region["per_mm2"] == pytest.approx(2 / (2.0 * region["tissue_fraction"]))


def test_the_region_lies_in_the_drawn_tumour(count):
    _, result, _ = count(CLUSTER + FAR, tumour=box(66000, 1000, 74000, 9000), tissue=box(0, 0, 90000, 90000))
    assert [region["count"] for region in result["regions"]] == [1]


def test_a_hole_in_the_tissue_is_no_tissue(count, tmp_path):
    hole = box(3000, 3000, 8000, 8000)
    path = write_polygon(tmp_path / "holed.geojson", box(0, 0, 90000, 90000), hole[::-1])
    _, result, _ = count(CLUSTER + FAR, "--tissue", path)
    assert (
        shapely.Polygon(result["regions"][0]["polygon_l0"]).intersection(shapely.Polygon(hole)).area * MPP**2 / 1e6
        < 0.11
    )


@pytest.mark.parametrize(("mpp_x", "mpp_y"), [(0.25, 0.25), (0.25, 0.5)])
def test_points_on_the_edges_are_inside_whatever_the_pixels(count, mpp_x, mpp_y):
    width, height = 1000 * 2**0.5 / mpp_x, 1000 * 2**0.5 / mpp_y
    corners = [[100, 100], [100 + width, 100], [100, 100 + height], [100 + width, 100 + height]]
    _, result, _ = count(corners, mpp_x=mpp_x, mpp_y=mpp_y)
    assert result["regions"][0]["count"] == 4


def test_a_region_stays_on_the_slide_where_its_size_is_known(count):
    _, result, _ = count([[10, 10], [-5, 10]], width=9000, height=9000)
    corners = np.array(result["regions"][0]["polygon_l0"])
    assert (corners >= -1e-6).all()
    assert (corners <= 9000).all()
    assert result["regions"][0]["count"] == 1
    assert codes(result) == ["no_tissue", "figures_outside"]


@pytest.mark.parametrize("name", ["canine-mct", "melanoma", "gist", "gep-net", "lung-net", "adrenocortical"])
def test_each_window_has_its_protocols_area(count, name):
    _, result, _ = count(CLUSTER, "--protocol", name)
    (region,) = result["regions"]
    assert shapely.Polygon(region["polygon_l0"]).area * MPP**2 / 1e6 == pytest.approx(region["area_mm2"], rel=0.01)


def test_fields_are_told_by_their_centres_and_by_what_none_exceeds(count):
    _, result, _ = count(CLUSTER + FAR, "--protocol", "nottingham:0.50")
    (region,) = result["regions"]
    assert (result["protocol"], len(region["fields_l0"])) == ("nottingham:0.5", 10)
    assert region["area_mm2"] == pytest.approx(10 * pi * 0.25**2)
    away = np.linalg.norm(np.array(CLUSTER + FAR)[:, None] - np.array(region["fields_l0"])[None], axis=2) * MPP
    assert (away.min(axis=1) <= 250.001).sum() == region["count"] == 12
    assert region["exact"] or region["bound"] >= region["count"]
    centres = np.array(region["fields_l0"]) * MPP
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)[np.triu_indices(10, 1)]
    assert apart.min() >= 500 - 0.001


def test_gep_net_tells_the_count_divided_too_and_decides_by_the_whole_one(count):
    _, result, _ = count(CLUSTER, "--protocol", "gep-net")
    region = result["regions"][0]
    assert (region["count"], region["count_divided"], region["score"], region["to_next_score"]) == (
        9,
        1.8,
        "<2 per 2 mm²",
        1,
    )


def test_of_a_detectors_file_what_it_calls_is_counted_and_nobody_has_judged_it(count):
    detections = [{"x_l0": x, "y_l0": y, "probability": 0.5, "mitosis": x != 5000} for x, y in CLUSTER]
    _, result, _ = count({"detections": detections, "width": 20000, "height": 20000})
    assert result["regions"][0]["count"] == 8
    assert codes(result) == ["no_tissue", "calls_open"]


def test_a_slide_that_is_not_valid_has_a_count_and_neither_score_nor_density(count):
    document = {"points": CLUSTER, "validity": {"grade": "not valid", "reasons": ["Blurred."]}}
    status, result, err = count(document, "--protocol", "nottingham-area", tissue=box(0, 0, 20000, 20000))
    region = result["regions"][0]
    assert status == 0
    assert (region["count"], region["score"], region["to_next_score"], region["per_mm2"]) == (9, None, None, None)
    assert [(guard["code"], guard["blocks"]) for guard in result["guards"]] == [("slide_not_valid", True)]
    assert "Blurred." in err


def test_tissue_smaller_than_the_protocol_is_counted_whole_with_its_real_area_and_no_score(count):
    tissue = box(4900, 4900, 5000 + 1265, 5000 + 1265)
    _, result, err = count(CLUSTER + FAR, "--protocol", "nottingham-area", tissue=tissue)
    (region,) = result["regions"]
    assert region["area_mm2"] == pytest.approx(1365**2 * MPP**2 / 1e6, rel=1e-3)
    assert (region["count"], region["score"], region["tissue_fraction"]) == (9, None, 1.0)
    assert region["per_mm2"] == pytest.approx(9 / region["area_mm2"])
    assert codes(result) == ["tissue_smaller"]
    assert "0.12 mm²" in err


def test_tissue_in_a_strip_has_no_place_for_the_window_and_that_is_said_apart(count):
    _, result, _ = count(CLUSTER, tissue=box(4000, 4000, 80000, 6000))
    assert codes(result) == ["does_not_fit"]
    assert result["regions"][0]["count"] == 9


def test_a_tumour_drawn_partly_beside_the_slide_is_marked_and_one_wholly_beside_it_holds_nothing(count):
    slide = {"width": 20000, "height": 20000}
    status, result, _ = count(CLUSTER, tumour=box(-9000, -9000, 12000, 12000), **slide)
    assert (status, result["regions"][0]["count"]) == (0, 9)
    assert "region_partly_outside" in codes(result)
    status, result, err = count(CLUSTER, tumour=box(30000, 30000, 50000, 50000), **slide)
    assert (status, result["regions"]) == (1, [])
    assert "nothing is counted" in err


def test_no_slide_reaches_left_of_its_origin_though_its_size_is_not_known(count):
    for name in ("tissue", "tumour"):
        status, result, err = count(CLUSTER, **{name: box(-90_000, -90_000, -50_000, -50_000)})
        assert (status, result["regions"]) == (1, [])
        assert "nothing is counted" in err
    status, result, _ = count([[5000, 100], [-5000, 100]], tissue=box(-9000, -9000, 12_000, 12_000))
    assert (status, result["regions"][0]["count"]) == (0, 1)
    assert min(min(corner) for corner in result["regions"][0]["polygon_l0"]) > -400  # 5 % of the window may be glass
    assert "region_partly_outside" in codes(result)
    _, result, _ = count([[500, 500], [-500, 500]], tissue=box(-900, 0, 1265, 1265))
    region = result["regions"][0]
    assert (region["count"], region["area_mm2"]) == (1, pytest.approx(0.1, rel=1e-3))
    assert codes(result) == ["tissue_smaller", "region_partly_outside"]


def test_a_slide_smaller_than_the_window_is_counted_whole(count):
    _, result, _ = count([[10, 10], [1000, 1000], [1001, 10]], width=1000, height=1000)
    (region,) = result["regions"]
    assert (region["count"], region["tissue_fraction"], region["per_mm2"]) == (2, None, None)
    assert region["area_mm2"] == pytest.approx(0.0625)
    assert codes(result) == ["tissue_smaller", "no_tissue", "figures_outside"]


def test_of_tissue_in_pieces_all_pieces_are_counted(count, tmp_path):
    path = tmp_path / "pieces.geojson"
    pieces = [[[*ring, ring[0]]] for ring in (box(0, 0, 1000, 1000), box(3000, 0, 4000, 1000))]
    path.write_text(json.dumps({"type": "MultiPolygon", "coordinates": pieces}))
    _, result, _ = count([[10, 10], [2000, 500], [3500, 500]], "--tissue", path)
    (region,) = result["regions"]
    assert (region["count"], region["area_mm2"]) == (2, pytest.approx(0.125))


def test_figures_on_the_outline_of_small_tissue_are_inside(count):
    _, result, _ = count([[100, 100], [1100, 600], [600, 1100], [1101, 600]], tissue=box(100, 100, 1100, 1100))
    assert result["regions"][0]["count"] == 3


def test_without_pixel_size_nothing_is_counted_and_the_guard_says_why(count):
    status, result, err = count(CLUSTER, mpp_x=None, mpp_y=None)
    assert (status, result["regions"], codes(result)) == (1, [], ["no_pixel_size", "no_tissue"])
    assert "There is no pixel size" in err


def test_no_points_are_a_count_of_none(count):
    _, result, _ = count({"points": []}, "--protocol", "nottingham-area", tissue=box(0, 0, 20000, 20000))
    region = result["regions"][0]
    assert (region["count"], region["score"], region["per_mm2"]) == (0, "1", 0)
    assert region["interval_95"] == {"low": 0, "high": pytest.approx(3.689, abs=0.001)}


def test_a_hundred_thousand_points_at_one_place_are_one_region(count):
    _, result, _ = count(np.full((100_000, 2), 5000), "--alternates", 3)
    assert [region["count"] for region in result["regions"]] == [100_000]


def test_beside_poissons_interval_stands_one_that_knows_of_the_search_and_is_the_same_each_time(count):
    points = np.random.default_rng(1).uniform(0, 60_000, (60, 2))
    first, again = (count(points, draws=25)[1]["regions"][0] for _ in range(2))
    searched = first["interval_95_searched"]
    assert searched == again["interval_95_searched"]
    assert searched["draws"] == 25
    assert searched["low"] < first["interval_95"]["low"]
    assert searched["high"] < first["interval_95"]["high"]
    _, result, _ = count(points, draws=3)
    assert result["regions"][0]["interval_95_searched"] is None
    assert any("interval_95_searched is not told" in note for note in result["notes"])


def test_a_protocol_of_ones_own_comes_from_a_file(count, tmp_path):
    path = tmp_path / "own.json"
    row = {"name": "own", "version": 3, "shape": "circle", "area_mm2": 0.5}
    path.write_text(json.dumps(row | {"cutoffs": [{"score": "few", "from": 0}, {"score": "many", "from": 9}]}))
    _, result, _ = count(CLUSTER, "--protocol", path)
    assert (result["protocol"], result["protocol_version"]) == ("own", 3)
    assert result["regions"][0]["score"] == "many"
    corners = np.array(result["regions"][0]["polygon_l0"])
    assert np.ptp(corners[:, 0]) == pytest.approx(2 * 1000 * (0.5 / pi) ** 0.5 / MPP, rel=0.01)


def test_the_result_can_be_written_to_a_file(count, tmp_path):
    status, printed, _ = count(CLUSTER, "--out", tmp_path / "count.json")
    assert (status, printed) == (0, None)
    assert json.loads((tmp_path / "count.json").read_text())["regions"][0]["count"] == 9


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--protocol", "notingham"], "did you mean nottingham"),
        (["--protocol", "fnclcc"], "fnclcc is switched off"),
        (["--protocol", "missing.toml"], "missing.toml: No such file"),
        (["--tissue", "missing.geojson"], "missing.geojson: No such file"),
        (["--out", "missing/count.json"], "missing: there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_one_plain_sentence(count, arguments, sentence):
    status, result, err = count(CLUSTER, *arguments)
    assert (status, result) == (1, None)
    assert sentence in err
    assert err.startswith("mitosis count: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"points": [[float("nan"), 1]]}, "points.json: Point 1: x_l0 is 'nan', which is no number."),
        ({"points": [[1, 2]], "mpp_x": 0}, "mpp_x is 0, which is no pixel size"),
        ({"other": 1}, "There are no points in it"),
    ],
)
def test_a_file_that_cannot_be_counted_is_refused_by_name(count, document, sentence):
    status, result, err = count(document)
    assert (status, result) == (1, None)
    assert sentence in err


def test_a_search_past_its_time_tells_no_lesser_answer(count):
    points = np.random.default_rng(1).uniform(0, 60_000, (2000, 2))
    status, result, err = count(points, "--seconds", "0.000001")
    assert (status, result) == (1, None)
    assert "not found within the time limit" in err


def test_an_area_that_is_none_is_refused(count, tmp_path):
    path = tmp_path / "line.geojson"
    path.write_text(json.dumps({"type": "LineString", "coordinates": [[0, 0], [9, 9]]}))
    status, _, err = count(CLUSTER, "--tissue", path)
    assert status == 1
    assert "line.geojson holds no polygon that is a region" in err


def test_an_outline_with_a_corner_that_is_no_number_is_refused_as_such(count, tmp_path):
    path = tmp_path / "area.geojson"
    for corner in (float("nan"), float("inf")):
        write_polygon(path, [[0, 0], [corner, 0], [9000, 9000]])
        for name in ("--tissue", "--tumour"):
            status, _, err = count(CLUSTER, name, path)
            assert (status, "a corner that is no number" in err) == (1, True)


def test_a_tumour_drawn_on_glass_holds_nothing(count):
    tissue, tumour = box(0, 0, 20_000, 20_000), box(30_000, 0, 50_000, 20_000)
    status, result, err = count(CLUSTER, tissue=tissue, tumour=tumour)
    assert (status, result["regions"], codes(result)) == (1, [], ["tissue_smaller"])
    assert "less tissue in the drawn tumour: nothing is counted" in err


def test_the_grid_over_which_regions_are_exact_is_told(count):
    assert not any("grid" in note for note in count(CLUSTER)[1]["notes"])
    slide = box(0, 0, 20_000, 20_000)
    for areas, said in (({"tissue": slide}, "grid of the tissue,"), ({"tumour": slide}, "grid of the drawn tumour,")):
        assert sum(said in note for note in count(CLUSTER, **areas)[1]["notes"]) == 1
    (note,) = [note for note in count(CLUSTER, tissue=slide, tumour=slide)[1]["notes"] if "grid" in note]
    assert "grid of the tissue in the drawn tumour, with cells of 43.9 µm" in note


@pytest.mark.parametrize("wrong", [["--alternates", "-1"], ["--draws", "few"], ["--seconds", "nan"], ["--sidewise"]])
def test_wrong_usage_is_status_2(count, wrong):
    with pytest.raises(SystemExit) as stopped:
        count(CLUSTER, *wrong)
    assert stopped.value.code == 2


def test_protocols_are_listed_with_the_contracts_keys(capsys):
    assert main(["protocols", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(row.keys() >= {"name", "version", "shape", "area_mm2", "cutoffs", "on"} for row in rows)
    plain = rows[0]
    assert (plain["name"], plain["shape"], plain["area_mm2"], plain["cutoffs"], plain["on"]) == (
        "plain",
        "square",
        2,
        [],
        True,
    )
    assert main(["protocols"]) == 0
    listed = capsys.readouterr().out
    assert all(row["name"] in listed for row in rows)
    assert main(["protocols", "gep-net"]) == 0
    assert "score >20 per 2 mm²: from 101" in capsys.readouterr().out
