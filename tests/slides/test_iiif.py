"""IIIF Image API 3.0, level 1: what it shows, and that its errors are those of the standard."""

import io
import uuid

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from mitoweb.people.services import make_token
from slides.tiles import pictures
from tests.slides.jpeg_slide import jpeg_slide

pytestmark = pytest.mark.usefixtures("one_pool")

WIDTH, HEIGHT = 1024, 768


@pytest.fixture
def slide(cast):
    return jpeg_slide(case=cast.case)


@pytest.fixture
def base(slide):
    return f"/api/iiif/{slide.pk}"


@pytest.fixture
def ask(cast, base):
    client = cast.as_(cast.reader)
    return lambda address: client.get(f"{base}/{address}")


def pixels(response) -> np.ndarray:
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    return np.asarray(Image.open(io.BytesIO(response.content)))


def test_the_base_address_leads_to_the_description(cast, base):
    response = cast.as_(cast.reader).get(base)
    assert (response.status_code, response["Location"]) == (303, f"{base}/info.json")


def test_the_description_says_size_tiles_and_limits(cast, base):
    response = cast.as_(cast.reader).get(f"{base}/info.json")
    assert response["Content-Type"] == "application/json"
    said = response.json()
    assert said["@context"] == "http://iiif.io/api/image/3/context.json"
    assert said["id"] == f"http://testserver{base}"
    assert (said["type"], said["protocol"], said["profile"]) == ("ImageService3", "http://iiif.io/api/image", "level1")
    assert (said["width"], said["height"], said["maxWidth"], said["maxHeight"]) == (WIDTH, HEIGHT, 2048, 2048)
    assert said["tiles"] == [{"width": 256, "height": 256, "scaleFactors": [1, 2, 4]}]
    assert {"width": 512, "height": 384} in said["sizes"]


def test_linked_data_is_sent_to_who_asks_for_it(cast, base):
    response = cast.as_(cast.reader).get(f"{base}/info.json", headers={"Accept": "application/ld+json"})
    assert response["Content-Type"].startswith("application/ld+json")


@pytest.mark.parametrize(
    ("address", "shape"),
    [
        ("full/max/0/default.jpg", (768, 1024)),
        ("square/max/0/default.jpg", (768, 768)),
        ("0,0,256,256/max/0/default.jpg", (256, 256)),
        ("0,0,256,256/128,/0/color.jpg", (128, 128)),
        ("100,50,300,200/,100/0/default.jpg", (100, 150)),
        ("100,50,300,200/150,40/0/default.jpg", (40, 150)),
        ("1000,700,500,500/max/0/default.jpg", (68, 24)),
        ("pct:50,50,50,50/max/0/default.jpg", (384, 512)),
        ("full/!100,100/0/default.jpg", (75, 100)),
        ("full/pct:25/0/default.jpg", (192, 256)),
        ("1023,767,1,1/max/0/default.jpg", (1, 1)),
        ("0,0,1024,2/1024,1/0/default.jpg", (1, 1024)),
    ],
)
def test_a_region_has_the_size_asked_for(ask, address, shape):
    assert pixels(ask(address)).shape[:2] == shape


def test_a_region_shows_the_same_place_as_the_tile(ask, cast, slide):
    tile = pixels(cast.as_(cast.reader).get(f"/api/slides/{slide.pk}/image_files/10/1_1.jpeg"))
    assert np.array_equal(pixels(ask("256,256,256,256/max/0/default.jpg")), tile)
    assert np.array_equal(pixels(ask("256,256,256,256/256,256/0/default.jpg")), tile)
    shifted = pixels(ask("300,256,212,256/max/0/default.jpg"))
    assert np.abs(shifted.astype(int) - tile[:, 44:]).mean() < 3
    half = pixels(ask("0,0,512,512/256,/0/default.jpg"))
    twice = pixels(ask("0,0,512,512/512,/0/default.jpg"))
    assert np.abs(twice[::2, ::2].astype(int) - half).mean() < 6


