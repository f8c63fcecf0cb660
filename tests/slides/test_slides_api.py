"""Cases, slides and regions over REST."""

import math

import numpy as np
import pytest

from mitoweb.people.models import AuditEntry
from slides.models import Case, ScannerPixelSize, Slide
from tests.factories import RegionFactory, SlideFactory, TeamFactory, write_tiff

JSON = {"content_type": "application/json"}


@pytest.fixture
def slide(cast):
    return SlideFactory(case=cast.case, label="A1")


def patch_slide(cast, slide, data, who=None):
    return cast.as_(who or cast.tech).patch(f"/api/slides/{slide.pk}/", data, **JSON)


# Cases -------------------------------------------------------------------------------------------------------
def test_cases_are_those_of_the_own_teams(cast):
    for person, count in ((cast.observer, 1), (cast.stranger, 0), (cast.admin, 1)):
        assert cast.as_(person).get("/api/cases/").json()["count"] == count
    assert cast.as_(None).get("/api/cases/").status_code == 401
    assert cast.as_(cast.stranger).get(f"/api/cases/{cast.case.pk}/").status_code == 404


def test_a_case_is_made_by_who_may_in_a_team_of_theirs(cast):
    new = {"team": cast.team.pk, "accession": "26-9", "readers": [cast.reader.pk]}
    assert cast.as_(cast.tech).post("/api/cases/", new, **JSON).status_code == 201
    assert cast.as_(cast.reader).post("/api/cases/", new | {"accession": "26-8"}, **JSON).status_code == 403
    assert cast.as_(cast.stranger).post("/api/cases/", new | {"accession": "26-7"}, **JSON).status_code == 400
    again = cast.as_(cast.tech).post("/api/cases/", new, **JSON)
    assert (again.status_code, again.json()["code"]) == (409, "accession")
    assert list(Case.objects.get(accession="26-9").readers.all()) == [cast.reader]


def test_readers_are_people_of_the_team_who_may_judge(cast):
    new = {"team": cast.team.pk, "accession": "26-9"}
    response = cast.as_(cast.tech).post("/api/cases/", new | {"readers": [cast.observer.pk]}, **JSON)
    assert (response.status_code, response.json()["code"]) == (400, "readers")
    answers = [
        cast.as_(cast.tech).post("/api/cases/", new | {"readers": [pk]}, **JSON).json()["detail"].replace(str(pk), "N")
        for pk in (cast.stranger.pk, 999_999)
    ]
    assert answers[0] == answers[1], f"a person of another team can be told from nobody: {answers}"


@pytest.mark.parametrize(
    ("version", "status"), [(None, 428), ('"1"', 200), ("1", 200), ("2", 412), ("*", 412), ("", 412)]
)
def test_an_edit_names_the_version_it_was_made_on(cast, version, status):
    headers = {} if version is None else {"If-Match": version}
    url = f"/api/cases/{cast.case.pk}/"
    response = cast.as_(cast.tech).patch(url, {"note": "new"}, headers=headers, **JSON)
    assert response.status_code == status
    cast.case.refresh_from_db()
    assert (cast.case.note, cast.case.version) == (("new", 2) if status == 200 else ("", 1))


def test_a_case_stays_in_its_team(cast):
    other = cast.stranger.memberships.get().team
    url = f"/api/cases/{cast.case.pk}/"
    cast.as_(cast.admin).patch(url, {"team": other.pk}, headers={"If-Match": "1"}, **JSON)
    cast.case.refresh_from_db()
    assert cast.case.team == cast.team


# Slides ------------------------------------------------------------------------------------------------------
def test_slides_are_listed_by_case_and_tell_no_names_of_files(cast, slide):
    body = cast.as_(cast.observer).get(f"/api/slides/?case={cast.case.pk}").json()
    (row,) = body["results"]
    assert (row["label"], row["mpp"], row["levels"][0]) == ("A1", 0.25, [1024.0, 768.0, 1.0])
    assert not {"folder", "files", "name"} & set(row)
    assert cast.as_(cast.stranger).get(f"/api/slides/?case={cast.case.pk}").json()["count"] == 0
    assert cast.as_(cast.stranger).get(f"/api/slides/{slide.pk}/").status_code == 404


