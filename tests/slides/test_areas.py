"""The tumour drawn on a slide: what is kept of an outline, who drew it, and what two people at once are told."""

import math

import numpy as np
import pytest
from shapely import Polygon

from mitoweb.lib.errors import Refused
from mitoweb.people.models import AuditEntry
from slides.models import Region, Slide
from slides.services import areas, regions
from tests.factories import RegionFactory, SlideFactory, member

JSON = {"content_type": "application/json"}
SQUARE = [[100, 100], [300, 100], [300, 300], [100, 300]]
HOLE = [[150, 150], [200, 150], [200, 200], [150, 200]]
APART = [[500, 500], [560, 500], [560, 560], [500, 560]]


@pytest.fixture
def slide(cast):
    return SlideFactory(case=cast.case, label="A1")


def unsaved(mpp_x: float | None = 0.25, mpp_y: float | None = 0.25) -> Slide:
    return Slide(width=1024, height=768, mpp_x=mpp_x, mpp_y=mpp_y)


def circle(x_l0: float, y_l0: float, radius_px: float, points: int) -> list[list[float]]:
    angles = np.linspace(0, 2 * math.pi, points, endpoint=False)
    return np.column_stack([x_l0 + radius_px * np.cos(angles), y_l0 + radius_px * np.sin(angles)]).tolist()


def draw(cast, slide, polygon, who=None, **more):
    data = {"slide": str(slide.pk), "kind": "tumour", "polygon": polygon} | more
    return cast.as_(who or cast.reader).post("/api/regions/", data, **JSON)


def change(cast, region, revision, who=None, **data):
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    return cast.as_(who or cast.reader).patch(f"/api/regions/{region['id']}/", data, headers=headers, **JSON)


# What is kept ------------------------------------------------------------------------------------------------
def test_holes_and_parts_are_kept_and_the_largest_part_comes_first():
    kept = areas.checked_rings([APART, SQUARE, HOLE], unsaved())
    assert areas.join_rings(kept).area == 200 * 200 - 50 * 50 + 60 * 60
    assert [Polygon(ring).area for ring in kept] == [200 * 200, 50 * 50, 60 * 60]


def test_an_area_is_cut_at_the_slides_edge_and_specks_are_left_out():
    speck = [[700, 700], [705, 700], [705, 705], [700, 705]]
    over = [[-50, 600], [200, 600], [200, 900], [-50, 900]]
    (kept,) = areas.checked_rings([over, speck], unsaved())
    assert Polygon(kept).equals(Polygon([(0, 600), (200, 600), (200, 768), (0, 768)]))


@pytest.mark.parametrize(("mpp_x", "mpp_y"), [(0.25, 0.25), (0.25, 1.0), (1.0, 0.25)])
def test_thousands_of_points_become_few_within_a_micrometre_also_where_pixels_are_not_square(mpp_x, mpp_y):
    drawn = circle(500, 380, 300, 5000)
    (kept,) = areas.checked_rings([drawn], unsaved(mpp_x, mpp_y))
    assert len(kept) < 200
    on_glass = [Polygon(np.array(ring) * [mpp_x, mpp_y]) for ring in (drawn, kept)]
    apart_um = on_glass[0].hausdorff_distance(on_glass[1])
    assert 0.1 < apart_um <= areas.TOLERANCE_UM + 0.01


def test_without_a_pixel_size_the_tolerance_is_in_pixels():
    drawn = circle(500, 380, 300, 5000)
    (kept,) = areas.checked_rings([drawn], unsaved(None, None))
    assert Polygon(drawn).hausdorff_distance(Polygon(kept)) <= areas.TOLERANCE_PX + 0.01
    assert len(kept) < 200


@pytest.mark.parametrize(
    ("rings", "sentence"),
    [
        ([[]], "at least three"),
        ([[[1, 1], [300, 300], [1, 1]]], "at least three"),
        ([[[0, 0], [100, 100], [200, 200]]], "holds no area"),
        ([[[0, 0], [3, 0], [3, 3]]], "holds no area"),
        ([SQUARE, SQUARE], "holds no area"),  # nothing lies in an odd number of them
        ([[[0, 0], [200, 200], [200, 0], [0, 200]]], "crosses or touches itself"),
        ([SQUARE, [[0, 0], [200, 200], [200, 0], [0, 200]]], "crosses or touches itself"),
        ([[[5000, 5000], [6000, 5000], [6000, 6000]]], "outside the slide"),
        ([[[0, 0], [math.nan, 0], [100, 100]]], "finite"),
        ([[[0, 0], [math.inf, 0], [100, 100]]], "finite"),
        ([[[1e20, -1e308], [100, 1e20], [1e20, 1e308]], SQUARE], "outside the slide"),
        ([circle(500, 380, 300, 6000), circle(500, 380, 100, 6000)], "10,000 points"),
        ([HOLE] * 201, "200 outlines"),
    ],
)
def test_what_is_no_area_is_refused_in_words(rings, sentence):
    with pytest.raises(Refused, match=sentence):
        areas.checked_rings(rings, unsaved())


