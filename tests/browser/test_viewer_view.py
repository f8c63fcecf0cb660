"""The view of the slide: a link opens the same place, keys move it, nothing is wider than the window."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import opened

WIDER = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("#osd, #navigator, svg, .v-slides"))
  .map(e => `${e.tagName}.${e.className}`)"""


SHOWS_TILES = """() => {
  const canvas = document.querySelector("#osd .openseadragon-canvas canvas:not(.overview)");
  return canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[3] === 255;
}"""


def position(page) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"([xyzr])=(-?[\d.]+)", page.url)}


def test_a_link_opens_the_same_view(desk, reading):
    page = opened(desk.page(reading.reader), reading, "#x=420&y=300&z=20&r=90")
    expect(page.get_by_role("button", name="20×")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="40×").click()
    page.keyboard.press("ArrowDown")
    page.wait_for_url(lambda url: "z=40" in url)
    page.wait_for_timeout(800)  # the animation ends; the address follows it
    second = opened(desk.page(reading.reader), reading, "#" + page.url.split("#")[1])
    expect(second.get_by_role("button", name="40×")).to_have_attribute("aria-pressed", "true")
    second.keyboard.press("+")
    second.keyboard.press("-")
    assert position(second) == pytest.approx(position(page), abs=1)


def test_the_scale_bar_follows_the_magnification(desk, reading):
    page = opened(desk.page(reading.reader), reading, "#x=512&y=384&z=20&r=0")
    expect(page.locator("#scale .bar")).to_have_text("100 µm")
    page.get_by_role("button", name="40×").click()
    expect(page.locator("#scale .bar")).to_have_text("50 µm")


def test_the_threshold_is_a_personal_filter_and_leaves_the_count(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.locator("#threshold input").fill("0.85")
    expect(page.locator("#tab-queue .n")).to_have_text("2")
    expect(page.locator("#count-number")).to_have_text("5")
    page.get_by_role("button", name="model 0.50").click()
    expect(page.locator("#tab-queue .n")).to_have_text("5")


@pytest.mark.parametrize("width", [1280, 640])  # 640: a window of 1280 at 200 % zoom
def test_nothing_is_wider_than_the_window(desk, reading, width):
    page = opened(desk.page(reading.reader, viewport={"width": width, "height": 800}), reading)
    assert page.evaluate(WIDER) == []


def test_the_key_sheet_names_the_keys_and_can_switch_them_off(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("?")
    sheet = page.locator("#keys-dialog")
    expect(sheet).to_contain_text("mitosis, not mitosis, unsure")
    page.get_by_label("single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.locator("#tab-judged .n")).to_have_text("0")
    assert not reading.analysis.verdicts.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_open_without_an_error_in_either_theme(desk, reading, scheme):
    page = desk.page(reading.reader, color_scheme=scheme)
    for path in ("/cases/", f"/cases/{reading.slide.case_id}/", "/uploads/", "/jobs/", "/team/", "/account/"):
        assert page.goto(path).status == 200
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        assert page.evaluate(WIDER) == [], path


def test_a_page_that_is_not_there_says_so_in_the_same_words_as_one_of_another_team(desk, reading):
    desk.expected.append("Failed to load resource")
    page = desk.page(reading.reader)
    assert page.goto("/cases/00000000-0000-4000-8000-000000000000/").status == 404
    expect(page.get_by_role("heading")).to_have_text("Not found, or not your team's")


def test_tiles_of_a_busy_server_come_later_and_leave_no_hole(desk, reading):
    """It is busy for longer than OpenSeadragon tries by itself, and was unreachable before."""
    desk.expected += ["status of 503", "failed to load", "ERR_FAILED"]
    page = desk.page(reading.reader)
    asked, busy = [], [True]

    def answer(route) -> None:
        asked.append(route.request.url)
        if not busy[0]:
            route.continue_()
        elif len(asked) < 4:
            route.abort()
        else:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="busy")

    page.route("**/image_files/**", answer)
    opened(page, reading)
    assert not page.evaluate(SHOWS_TILES)
    in_six_seconds = 99
    for _ in range(10):  # until OpenSeadragon has given up
        before = len(asked)
        page.wait_for_timeout(6_000)
        in_six_seconds = len(asked) - before
        if in_six_seconds <= 4:
            break
    assert 1 <= in_six_seconds <= 4, "given up, or asked for too often"
    expect(page.locator(".toast")).to_have_count(0)
    busy[0] = False
    page.wait_for_function(SHOWS_TILES)
    page.unroute("**/image_files/**")