def test_a_pixel_size_set_by_hand_keeps_who_and_how(cast, slide):
    response = patch_slide(cast, slide, {"mpp_x": 0.2274, "note": "scanner sheet"})
    assert response.status_code == 200
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.mpp_y, slide.mpp_source) == (0.2274, 0.2274, "hand")
    assert slide.mpp_note == f"scanner sheet, by {cast.tech.username}"
    entry = AuditEntry.objects.get(action="slide.mpp")
    assert (entry.actor, entry.subject) == (cast.tech, f"slide {slide.pk}")
    assert "0.2274" in entry.text


def test_a_pixel_size_follows_from_a_known_length(cast, slide):
    assert patch_slide(cast, slide, {"length_um": 100, "length_px": 400}).json()["mpp"] == 0.25
    slide.refresh_from_db()
    assert (slide.mpp_source, slide.mpp_note) == ("length", f"100 µm over 400 px, by {cast.tech.username}")


def test_a_pixel_size_follows_from_objective_and_camera(cast, slide):
    change = {"camera_um": 3.45, "objective": 20, "tube": 0.5, "note": "bench 2"}
    assert patch_slide(cast, slide, change).json()["mpp"] == pytest.approx(0.345)
    slide.refresh_from_db()
    assert slide.mpp_source == "optics"
    assert slide.mpp_note == f"camera 3.45 µm, objective 20× × 0.5, bench 2, by {cast.tech.username}"
    assert "objective and camera" in AuditEntry.objects.get(action="slide.mpp").text


def test_a_pixel_size_kept_for_a_scanner_is_offered_to_its_other_slides(cast, slide):
    Slide.objects.filter(pk=slide.pk).update(scanner="Aperio AT2")
    other = SlideFactory(case=cast.case, label="A2", scanner="Aperio AT2")
    kept = patch_slide(cast, slide, {"length_um": 100, "length_px": 200, "keep_for_scanner": True})
    assert kept.status_code == 200
    default = ScannerPixelSize.objects.get()
    assert (default.team, default.scanner, default.mpp_x, default.set_by) == (cast.team, "Aperio AT2", 0.5, cast.tech)
    entry = AuditEntry.objects.get(action="scanner.mpp")
    assert "0.5000" in entry.text
    assert "Aperio" not in entry.text
    assert patch_slide(cast, other, {"from_scanner": True}).json()["mpp"] == 0.5
    other.refresh_from_db()
    assert (other.mpp_source, other.mpp_y) == ("scanner", 0.5)


def test_the_default_of_a_scanner_is_the_own_teams(cast, slide):
    Slide.objects.filter(pk=slide.pk).update(scanner="Aperio AT2")
    ScannerPixelSize.objects.create(team=TeamFactory(), scanner="Aperio AT2", mpp_x=0.5, mpp_y=0.5)
    response = patch_slide(cast, slide, {"from_scanner": True})
    assert (response.status_code, response.json()["code"]) == (400, "no_default")
    assert "kept no pixel size for this scanner" in response.json()["detail"]


@pytest.mark.parametrize("change", [{"from_scanner": True}, {"mpp_x": 0.3, "keep_for_scanner": True}])
def test_a_slide_of_an_unnamed_scanner_has_no_default_and_stays_as_it_is(cast, slide, change):
    response = patch_slide(cast, slide, change)
    assert (response.status_code, response.json()["code"]) == (400, "no_scanner")
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.mpp_source) == (0.25, "file")
    assert not AuditEntry.objects.filter(action="slide.mpp").exists()


