"""Tiles, thumbnails and crops: who gets them, what they show, and what is refused before a decoder is asked."""

import io

import numpy as np
import pytest
from PIL import Image

from slides import files
from slides.files import tile_cache
from slides.models import Slide
from slides.tiles import pictures
from slides.wsi.errors import DecoderDied, DecodersBusy
from tests.factories import SlideFactory, tissue_pixels, write_tiff

pytestmark = pytest.mark.usefixtures("one_pool")


@pytest.fixture
def slide(cast):
    return SlideFactory(case=cast.case)


@pytest.fixture
def url(slide):
    return f"/api/slides/{slide.pk}/"


class Pool:
    """Stands where a decoder would be asked, to see that it is not, or to make it die."""

    def __init__(self, answer) -> None:
        self.answer, self.asked = answer, 0

    def tile(self, *args, **kwargs):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    crop = region = thumbnail = tile


@pytest.fixture
def pool(monkeypatch):
    def stand_in(answer=b"jpeg"):
        made = Pool(answer)
        monkeypatch.setattr(pictures, "get_pool", lambda: made)
        return made

    return stand_in


def pixels(response) -> np.ndarray:
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    return np.asarray(Image.open(io.BytesIO(response.content)))


def test_the_description_names_size_and_tiles(cast, url):
    response = cast.as_(cast.reader).get(f"{url}image.dzi")
    assert response["Content-Type"] == "application/xml"
    text = response.content.decode()
    for part in ('Format="jpeg"', 'Overlap="1"', 'TileSize="254"', 'Width="1024"', 'Height="768"'):
        assert part in text


def test_tiles_show_the_slides_pixels(cast, url):
    client = cast.as_(cast.observer)
    assert pixels(client.get(f"{url}image_files/10/0_0.jpeg")).shape == (255, 255, 3)
    middle = pixels(client.get(f"{url}image_files/10/2_1.jpeg"))
    assert middle.shape == (256, 256, 3)
    assert abs(np.median(middle.reshape(-1, 3), axis=0) - (214, 150, 190)).max() < 6
    assert pixels(client.get(f"{url}image_files/0/0_0.jpeg")).shape == (1, 1, 3)


def test_the_thumbnail_shows_the_whole_slide(cast, url):
    assert pixels(cast.as_(cast.reader).get(f"{url}thumbnail.jpeg")).shape == (768, 1024, 3)


def test_a_crop_is_centred_and_sized_in_micrometres_or_pixels(cast, url, slide):
    client = cast.as_(cast.reader)
    by_um = pixels(client.get(f"{url}crop.jpeg?x_l0=512&y_l0=384&size_um=64&px=128"))
    by_px = pixels(client.get(f"{url}crop.jpeg?x_l0=512&y_l0=384&size_px_l0=256&px=128"))
    assert by_um.shape == (128, 128, 3)
    assert np.array_equal(by_um, by_px)


@pytest.mark.parametrize(
    "address", ["image.dzi", "image_files/10/0_0.jpeg", "thumbnail.jpeg", "crop.jpeg?x_l0=9&y_l0=9&size_um=9"]
)
def test_the_permission_is_read_at_each_request_even_for_what_the_browser_has(cast, url, address):
    client = cast.as_(cast.reader)
    response = client.get(url + address)
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, max-age=0, must-revalidate"
    known = {"If-None-Match": response["ETag"]}
    assert client.get(url + address, headers=known).status_code == 304
    assert cast.as_(cast.stranger).get(url + address, headers=known).status_code == 404
    assert cast.as_(None).get(url + address, headers=known).status_code == 401
    cast.reader.memberships.all().delete()
    assert client.get(url + address, headers=known).status_code == 404


@pytest.mark.parametrize("address", ["image.dzi", "image_files/10/0_0.jpeg", "image_files/3/0_0.jpeg"])
@pytest.mark.parametrize("change", ["levels are made", "checked anew", "other quality", "other grid"])
def test_what_the_browser_has_is_sent_anew_when_its_bytes_could_be_others(
    cast, url, slide, address, change, monkeypatch
):
    client = cast.as_(cast.reader)
    known = {"If-None-Match": client.get(url + address)["ETag"]}
    assert client.get(url + address, headers=known).status_code == 304
    if change == "levels are made":
        Slide.objects.filter(pk=slide.pk).update(has_made_levels=True)
        write_tiff(files.levels_path(slide), tissue_pixels(512, 384), (0.5, 0.5))
    elif change == "checked anew":
        files.write_for_good(files.thumbnail_path(slide), b"overview")
    elif change == "other quality":
        monkeypatch.setattr(tile_cache, "TILE_QUALITY", 90)
    else:
        Slide.objects.filter(pk=slide.pk).update(tile_size=256, tile_overlap=0)
    assert client.get(url + address, headers=known).status_code == 200