def test_a_slide_larger_than_the_limit_is_scaled_to_it_by_max(cast, base, slide, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST_PX", 512)
    client = cast.as_(cast.reader)
    assert pixels(client.get(f"{base}/full/max/0/default.jpg")).shape[:2] == (384, 512)
    assert client.get(f"{base}/full/600,/0/default.jpg").status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "full/full/0/default.jpg",
        "0,0,0,10/max/0/default.jpg",
        "0,0,10,0/max/0/default.jpg",
        "1024,0,10,10/max/0/default.jpg",
        "0,768,10,10/max/0/default.jpg",
        "-1,0,10,10/max/0/default.jpg",
        "0,0,10/max/0/default.jpg",
        "0,0,9999999999,10/max/0/default.jpg",
        "0.5,0,10,10/max/0/default.jpg",
        "pct:100,0,10,10/max/0/default.jpg",
        "pct:0,0,0,10/max/0/default.jpg",
        "pct:nan,0,10,10/max/0/default.jpg",
        "٣,0,10,10/max/0/default.jpg",
        "whole/max/0/default.jpg",
        "full/1025,/0/default.jpg",
        "full/,769/0/default.jpg",
        "full/2000,2000/0/default.jpg",
        "full/0,/0/default.jpg",
        "full/0,0/0/default.jpg",
        "full/,/0/default.jpg",
        "full/!100,/0/default.jpg",
        "full/pct:0/0/default.jpg",
        "full/pct:101/0/default.jpg",
        "full/big/0/default.jpg",
        "full/max/-90/default.jpg",
        "full/max/361/default.jpg",
        "full/max/x/default.jpg",
        "full/max/0/native.jpg",
        "full/max/0/default.exe",
    ],
)
def test_what_cannot_be_understood_or_lies_outside_is_400(ask, address, monkeypatch):
    monkeypatch.setattr(pictures, "get_pool", lambda: pytest.fail("a decoder was asked"))
    response = ask(address)
    assert response.status_code == 400
    assert response.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "full/^max/0/default.jpg",
        "full/^2000,/0/default.jpg",
        "full/max/90/default.jpg",
        "full/max/!0/default.jpg",
        "full/max/22.5/default.jpg",
        "full/max/0/gray.jpg",
        "full/max/0/bitonal.jpg",
        "full/max/0/default.png",
        "full/max/0/default.webp",
    ],
)
def test_what_the_standard_knows_and_is_not_done_here_is_501(ask, address, monkeypatch):
    monkeypatch.setattr(pictures, "get_pool", lambda: pytest.fail("a decoder was asked"))
    assert ask(address).status_code == 501


@pytest.mark.parametrize("address", ["", "/info.json", "/0,0,256,256/max/0/default.jpg"])
def test_the_permission_is_read_at_each_request(cast, base, address):
    client = cast.as_(cast.reader)
    first = client.get(base + address)
    assert first.status_code in (200, 303)
    assert cast.as_(cast.stranger).get(base + address).status_code == 404
    assert cast.as_(None).get(base + address).status_code == 401
    cast.reader.memberships.all().delete()
    known = {"If-None-Match": first.get("ETag", "")}
    assert client.get(base + address, headers=known).status_code == 404


ADDRESSES = ["", "/info.json", "/0,0,256,256/max/0/default.jpg"]
OTHER_SITE = {"Origin": "https://viewer.example.org"}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("which", ["there", "missing"])
def test_a_browser_may_ask_for_any_slide_whether_a_script_may_send_its_token(base, address, which):
    asked = OTHER_SITE | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    where = base if which == "there" else f"/api/iiif/{uuid.uuid4()}"
    response = Client().options(where + address, headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response["Access-Control-Allow-Headers"]
    assert response["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_script_of_another_site_reads_with_a_token_and_never_with_a_session(cast, base, address):
    token = {"Authorization": f"Token {make_token(cast.reader, 'viewer', 1)[1]}"}
    by_token = Client().get(base + address, headers=OTHER_SITE | token)
    by_session = cast.as_(cast.reader).get(base + address, headers=OTHER_SITE)
    assert by_token.status_code == by_session.status_code
    assert by_token.status_code in (200, 303)
    assert by_token["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in by_session
    for response in (by_token, by_session):
        assert "Access-Control-Allow-Credentials" not in response
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))


def test_a_script_of_another_site_is_told_why_it_gets_nothing(cast, base, monkeypatch):
    def token_of(who) -> dict[str, str]:
        return OTHER_SITE | {"Authorization": f"Token {make_token(who, 'viewer', 1)[1]}"}

    def busy(*args):
        raise pictures.Busy

    picture = f"{base}/10,10,100,100/max/0/default.jpg"
    monkeypatch.setattr(pictures, "get_region", busy)
    answers = {
        401: Client().get(picture, headers=OTHER_SITE),
        404: Client().get(picture, headers=token_of(cast.stranger)),
        400: Client().get(f"{base}/whole/max/0/default.jpg", headers=token_of(cast.reader)),
        501: Client().get(f"{base}/full/max/90/default.jpg", headers=token_of(cast.reader)),
        405: Client().post(picture, headers=token_of(cast.reader)),
        503: Client().get(picture, headers=token_of(cast.reader)),
    }
    assert {status: response.status_code for status, response in answers.items()} == {s: s for s in answers}
    assert {response["Access-Control-Allow-Origin"] for response in answers.values()} == {"*"}
    wrong = Client().get(picture, headers=OTHER_SITE | {"Authorization": "Token nonsense"})
    assert (wrong.status_code, wrong["Access-Control-Allow-Origin"]) == (401, "*")
    assert "Retry-After" in answers[503]
    assert "Retry-After" in answers[503]["Access-Control-Expose-Headers"]


def test_a_picture_that_the_browser_has_is_not_sent_again(ask, cast, base):
    address = f"{base}/10,10,100,100/max/0/default.jpg"
    client = cast.as_(cast.reader)
    tag = client.get(address)["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_a_slide_that_is_not_ready_has_no_description(cast):
    slide = jpeg_slide(indexed=False, case=cast.case, state="quarantine")
    assert cast.as_(cast.lead).get(f"/api/iiif/{slide.pk}/info.json").status_code == 404