def test_a_change_is_made_whole_or_not_at_all(cast, slide):
    assert patch_slide(cast, slide, {"mpp_x": 0.3, "label": "\u202e"}).status_code == 400
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.label) == (0.25, "A1")


@pytest.mark.parametrize(
    "data",
    [
        {"mpp_x": 0},
        {"mpp_x": -0.25},
        {"mpp_x": 0.019},
        {"mpp_x": 20.1},
        {"mpp_x": 1e9},
        {"mpp_x": 0.25, "mpp_y": 30},
        {"mpp_x": "wide"},
        {"mpp_y": 0.25},
        {"length_um": 100},
        {"length_um": 100, "length_px": 0},
        {"length_um": 100, "length_px": 1},
        {"length_um": 100, "length_px": 19},
        {"length_um": -1, "length_px": 400},
        {"length_um": 100, "length_px": 400, "mpp_x": 0.25},
        {"camera_um": 3.45},
        {"camera_um": 345, "objective": 20},
        {"camera_um": 3.45, "objective": 0},
        {"camera_um": 3.45, "objective": 20, "tube": 11},
        {"camera_um": 0.5, "objective": 250},
        {"tube": 1},
        {"from_scanner": True, "mpp_x": 0.25},
        {"keep_for_scanner": True},
        {"label": ""},
        {"label": "\u202e"},
        {},
    ],
)
def test_a_senseless_change_of_a_slide_is_refused_and_changes_nothing(cast, slide, data):
    response = patch_slide(cast, slide, data)
    assert response.status_code == 400
    assert response.json()["detail"]
    slide.refresh_from_db()
    assert (slide.label, slide.mpp_x, slide.mpp_source) == ("A1", 0.25, "file")


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_numbers_that_are_none_are_refused(cast, slide, value):
    response = cast.as_(cast.tech).generic("PATCH", f"/api/slides/{slide.pk}/", f'{{"mpp_x": {value}}}', **JSON)
    assert response.status_code == 400
    slide.refresh_from_db()
    assert math.isfinite(slide.mpp_x)


@pytest.mark.parametrize(
    ("who", "status"), [("tech", 200), ("lead", 200), ("reader", 403), ("observer", 403), ("stranger", 404)]
)
def test_only_roles_that_edit_change_slides(cast, slide, who, status):
    assert patch_slide(cast, slide, {"label": "B1"}, getattr(cast, who)).status_code == status


# Stain -------------------------------------------------------------------------------------------------------
def test_a_stained_slide_has_a_profile_and_a_grey_one_a_reason(cast, tmp_path):
    stained = SlideFactory(case=cast.case, file=write_tiff(tmp_path / "he.tif", two_stains(), mpp=(0.25, 0.25)))
    answer = cast.as_(cast.observer).get(f"/api/slides/{stained.pk}/stain/").json()
    assert np.shape(answer["matrix"]) == (3, 4)
    assert np.isfinite(answer["matrix"]).all()
    grey = SlideFactory(case=cast.case, file=write_tiff(tmp_path / "grey.tif", two_stains().mean(2).astype("u1"), None))
    answer = cast.as_(cast.observer).get(f"/api/slides/{grey.pk}/stain/").json()
    assert answer["matrix"] is None
    assert answer["reason"].endswith(".")


def test_the_profile_is_the_teams(cast, slide):
    for person, status in ((cast.stranger, 404), (None, 401)):
        assert cast.as_(person).get(f"/api/slides/{slide.pk}/stain/").status_code == status


def two_stains() -> np.ndarray:
    """(512, 512, 3) uint8: eosin in the middle of white glass, discs of haematoxylin on it."""
    y, x = np.mgrid[:512, :512]
    eosin = np.hypot(x - 256, y - 256) < 220
    nuclei = eosin & (np.hypot(x % 64 - 32, y % 64 - 32) < 14)
    density = 0.25 * np.outer(eosin, [0.12, 0.92, 0.36]) + 0.5 * np.outer(nuclei, [0.65, 0.70, 0.29])
    return (245 * 10**-density).reshape(512, 512, 3).astype(np.uint8)


