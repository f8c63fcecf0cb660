import json

import pytest
from shapely import Polygon

from analysis.pipeline.errors import RegionRefused
from analysis.pipeline.regions import list_outside, read_area, read_geojson, region_on_slide

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
    for content in (geometry, feature, {"type": "FeatureCollection", "features": [feature]}, [feature]):
        assert areas_in(tmp_path, content) == [2500]


def areas_in(tmp_path, content) -> list[float]:
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps(content))
    return [region_on_slide([ring], 1000, 1000).area for ring in read_geojson(path).polygons_l0]


def square(size: int = 50, **properties) -> dict:
    ring = [[10, 10], [10 + size, 10], [10 + size, 10 + size], [10, 10 + size], [10, 10]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_polygons_are_found_in_collections_of_geometries_at_any_depth(tmp_path):
    line = {"type": "LineString", "coordinates": [[0, 0], [5, 5]]}
    many = {"type": "MultiPolygon", "coordinates": [square(20)["geometry"]["coordinates"]]}
    inner = {"type": "GeometryCollection", "geometries": [many, line]}
    outer = {"type": "GeometryCollection", "geometries": [square(30)["geometry"], inner]}
    feature = {"type": "Feature", "properties": None, "geometry": outer}
    collection = {"type": "FeatureCollection", "features": [square(10), feature]}
    assert areas_in(tmp_path, collection) == [100, 900, 400]
    assert read_geojson(tmp_path / "region.geojson").unused == [
        "region.geojson: left out a line (1), which is no region."
    ]


def test_what_a_program_found_and_what_is_to_be_ignored_are_no_regions(tmp_path):
    found = [square(objectType="detection"), square(objectType="cell"), square(objectType="detection")]
    ignored = square(objectType="annotation", classification={"name": "Ignore*"})
    point = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    nowhere = {"type": "Feature", "properties": {}, "geometry": None}
    meant = square(30, objectType="annotation", classification={"name": "Tumor"})
    assert areas_in(tmp_path, [*found, ignored, point, nowhere, meant]) == [900]
    said = " ".join(read_geojson(tmp_path / "region.geojson").unused)
    for what in ("a detection (2)", "a cell (1)", "Ignore* (1)", "a point (1)", "a feature without a place (1)"):
        assert what in said
    with pytest.raises(RegionRefused, match=r"no polygon that is a region.*a detection \(2\)"):
        areas_in(tmp_path, found)


def test_older_qupath_says_in_other_words_what_a_program_found(tmp_path):
    named = [square(object_type="detection"), {**square(), "id": "PathCellObject", "nucleusGeometry": {}}]
    named += [
        {**square(), "id": "PathTileObject"},
        {**square(90), "id": "PathRootObject"},
        square(90, objectType="root"),
    ]
    meant = [square(20, object_type="annotation"), {**square(30), "id": "PathAnnotationObject"}]
    meant += [{**square(40), "id": "eb4a52a3-1d6f-4b12-9dc5-5a1f4e0b6f6e"}]
    assert areas_in(tmp_path, [*named, *meant]) == [400, 900, 1600]
    said = " ".join(read_geojson(tmp_path / "region.geojson").unused)
    for what in ("a detection (1)", "a cell (1)", "a tile (1)", "the whole picture (2)"):
        assert what in said


@pytest.mark.parametrize(
    "classification",
    ["Ignore*", {"names": ["Ignore*", "Tumor"]}, {"name": "Ignore*: Tumor"}, {"name": "Tumor: Region*"}],
)
def test_a_class_that_is_ignored_is_known_however_it_is_written(tmp_path, classification):
    assert areas_in(tmp_path, [square(classification=classification), square(30, classification="Tumor")]) == [900]


def test_what_cannot_be_used_spoils_nothing_beside_it(tmp_path):
    flat = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [20, 0], [0, 0]]]}
    curve = {"type": "CircularString", "coordinates": [[0, 0], [5, 5], [10, 0]]}
    placeless = {"type": "Feature", "properties": {}}
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in (flat, curve)]
    assert areas_in(tmp_path, [*features, placeless, square(20)]) == [400]
    said = " ".join(read_geojson(tmp_path / "region.geojson").unused)
    for what in ("an outline without area (1)", "a CircularString (1)", "a feature without a place (1)"):
        assert what in said


def test_polygons_beside_the_slide_are_told_by_their_number():
    assert list_outside([SQUARE, [(200, 0), (300, 0), (300, 90)], [(90, 0), (300, 0), (300, 90)]], 100, 100) == [2]


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


def area_file(tmp_path, *geometries):
    path = tmp_path / "tissue.geojson"
    path.write_text(json.dumps({"type": "GeometryCollection", "geometries": list(geometries)}))
    return path


def polygon(*rings) -> dict:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


def even_odd_area(rings) -> float:
    """Of rings that are disjoint or one inside another, told by turns about each one's first corner."""
    shapes = [Polygon(ring) for ring in rings]
    return sum(
        each.area * (-1) ** sum(other.contains(each) for other in shapes if other is not each) for each in shapes
    )


def test_an_area_keeps_its_holes_and_what_lies_in_them(tmp_path):
    hole = [(20, 20), (50, 20), (50, 50), (20, 50)]
    island = [(30, 30), (40, 30), (40, 40), (30, 40)]
    area = read_area(area_file(tmp_path, polygon(SQUARE, hole), polygon(island)))
    assert even_odd_area(area.polygons_l0) == 2500 - 900 + 100


def test_polygons_over_each_other_are_counted_once_and_not_taken_for_a_hole(tmp_path):
    area = read_area(area_file(tmp_path, polygon(SQUARE), polygon([(20, 20), (30, 20), (30, 30), (20, 30)])))
    assert even_odd_area(area.polygons_l0) == 2500


def test_an_outline_that_crosses_itself_is_the_area_that_it_encloses(tmp_path):
    area = read_area(area_file(tmp_path, polygon([(0, 0), (10, 10), (10, 0), (0, 10)])))
    assert even_odd_area(area.polygons_l0) == 50


def test_an_area_of_no_polygon_or_of_no_numbers_is_refused(tmp_path):
    with pytest.raises(RegionRefused, match=r"tissue\.geojson holds no polygon"):
        read_area(area_file(tmp_path))
    for value in ("nan", "inf"):
        with pytest.raises(RegionRefused, match="a corner that is no number"):
            read_area(area_file(tmp_path, polygon([(0, 0), (float(value), 10), (10, 0)])))
