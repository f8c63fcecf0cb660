"""The drawn tumour: counts look there alone, as `mitosis count --tumour` does, and anew when it changes."""

import csv
import io
import json
import uuid

import numpy as np
import pytest
from shapely import Polygon

from analysis.commands import cli
from analysis.models import Analysis
from analysis.pipeline.count.shapes import SQUARE, Shape
from analysis.services import case_counts, missed
from analysis.services.readings import Readings
from mitoweb.people.models import Role
from slides.services import regions
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.protocol_makers import make_protocol
from tests.analysis.review_makers import add_detections, client, judge, on_a_large_slide, random_points, url
from tests.analysis.test_count_decided import ask, codes, fetch_csv
from tests.factories import RegionFactory, member

pytestmark = pytest.mark.django_db

TUMOUR = [[200, 300], [9000, 300], [9000, 11_000], [200, 11_000]]
HOLE = [[600, 700], [2400, 700], [2400, 2500], [600, 2500]]
SMALL, ASIDE = ([[x, 1000], [x + 2000, 1000], [x + 2000, 3000], [x, 3000]] for x in (1000, 6000))


@pytest.fixture
def analysis():
    found = on_a_large_slide(make_analysis())
    found.tissue = [[[x0, 0], [x1, 0], [x1, 12_000], [x0, 12_000]] for x0, x1 in ((0, 7000), (8000, 16_000))]
    found.area_mm2 = 11.25
    found.save()
    return found


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.LEAD)


def draw(analysis, reader, *rings):
    return regions.add_region(reader, analysis.slide, "", rings[0], "tumour", list(rings[1:]))


def write_rings(path, *polygons):
    closed = [[[*ring, ring[0]] for ring in rings] for rings in polygons]
    path.write_text(json.dumps({"type": "MultiPolygon", "coordinates": closed}))
    return str(path)


def list_provisional(analysis, reader) -> int:
    """As the list of cases shows it."""
    fresh = Analysis.objects.select_related("slide__case", "job", "model").get(pk=analysis.pk)
    readings = Readings([fresh.pk])
    rows = [(fresh, readings.of_reader(fresh.pk, reader.pk))]
    return case_counts.CaseCounts(rows, readings, reader, fresh=None).find_worst(rows).provisional


def test_the_count_is_what_the_commands_say_with_tissue_and_tumour(analysis, reader, count_by, tmp_path, capsys):
    """With pixels that are not square, which nothing but µm may know of."""
    count_by(make_protocol(Shape(SQUARE, 1.0)))
    Analysis.objects.filter(pk=analysis.pk).update(mpp_y=0.3, area_mm2=13.5)
    places = np.concatenate([random_points(60, seed=3), 12_000 + random_points(40, 3000, 3000, seed=4) / 2])
    found = add_detections(analysis, places, np.linspace(0.55, 0.95, len(places)))
    before = ask(analysis, reader)
    draw(analysis, reader, TUMOUR, HOLE)
    count = ask(analysis, reader)
    (tmp_path / "own.json").write_text(json.dumps(make_protocol(Shape(SQUARE, 1.0)).as_json()))
    areas = ["--tissue", write_rings(tmp_path / "tissue.json", *([ring] for ring in analysis.tissue))]
    areas += ["--tumour", write_rings(tmp_path / "tumour.json", [TUMOUR, HOLE])]
    size = {"mpp_x": 0.25, "mpp_y": 0.3, "width": 16_000, "height": 12_000}

    def run(command, points, *more):
        (tmp_path / "points.json").write_text(json.dumps(size | {"points": points}))
        own = ["--protocol", str(tmp_path / "own.json")]
        assert cli.main([command, str(tmp_path / "points.json"), *own, *areas, *more]) == 0
        return json.loads(capsys.readouterr().out)

    told = run("count", places.tolist(), "--alternates", "2", "--draws", "0")
    assert [row["polygon"] for row in count["regions"]] == [row["polygon_l0"] for row in told["regions"]]
    assert [row["provisional"] for row in count["regions"]] == [row["count"] for row in told["regions"]]
    fractions = [row["tissue_fraction"] for row in told["regions"]]
    assert [row["tissue_fraction"] for row in count["regions"]] == pytest.approx(fractions, abs=0.002)
    assert count["per_mm2"]["provisional"] == pytest.approx(told["regions"][0]["per_mm2"], rel=0.002)
    (grid,) = [note for note in told["notes"] if "grid" in note]
    assert grid in count["notes"]
    assert "tissue in the drawn tumour" in grid
    rows = [{"x_l0": x, "y_l0": y, "probability": row.probability} for (x, y), row in zip(places, found, strict=True)]
    decision = run("decide", rows)
    row_of = {row.pk: index for index, row in enumerate(found)}
    assert [row_of[row["detection"]] for row in count["next"]] == [row["index"] for row in decision["next"]][:50]
    assert count["most_elsewhere"] == decision["proof"]["highest"]["count"] < before["most_elsewhere"]
    px_mm2 = 0.25 * 0.3 / 1e6
    tumour_mm2 = (8800 * 10_700 - 1800**2 - 1000 * 10_700) * px_mm2
    assert count["looked_in"] | {"mask_cell_um": None} == {
        "where": "tumour",
        "areas": 1,
        "area_mm2": pytest.approx(tumour_mm2, rel=1e-3),
        "drawn_mm2": pytest.approx((8800 * 10_700 - 1800**2) * px_mm2, rel=1e-3),
        "mask_cell_um": None,
    }
    assert (before["looked_in"]["where"], before["looked_in"]["area_mm2"]) == ("tissue", 13.5)


