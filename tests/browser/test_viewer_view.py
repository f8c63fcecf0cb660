"""The view of the slide: a link opens the same place, keys move it, nothing is wider than the window."""

import re

import pytest
from playwright.sync_api import expect

from slides.models import Case
from tests.analysis.review_makers import judge
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import opened
from tests.factories import SlideFactory

WIDER = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .filter(e => !e.closest("#osd, .osd, #navigator, .navigator, svg"))
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


# Controls of the bars that cannot be pressed over their whole width, since something cuts or covers them.
COVERED = """() => [...document.querySelectorAll(":is(.v-top, .v-sub) :is(a, button, summary, input)")]
  .filter(e => e.checkVisibility() && e.getBoundingClientRect().width)
  .filter(e => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    const at = x => document.elementFromPoint(x, (top + bottom) / 2);
    return ![at(left + 2), at(right - 2)].every(found => found && (e.contains(found) || found.contains(e)));
  }).map(e => e.outerHTML.slice(0, 120))"""

# Words on the verdicts that are cut where a count has three digits.
CUT = """() => [...document.querySelectorAll(".verdict .follows")].filter(words => {
  words.firstChild.data = words.firstChild.data.replace(/\\d+/, "136");
  return words.scrollWidth > words.clientWidth;
}).map(words => words.textContent)"""

# How far the small map's frame is from where the view is, in pixels of the map, at two CSS pixels to one of the slide.
FRAME_IS_OFF = """() => {
  const [map, frame, osd] = ["#navigator", "#navigator .displayregion", "#osd"]
    .map(name => document.querySelector(name).getBoundingClientRect());
  const scale = Math.min(map.width / 1024, map.height / 768);
  return Math.max(...[
    frame.width - osd.width / 2 * scale, frame.height - osd.height / 2 * scale,
    frame.x + frame.width / 2 - map.x - map.width / 2, frame.y + frame.height / 2 - map.y - map.height / 2,
  ].map(Math.abs));
}"""


def test_bars_fold_and_the_small_map_follows_when_the_window_becomes_smaller(desk, reading):
    """With long names, several slides, and readers who differ. 720 and 640: windows of 1440 and 1280 at 200 % zoom."""
    case = reading.slide.case
    Case.objects.filter(pk=case.pk).update(
        accession="26-04417-Mammakarzinom-Nachresektat-links-aussen-2", tumour_type="Breast, " * 8
    )
    for label in ("A2 Lymphknoten, zweiter Schnitt nach Entkalkung", "A3"):
        SlideFactory(case=case, label=label)
    for reader, label in ((reading.reader, "mitosis"), (reading.second, "not_mitosis")):
        judge(reading.analysis.detections.first(), reader, label)
    page = desk.page(reading.reader, viewport={"width": 1920, "height": 900})
    opened(page, reading, "#x=512&y=384&z=2px&r=0")
    expect(page.locator("#legend [data-state=differ] .n")).to_have_text("1")
    expect(page.locator(".v-slides a")).to_have_count(3)
    for width in (1920, 1440, 1280, 1024, 720, 640, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => ({FRAME_IS_OFF})() < 4")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert (page.evaluate(COVERED), page.evaluate(WIDER)) == ([], []), width
        if width == 1024:
            page.locator(".v-top .fold-button").first.click()
            expect(page.locator(".v-slides a").last).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator(".v-slides a").last).to_be_hidden()
        assert page.evaluate(CUT) == [], width
        if width in (1280, 640):
            page.keyboard.press("i")
            assert list_axe_faults(page) == []
            page.keyboard.press("i")


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
