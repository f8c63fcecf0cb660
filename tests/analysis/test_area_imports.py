"""Areas from a GeoJSON of elsewhere: what becomes of each, all or none, and each refusal in words."""

import json

import pytest

from mitoweb.people.models import AuditEntry
from slides.models import Region, Slide
from slides.services import areas
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import client
from tests.factories import RegionFactory, SlideFactory, member

pytestmark = pytest.mark.django_db

HOLE = [[150, 150], [200, 150], [200, 200], [150, 200]]


def square(x: float, y: float, side: float = 200) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def polygon(*rings) -> dict:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


def feature(geometry: dict, name: str = "", classification: object = None, **more) -> dict:
    told = {"objectType": "annotation", "name": name, "classification": classification} | more
    return {"type": "Feature", "geometry": geometry, "properties": told}


def collection(*features) -> dict:
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def slide():
    return SlideFactory(label="A1")


@pytest.fixture
def reader(slide):
    return member(slide.case.team, "reader", username="reader")


def send(reader, slide, geojson, kind="tumour", **more):
    body = {"kind": kind, "geojson": geojson} | more
    return client(reader).post(f"/api/slides/{slide.pk}/areas/import/", body, "json")


def test_each_feature_is_an_area_with_its_parts_and_holes_and_says_that_it_was_imported(reader, slide):
    parts = {"type": "MultiPolygon", "coordinates": [polygon(square(400, 400), square(450, 450, 20))["coordinates"],
                                                     polygon(square(700, 400, 60))["coordinates"]]}  # fmt: skip
    bow_tie = polygon([[10, 600], [110, 700], [110, 600], [10, 700]])  # as a brush leaves it
    content = collection(
        feature(polygon(square(100, 100), HOLE), "Left"),
        feature(parts, classification={"name": "Tumor"}),
        feature(bow_tie),
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}, "properties": {}},
    )
    answer = send(reader, slide, content)
    assert answer.status_code == 201
    told = answer.json()
    assert [row["name"] for row in told["regions"]] == ["Left", "Tumour 2", "Tumour 3"]
    assert {(row["kind"], row["imported"], row["created_by"]) for row in told["regions"]} == {
        ("tumour", True, reader.username)
    }
    assert told["notes"] == ["The file: left out a point (1), which is no region."]
    sizes = [areas.join_rings(region.rings).area for region in Region.objects.order_by("created")]
    assert sizes == pytest.approx([200**2 - 50**2, 200**2 - 20**2 + 60**2, 5000], abs=2)
    entry = AuditEntry.objects.filter(action="region.add").first()
    assert entry.text == "Tumour area imported from a file"
    listed = client(reader).get(f"/api/regions/?slide={slide.pk}&kind=tumour").json()
    assert listed["count"] == 3


def test_to_count_in_each_polygon_is_a_region_of_its_own(reader, slide):
    two = {"type": "MultiPolygon", "coordinates": [polygon(square(100, 100))["coordinates"],
                                                   polygon(square(400, 100))["coordinates"]]}  # fmt: skip
    told = send(reader, slide, [feature(two, "Front"), polygon(square(10, 400))], "count").json()
    assert [row["name"] for row in told["regions"]] == ["Front", "Front 2", "Imported 3"]
    assert {row["kind"] for row in told["regions"]} == {"count"}
    assert not slide.regions.tumour_areas().exists()


def test_only_one_class_of_the_file_may_be_taken(reader, slide):
    content = collection(
        feature(polygon(square(100, 100)), "T", {"name": "Tumor"}),
        feature(polygon(square(400, 100)), "S", {"name": "Stroma"}),
    )
    assert [row["name"] for row in send(reader, slide, content, classification="Tumor").json()["regions"]] == ["T"]
    none = send(reader, slide, content, classification="Necrosis")
    assert (none.status_code, none.json()["code"]) == (400, "areas")
    assert "No area in the file is classed as Necrosis." in none.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("tumour", {"no": "geojson"}, "is no GeoJSON with polygons"),
        ("tumour", [1, 2], "is no GeoJSON with polygons"),
        ("tumour", "text", "is no GeoJSON with polygons"),
        ("tumour", collection(), "holds no polygon that is a region"),
        ("tumour", {"type": "Point", "coordinates": [1, 2]}, "holds no polygon that is a region. The file: left out a"),
        ("tumour", polygon([["a", 0], [100, 0], [100, 100]]), "is no GeoJSON with polygons"),
        ("tumour", [polygon(square(1, 1)), feature(polygon(square(9000, 1)), "Far")], "Area 2 of the file, Far: The"),
        ("tumour", polygon(square(5, 5, 4)), "Area 1 of the file: The area is empty"),
        ("count", polygon(square(100, 100), HOLE), "Area 1 of the file, Imported 1: A region to count in is one"),
        ("count", polygon([[0, 0], [200, 200], [200, 0], [0, 200]]), "crosses or touches itself"),
        ("count", collection(*[feature(polygon(square(n, n))) for n in range(101)]), "draws 101 areas; at most 100"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_is_refused_whole_in_words(reader, slide, kind, content, sentence):
    refused = send(reader, slide, content, kind)
    assert (refused.status_code, refused.json()["code"]) == (400, "areas")
    assert refused.json()["detail"].startswith("Nothing was imported. ")
    assert sentence in refused.json()["detail"]
    assert not Region.objects.exists()


def test_what_is_no_request_and_a_slide_that_is_not_ready_are_refused(reader, slide):
    area = polygon(square(100, 100))
    assert send(reader, slide, area, "stroma").status_code == 400
    assert send(reader, slide, None).status_code == 400
    assert send(reader, slide, area, classification=3).status_code == 400
    assert send(member(slide.case.team, "observer"), slide, area).status_code == 403
    Slide.objects.filter(pk=slide.pk).update(state="checking")
    assert send(reader, slide, area).json()["code"] == "slide_not_ready"


def test_what_was_exported_comes_back_where_it_was_and_others_files_are_taken_as_they_are(reader, slide):
    Slide.objects.filter(pk=slide.pk).update(bounds=[40, 60, 600, 500])
    drawn = RegionFactory(slide=slide, kind="tumour", polygon=square(100, 100), further_rings=[HOLE], name="Front")
    address = f"/api/analyses/{make_analysis(slide).pk}/export.geojson"
    exported = json.loads(b"".join(client(reader).get(address).streaming_content))
    told = send(reader, slide, exported, classification="Tumour").json()
    (back,) = told["regions"]
    assert back["name"] == "Front"
    rings = [back["polygon"], *back["further_rings"]]
    assert areas.join_rings(rings).equals(areas.join_rings(drawn.rings))
    assert not [note for note in told["notes"] if "QuPath counts" in note]
    plain = send(reader, slide, polygon(square(100, 100))).json()
    assert plain["notes"] == ["Taken in pixels of the whole slide; QuPath counts from (40, 60) of it."]
    again = json.loads(b"".join(client(reader).get(address).streaming_content))
    hands = [each["properties"]["metadata"] for each in again["features"]]
    assert [("drawn_by" in hand, "imported_by" in hand) for hand in hands] == [(True, False)] + [(False, True)] * 2