def test_each_change_of_the_tumour_is_counted_anew_by_viewer_and_list(analysis, reader):
    add_detections(
        analysis, [*(random_points(3, 3000, 3000) + 1000), *(random_points(5, 2000, 2000) + 12_000 - 3000)], [0.9] * 8
    )
    asked = client(reader)

    def look() -> tuple[int, int]:
        return ask(analysis, reader)["provisional"], list_provisional(analysis, reader)

    assert look() == (5, 5)
    area = asked.post(
        "/api/regions/", {"slide": str(analysis.slide_id), "kind": "tumour", "polygon": TUMOUR}, format="json"
    ).json()
    assert look() == (3, 3)
    address = f"/api/regions/{area['id']}/"
    moved = [[9000, 300], [16_000, 300], [16_000, 12_000], [9000, 12_000]]
    assert asked.patch(address, {"polygon": moved}, format="json", headers={"If-Match": '"1"'}).status_code == 200
    assert look() == (5, 5)
    assert asked.patch(address, {"polygon": TUMOUR}, format="json", headers={"If-Match": '"2"'}).status_code == 200
    assert look() == (3, 3)
    assert asked.delete(address).status_code == 204
    assert look() == (5, 5)
    assert asked.post(f"{address}restore/").status_code == 200
    assert look() == (3, 3)
    since = asked.get(url(analysis, "changes/")).json()["revision"]
    draw(analysis, reader, SMALL)
    assert asked.get(url(analysis, "changes/"), {"since": since}).json()["revision"] > since


def test_a_region_to_count_in_is_no_tumour(analysis, reader):
    add_detections(analysis, random_points(4, 3000, 3000), [0.9] * 4)
    before = ask(analysis, reader)
    revision = Analysis.objects.get(pk=analysis.pk).revision
    regions.add_region(reader, analysis.slide, "", [[9000, 0], [9900, 0], [9900, 900]])
    assert ask(analysis, reader) == before
    assert Analysis.objects.get(pk=analysis.pk).revision == revision


def test_of_a_tumour_smaller_than_the_protocol_all_parts_are_counted_and_nothing_else(analysis, reader, count_by):
    count_by(make_protocol())
    hole = [[1500, 1500], [2000, 1500], [2000, 2000], [1500, 2000]]
    draw(analysis, reader, SMALL, hole)
    draw(analysis, reader, ASIDE)
    places = [(1200, 1200), (1750, 1750), (6500, 2000), (4000, 2000), (3000, 3000)]  # in, in the hole, in, beside, edge
    for detection in add_detections(analysis, places, [0.9] * 5):
        judge(detection, reader, "mitosis")
    count = ask(analysis, reader)
    area_mm2 = (2000**2 - 500**2 + 1000 * 2000) / 16e6  # half of the second is glass
    assert (count["region"]["kind"], count["confirmed"], count["score"]) == ("whole", 3, None)
    assert count["region"]["area_mm2"] == pytest.approx(area_mm2, rel=1e-3)
    assert count["region"]["drawn_mm2"] == pytest.approx((2 * 2000**2 - 500**2) / 16e6, rel=1e-3)
    assert count["per_mm2"]["confirmed"] == pytest.approx(3 / area_mm2, rel=1e-3)
    rings = [count["region"]["polygon"], *count["region"]["further_rings"]]
    assert sorted(Polygon(ring).area for ring in rings) == pytest.approx([500**2, 2000**2, 2000**2])
    (guard,) = [guard for guard in count["guards"] if guard["code"] == "tissue_smaller"]
    assert "less tissue in the drawn tumour: all of it is counted, 0.36 mm²" in guard["sentence"]
    assert "2 areas of tumour are drawn, and only there is looked: 0.36 mm² of tissue." in count["notes"]
    assert ask(analysis, reader, region="whole")["confirmed"] == 3
    rows = list(csv.DictReader(io.StringIO(fetch_csv(analysis, reader), newline="")))
    assert [row["counted"] for row in rows] == ["yes", "no", "yes", "no", "yes"]
    expected = {"counted_in": "all of the drawn tumour", "looked_in": "tumour", "tumour_areas": "2"}
    assert rows[0].items() >= expected.items()
    assert float(rows[0]["looked_in_mm2"]) == pytest.approx(area_mm2, rel=1e-3)
    assert "drawn tumour" in rows[0]["guards_reasons"]


