"""What lies around the marks: the overview under the tiles, the next level's tiles, the drawer, light and stain."""

import re

import pytest
from playwright.sync_api import expect

from slides.models import Slide
from tests.browser.conftest import opened

MEAN_COLOUR = """() => {
  const canvas = document.querySelector("#osd .openseadragon-canvas canvas");
  const { data } = canvas.getContext("2d").getImageData(canvas.width / 2 - 40, canvas.height / 2 - 40, 80, 80);
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 1) if (i % 4 < 3) sums[i % 4] += data[i] / (data.length / 4);
  return sums;
}"""


def test_the_overview_is_there_while_no_tile_has_come(desk, reading):
    desk.expected += ["Failed to load resource", "failed to load"]
    page = desk.page(reading.reader)
    held = []
    page.route("**/image_files/**", lambda route: held.append(route))
    page.goto(reading.url + "#x=420&y=300&z=20&r=90", wait_until="domcontentloaded")
    overview = page.locator("canvas.overview")
    expect(overview).to_have_css("transform", re.compile(r"^matrix\((?!1, 0, 0, 1, 0, 0)"))
    assert overview.evaluate("c => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[3]") == 255
    for route in held:
        route.abort()


def test_the_tiles_of_the_next_level_are_fetched_while_the_view_rests(desk, reading):
    page = desk.page(reading.reader)
    asked = []
    page.on("request", lambda request: asked.append(request) if "/image_files/" in request.url else None)
    opened(page, reading, "#x=512&y=384&z=5&r=0")
    level = 10  # 1024 px: the slide's own
    with page.expect_request(lambda r: f"/image_files/{level}/" in r.url and r.resource_type == "fetch"):
        pass
    fetched = [request for request in asked if request.resource_type == "fetch"]
    assert len(fetched) <= 24


def test_the_drawer_tells_of_the_slide_and_is_remembered(desk, reading):
    privacy = {"method": "tiff", "removed": ["label picture"], "unknown": [], "verified": True}
    Slide.objects.filter(pk=reading.slide.pk).update(scanner="Aperio AT2", privacy=privacy)
    page = opened(desk.page(reading.reader), reading)
    drawer = page.locator("#drawer")
    expect(drawer).to_be_hidden()
    page.keyboard.press("i")
    for words in ("0.2500 µm/px", "From the file", "Aperio AT2", "label picture", "not checked"):
        expect(drawer).to_contain_text(words)
    expect(page.locator("#calibrate-button")).to_have_count(0)  # readers do not calibrate
    page.reload()
    expect(drawer).to_be_visible()
    page.keyboard.press("i")
    expect(drawer).to_be_hidden()


def test_light_is_changed_for_the_person_alone_and_said_on_the_slide(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("b")
    page.keyboard.press("ArrowRight")  # the first slider has the focus
    expect(page.locator("#view-note")).to_have_text("Adjusted")
    expect(page.locator("#osd")).to_have_class(re.compile("adjusted"))
    page.get_by_label("Gamma").fill("1.5")
    page.reload()
    expect(page.get_by_label("Gamma")).to_have_value("1.5")
    expect(page.locator("#picture-filter feFuncR")).to_have_attribute("tableValues", re.compile(r"^0\.0100 0\.1[01]"))
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#view-note")).to_be_hidden()


def settled_colour(page) -> list[float]:
    """The mean colour in the middle of the slide, once tiles are there and nothing changes any more."""
    seen = page.evaluate(MEAN_COLOUR)
    while True:
        page.wait_for_timeout(700)
        now = page.evaluate(MEAN_COLOUR)
        if sum(now) > 0 and now == seen:
            return now
        seen = now


def distance_soon(page, own: list[float], holds) -> float:
    """How far the colour is from `own` once `holds` is true of it, or after 20 s.

    A worker makes tile after tile, and on a busy machine a pause between two of them looks like the end.
    """
    for _ in range(20):
        distance = max(abs(a - b) for a, b in zip(settled_colour(page), own, strict=True))
        if holds(distance):
            break
        page.wait_for_timeout(300)
    return distance


def test_the_normalised_view_is_named_and_leaves_when_asked(desk, reading):
    page = opened(desk.page(reading.reader), reading, "#x=512&y=384&z=20&r=0")
    own = settled_colour(page)
    page.keyboard.press("n")
    expect(page.locator("#view-note")).to_have_text("Normalised view")
    assert distance_soon(page, own, lambda distance: distance > 3) > 3
    for shown in (False, True, False):  # quickly one after the other
        page.keyboard.press("n")
        expect(page.get_by_label("Normalised stain")).to_be_checked(checked=shown)
    expect(page.locator("#view-note")).to_be_hidden()
    assert distance_soon(page, own, lambda distance: distance <= 1) <= 1


def test_a_slide_without_a_stain_profile_says_why_it_has_no_normalised_view(desk, reading):
    page = desk.page(reading.reader)
    answer = '{"matrix": null, "reason": "There is too little stained tissue on the overview."}'
    page.route("**/stain/", lambda route: route.fulfill(body=answer, content_type="application/json"))
    opened(page, reading)
    page.keyboard.press("n")
    expect(page.locator("#toasts")).to_contain_text("too little stained tissue")
    expect(page.locator("#view-note")).to_be_hidden()


@pytest.mark.parametrize(
    ("state", "words"),
    [("quarantine", "Waits for an administrator"), ("checking", "Still being checked")],
)
def test_a_slide_that_is_not_ready_says_where_it_stands(desk, reading, state, words):
    Slide.objects.filter(pk=reading.slide.pk).update(state=state)
    page = desk.page(reading.reader)
    page.goto(reading.url)
    expect(page.locator("#panel h2")).to_have_text(words)