@pytest.mark.parametrize(
    "address", ["11/0_0", "10/5_0", "10/0_4", "0/1_0", "99999999999/0_0", "10/99999999999999999_0"]
)
def test_tiles_outside_the_slide_are_no_question_for_a_decoder(cast, url, pool, address):
    asked = pool()
    assert cast.as_(cast.reader).get(f"{url}image_files/{address}.jpeg").status_code == 404
    assert asked.asked == 0


@pytest.mark.parametrize("address", ["-1/0_0", "10/-1_0", "x/0_0", "10/0.5_0"])
def test_addresses_that_are_no_tiles_do_not_exist(cast, url, pool, address):
    asked = pool()
    assert cast.as_(cast.reader).get(f"{url}image_files/{address}.jpeg").status_code == 404
    assert asked.asked == 0


@pytest.mark.parametrize(
    "query",
    [
        "x_l0=512&y_l0=384&size_um=64&px=2049",
        "x_l0=512&y_l0=384&size_um=64&px=20000",
        "x_l0=512&y_l0=384&size_um=64&px=0",
        "x_l0=512&y_l0=384&size_um=64&px=64.5",
        "x_l0=512&y_l0=384&size_um=1e9",
        "x_l0=512&y_l0=384&size_um=0",
        "x_l0=512&y_l0=384&size_um=-5",
        "x_l0=512&y_l0=384&size_px_l0=nan",
        "x_l0=inf&y_l0=384&size_um=64",
        "x_l0=5000&y_l0=384&size_um=64",
        "x_l0=-1&y_l0=384&size_um=64",
        "x_l0=512&y_l0=384",
        "y_l0=384&size_um=64",
        "x_l0=abc&y_l0=384&size_um=64",
        "x_l0=5_12&y_l0=384&size_um=64",
        "x_l0=٥&y_l0=384&size_um=64",
        "x_l0=1e999&y_l0=384&size_um=64",
    ],
)
def test_crops_that_cannot_be_are_refused_before_a_decoder_is_asked(cast, url, pool, query):
    asked = pool()
    response = cast.as_(cast.reader).get(f"{url}crop.jpeg?{query}")
    assert response.status_code == 400
    assert response.json()["detail"]
    assert asked.asked == 0


def test_a_crop_in_micrometres_needs_a_pixel_size(cast):
    slide = SlideFactory(case=cast.case, mpp_x=None, mpp_y=None, mpp_source="unknown")
    response = cast.as_(cast.reader).get(f"/api/slides/{slide.pk}/crop.jpeg?x_l0=9&y_l0=9&size_um=64")
    assert (response.status_code, response.json()["code"]) == (400, "no_mpp")


@pytest.mark.parametrize("state", ["checking", "quarantine", "refused"])
def test_a_slide_that_is_not_ready_shows_no_pixel(cast, state):
    slide = SlideFactory(case=cast.case, state=state)
    for address in ("image.dzi", "image_files/0/0_0.jpeg", "thumbnail.jpeg", "crop.jpeg?x_l0=9&y_l0=9&size_um=9"):
        assert cast.as_(cast.lead).get(f"/api/slides/{slide.pk}/{address}").status_code == 404


def test_a_slide_that_kills_its_decoders_is_closed_after_the_third_death(cast, slide, url, pool):
    pool(DecoderDied([], "signal 6"))
    client, other = cast.as_(cast.reader), SlideFactory(case=cast.case)
    for deaths in (1, 2, 3):
        assert client.get(f"{url}image_files/10/{deaths}_0.jpeg").status_code == 404
        slide.refresh_from_db()
        assert slide.decoder_deaths == deaths
    assert slide.state == "quarantine"
    assert "cannot be read safely" in slide.reason
    other.refresh_from_db()
    assert (other.state, other.decoder_deaths) == ("ready", 0)
    assert "cannot be read safely" in client.get(f"/cases/{cast.case.pk}/").content.decode()


def test_busy_decoders_are_told_apart_from_broken_slides(cast, slide, url, pool):
    pool(DecodersBusy())
    response = cast.as_(cast.reader).get(f"{url}image_files/10/0_0.jpeg")
    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "Cache-Control" not in response or "private" not in response["Cache-Control"]
    slide.refresh_from_db()
    assert slide.decoder_deaths == 0


def test_the_web_process_loads_neither_torch_nor_openslide():
    import subprocess
    import sys

    code = (
        "import django, sys; django.setup(); import mitoweb.urls, mitoweb.api; "
        "sys.exit(', '.join({'torch', 'openslide', 'tifffile', 'cv2', 'large_image'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