def test_all_areas_that_stand_are_one_tumour(slide):
    def drawn_px():
        return areas.tumour_area(slide.regions.tumour_areas()).area

    RegionFactory(slide=slide, polygon=APART)  # to count in
    assert drawn_px() == 0
    RegionFactory(slide=slide, kind="tumour", polygon=SQUARE, further_rings=[HOLE])
    beside = RegionFactory(slide=slide, kind="tumour", polygon=[[250, 100], [400, 100], [400, 300], [250, 300]])
    assert drawn_px() == 300 * 200 - 50 * 50
    regions.withdraw_region(None, beside)
    assert drawn_px() == 200 * 200 - 50 * 50


# The API -----------------------------------------------------------------------------------------------------
def test_an_area_says_who_drew_it_and_how_large_it_is(cast, slide):
    answer = draw(cast, slide, SQUARE, further_rings=[HOLE])
    assert answer.status_code == 201
    drawn = answer.json()
    assert (drawn["kind"], drawn["name"], drawn["revision"]) == ("tumour", "Tumour 1", 1)
    assert (drawn["created_by"], drawn["changed_by"], drawn["withdrawn"]) == (cast.reader.username, None, None)
    assert drawn["area_mm2"] == pytest.approx((200 * 200 - 50 * 50) * slide.mpp_x * slide.mpp_y / 1e6)
    assert draw(cast, slide, APART).json()["name"] == "Tumour 2"
    listed = cast.as_(cast.observer).get(f"/api/regions/?slide={slide.pk}&kind=tumour").json()
    assert [row["name"] for row in listed["results"]] == ["Tumour 1", "Tumour 2"]
    assert AuditEntry.objects.filter(action="region.add", text="Tumour area drawn").count() == 2


def test_of_two_who_edit_at_once_the_second_is_told_and_nothing_is_overwritten(cast, slide):
    second = member(cast.team, "reader", username="second")
    drawn = draw(cast, slide, SQUARE, further_rings=[HOLE]).json()
    assert change(cast, drawn, None, polygon=APART).status_code == 428
    changed = change(cast, drawn, 1, polygon=APART).json()
    assert (changed["revision"], changed["changed_by"], changed["further_rings"]) == (2, cast.reader.username, [])
    late = change(cast, drawn, 1, second, polygon=HOLE)
    assert (late.status_code, late.json()["code"]) == (412, "stale")
    assert f"changed meanwhile by {cast.reader.username}" in late.json()["detail"]
    gone = cast.as_(second).delete(f"/api/regions/{drawn['id']}/", headers={"If-Match": '"1"'})
    assert gone.status_code == 412
    assert Region.objects.get().polygon == APART


def test_what_was_removed_is_kept_with_who_did_it_and_comes_back(cast, slide):
    drawn = draw(cast, slide, SQUARE).json()
    url = f"/api/regions/{drawn['id']}/"
    assert cast.as_(cast.tech).delete(url).status_code == 204
    assert cast.as_(cast.tech).delete(url).status_code == 204
    assert cast.as_(cast.reader).get(f"/api/regions/?slide={slide.pk}").json()["count"] == 0
    told = cast.as_(cast.reader).get(url).json()
    assert (told["withdrawn_by"], told["polygon"]) == (cast.tech.username, SQUARE)
    late = change(cast, drawn, 1, polygon=APART)
    assert (late.status_code, late.json()["code"]) == (409, "withdrawn")
    assert f"removed meanwhile by {cast.tech.username}" in late.json()["detail"]
    back = cast.as_(cast.reader).post(f"{url}restore/").json()
    assert (back["withdrawn"], back["revision"]) == (None, 3)
    assert [area.rings for area in slide.regions.tumour_areas()] == [[SQUARE]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Nothing to change"),
        ({"polygon": []}, "at least three"),
        ({"further_rings": [HOLE]}, "come with the first one"),
        ({"polygon": [[0, 0], [200, 200], [200, 0], [0, 200]]}, "crosses or touches itself"),
        ({"polygon": [[9000, 0], [9100, 0], [9100, 100]]}, "outside the slide"),
    ],
)
def test_a_refused_change_leaves_the_area_as_it_was(cast, slide, data, sentence):
    drawn = draw(cast, slide, SQUARE).json()
    answer = change(cast, drawn, 1, **data)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
    kept = Region.objects.get()
    assert (kept.polygon, kept.revision) == (SQUARE, 1)


def test_an_observer_sees_areas_and_draws_none(cast, slide):
    drawn = draw(cast, slide, SQUARE).json()
    assert draw(cast, slide, APART, cast.observer).status_code == 403
    assert change(cast, drawn, 1, cast.observer, polygon=APART).status_code == 403
    assert cast.as_(cast.observer).post(f"/api/regions/{drawn['id']}/restore/").status_code == 403
    assert cast.as_(cast.stranger).post(f"/api/regions/{drawn['id']}/restore/").status_code == 404


def test_a_region_to_count_in_has_one_outline_and_a_tumour_is_none_to_count_in(cast, slide):
    answer = draw(cast, slide, SQUARE, kind="count", further_rings=[HOLE])
    assert answer.status_code == 400
    assert "one outline without holes" in answer.json()["detail"]
    assert draw(cast, slide, SQUARE, kind="elsewhere").status_code == 400
    drawn = draw(cast, slide, SQUARE).json()
    asked = {"slide": str(slide.pk), "region": drawn["id"]}
    assert cast.as_(cast.tech).post("/api/analyses/", asked, **JSON).status_code == 404
