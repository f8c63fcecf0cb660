import json

import pytest

from analysis.pipeline.errors import RegionRefused
from analysis.pipeline.regions import read_geojson, region_on_slide

SQUARE = [(10, 10), (60, 10), (60, 60), (10, 60)]


@pytest.mark.parametrize(
    ("polygons", "sentence"),
    [
        ([], "empty"),
        ([[(0, 0), (10, 10)]], "at least three points"),
        ([[(0, 0), (10, 10), (0, 10), (10, 0)]], "crosses"),
        ([[(0, 0), (5, 5), (10, 10)]], "no area"),
        ([[(200, 200), (300, 200), (300, 300)]], "outside the slide"),
        ([[(0, 0), (float("nan"), 5), (10, 10)]], "finite"),
        ([[(0, 0), ("a", 5), (10, 10)]], "no list of points"),
        ([[1, 2, 3]], "no list of points"),
    ],
)
def test_a_region_that_encloses_nothing_is_refused_in_words(polygons, sentence):
    with pytest.raises(RegionRefused, match=sentence):
        region_on_slide(polygons, 100, 100)


def test_a_region_is_cut_at_the_slides_edge_and_polygons_are_a_union():
    assert region_on_slide([[(-50, 0), (50, 0), (50, 100), (-50, 100)]], 100, 100).area == 5000
    assert region_on_slide([SQUARE, SQUARE], 100, 100).area == 2500


def test_geojson_may_be_a_feature_collection_a_feature_or_a_geometry(tmp_path):
    geometry = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    for content in (geometry, feature, {"type": "FeatureCollection", "features": [feature]}):
        path = tmp_path / "region.geojson"
        path.write_text(json.dumps(content))
        assert region_on_slide(read_geojson(path), 100, 100).area == 2500


COLLECTION = '{"type": "GeometryCollection", "geometries": ['


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"features": 3}',
        pytest.param("[" * 60_000 + "]" * 60_000, id="nested"),
        pytest.param(COLLECTION * 800 + "]}" * 800, id="nested geometries"),
    ],
)
def test_geojson_without_a_polygon_is_refused_and_named(tmp_path, content):
    path = tmp_path / "odd.geojson"
    path.write_text(content)
    with pytest.raises(RegionRefused, match="odd.geojson"):
        read_geojson(path)