# Regions -----------------------------------------------------------------------------------------------------
SQUARE = [[100, 100], [300, 100], [300, 300], [100, 300]]


def draw(cast, slide, polygon, who=None, **more):
    data = {"slide": str(slide.pk), "polygon": polygon} | more
    return cast.as_(who or cast.reader).post("/api/regions/", data, **JSON)


def test_a_region_is_kept_as_it_was_drawn(cast, slide):
    response = draw(cast, slide, [*SQUARE, SQUARE[0]], name="hot spot")
    assert response.status_code == 201
    assert (response.json()["polygon"], response.json()["name"]) == (SQUARE, "hot spot")
    assert draw(cast, slide, SQUARE).json()["name"] == "Region 2"


def test_a_region_over_the_edge_is_cut_there(cast, slide):
    polygon = draw(cast, slide, [[-100, -100], [200, -100], [200, 200], [-100, 200]]).json()["polygon"]
    assert sorted(polygon) == [[0, 0], [0, 200], [200, 0], [200, 200]]


@pytest.mark.parametrize(
    ("polygon", "sentence"),
    [
        ([], "empty"),
        ([[1, 1]], "empty"),
        ([[1, 1], [300, 300]], "empty"),
        ([[1, 1], [300, 300], [1, 1]], "empty"),
        ([[1, 1], [1, 1], [1, 1], [1, 1]], "empty"),
        ([[0, 0], [100, 0], [200, 0]], "empty"),
        ([[0, 0], [3, 0], [3, 3], [0, 3]], "empty"),
        ([[0, 0], [200, 200], [200, 0], [0, 200]], "crosses or touches itself"),
        ([[5000, 5000], [6000, 5000], [6000, 6000]], "outside the slide"),
        ([[-200, -200], [-100, -200], [-100, -100]], "outside the slide"),
        ([[-50, 100], [300, 100], [300, 150], [-20, 150], [-20, 300], [300, 300], [300, 350], [-50, 350]], "pieces"),
        ([[1e20, -1e308], [100, 1e20], [1e20, 1e308]], "outside the slide"),
        ([[0, 0, 0], [1, 1, 1], [2, 2, 2]], ""),
        ([["a", 1], [2, 2], [3, 1]], ""),
        ("everything", ""),
        ([[0, 0]] * 10_001, "10,000"),
    ],
)
def test_outlines_that_hold_no_region_are_refused_in_words(cast, slide, polygon, sentence):
    response = draw(cast, slide, polygon)
    assert response.status_code == 400
    assert sentence in response.json()["detail"]
    assert not slide.regions.exists()


def test_infinite_corners_are_refused(cast, slide):
    body = f'{{"slide": "{slide.pk}", "polygon": [[0, 0], [Infinity, 0], [100, 100]]}}'
    assert cast.as_(cast.reader).generic("POST", "/api/regions/", body, **JSON).status_code == 400


def test_regions_follow_the_rights_of_the_team(cast, slide):
    region = RegionFactory(slide=slide)
    url = f"/api/regions/{region.pk}/"
    assert cast.as_(cast.observer).get(f"/api/regions/?slide={slide.pk}").json()["count"] == 1
    assert cast.as_(cast.stranger).get(f"/api/regions/?slide={slide.pk}").json()["count"] == 0
    assert draw(cast, slide, SQUARE, cast.observer).status_code == 403
    assert draw(cast, slide, SQUARE, cast.stranger).status_code == 400
    assert cast.as_(cast.stranger).get(url).status_code == 404
    assert cast.as_(cast.stranger).delete(url).status_code == 404
    assert cast.as_(cast.observer).delete(url).status_code == 403
    assert cast.as_(None).get(url).status_code == 401
    assert cast.as_(cast.reader).delete(url).status_code == 204