def test_an_audit_is_of_the_tumour_as_it_was_drawn(analysis, reader):
    first = draw(analysis, reader, SMALL)
    second = draw(analysis, reader, [[6000, 1000], [6900, 1000], [6900, 1900], [6000, 1900]])
    missed.draw_sample(analysis, reader, uuid.uuid4(), "best", 300)
    walked = client(reader).get(url(analysis, "walk/"), {"field_um": 300}).json()
    assert walked["coverage"]["area_mm2"] == pytest.approx((2000**2 + 900**2) / 16e6, rel=1e-2)
    centres = np.array([[field["x_l0"], field["y_l0"]] for field in walked["fields"]])
    assert (centres[:, 0] > 5000).any()

    def is_of_region() -> bool:
        return client(reader).get(url(analysis, "missed/")).json()["sample"]["is_of_region"]

    assert is_of_region()
    regions.withdraw_region(reader, second)  # the first outline stays as it is
    assert not is_of_region()
    assert first.pk


def test_a_region_drawn_outside_the_tumour_is_counted_and_marked(analysis, reader):
    draw(analysis, reader, SMALL)
    inside = RegionFactory(slide=analysis.slide, polygon=[[1100, 1100], [2100, 1100], [2100, 2100], [1100, 2100]])
    half = RegionFactory(slide=analysis.slide, polygon=[[2000, 1000], [4000, 1000], [4000, 3000], [2000, 3000]])
    add_detection(analysis, 3500, 2000)
    assert "outside_tumour" not in codes(ask(analysis, reader, region=str(inside.pk)))
    count = ask(analysis, reader, region=str(half.pk))
    assert count["provisional"] == 1
    (guard,) = [guard for guard in count["guards"] if guard["code"] == "outside_tumour"]
    assert guard["sentence"].startswith("Of the region 0.12 mm² lie outside the drawn tumour")
    assert not guard["blocks"]


def test_of_a_region_that_was_analysed_the_tumour_in_it_is_counted(analysis, reader):
    polygon = [[0, 0], [2000, 0], [2000, 12_000], [0, 12_000]]
    Analysis.objects.filter(pk=analysis.pk).update(polygon=polygon, area_mm2=1.5)
    area = draw(analysis, reader, SMALL)
    add_detections(analysis, [(1500, 2000), (500, 2000)], [0.9, 0.9])
    count = ask(analysis, reader)
    assert (count["provisional"], count["region"]["area_mm2"]) == (1, pytest.approx(2000 * 1000 / 16e6, rel=1e-3))
    regions.withdraw_region(reader, area)
    draw(analysis, reader, ASIDE)
    count = ask(analysis, reader)
    assert (count["provisional"], count["region"]["polygon"], count["per_mm2"]) == (0, [], None)
    assert "No tissue in the drawn tumour: no number per mm²." in count["notes"]
    assert codes(count, blocking=True) == {"tissue_smaller"}


def test_without_a_pixel_size_the_tumour_alone_is_counted_all_the_same(analysis, reader):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_source="unknown")
    draw(analysis, reader, SMALL)
    add_detections(analysis, [(1500, 2000), (500, 2000)], [0.9, 0.9])
    count = ask(analysis, reader)
    assert (count["provisional"], count["per_mm2"], count["looked_in"]["area_mm2"]) == (1, None, None)
    assert list_provisional(analysis, reader) == 1
    assert codes(count, blocking=True) == {"no_pixel_size"}
