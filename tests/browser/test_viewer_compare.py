"""Two slides side by side: they move as one, at one scale, and a link opens the same two places."""

import re

import pytest
from playwright.sync_api import expect

from slides.models import Slide
from tests.browser.conftest import opened
from tests.factories import CaseFactory, SlideFactory


@pytest.fixture
def pair(reading):
    """The slide of the reading at 0.25 µm/px, and one at 0.5 of another case."""
    other = SlideFactory(case=CaseFactory(team=reading.slide.case.team, accession="26-05001"), label="B2")
    Slide.objects.filter(pk=other.pk).update(mpp_x=0.5, mpp_y=0.5)
    return f"/slides/{reading.slide.pk}/compare/{other.pk}/"


def opened_pair(desk, reading, url: str):
    page = desk.page(reading.reader)
    page.goto(url)
    wait_until_both_stand(page)
    return page


def wait_until_both_stand(page) -> None:
    """Until then the page is only what the server sent: it hears no key."""
    for index in (0, 1):
        expect(page.locator(f"#pane-{index} .v-scale")).to_contain_text(re.compile(r"x \d"))
    page.wait_for_url(lambda url: "x2=" in url)


def places(page) -> dict[str, float]:
    page.wait_for_timeout(900)  # the animation ends; the address follows it
    return {name: float(value) for name, value in re.findall(r"([xyzr]2?)=(-?[\d.]+)", page.url.split("#")[1])}


def drag(page, pane: int, dx: int, dy: int) -> None:
    box = page.locator(f"#pane-{pane} .osd").bounding_box()
    x, y = box["x"] + 200, box["y"] + 250
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=5)
    page.wait_for_timeout(150)  # no flick
    page.mouse.up()


def test_both_move_as_one_and_at_one_scale(desk, reading, pair):
    page = opened_pair(desk, reading, f"{pair}#x=512&y=384&z=20&r=0&x2=400&y2=300&z2=20&r2=0")
    before = places(page)
    assert before["z"] == before["z2"] == pytest.approx(20)
    drag(page, 0, -60, 0)
    after = places(page)
    moved = after["x"] - before["x"]
    assert moved > 50
    assert after["x2"] - before["x2"] == pytest.approx(moved / 2, abs=2)  # pixels twice as large
    page.keyboard.press("+")
    zoomed = places(page)
    assert zoomed["z"] == pytest.approx(28, rel=0.01)
    assert zoomed["z2"] == pytest.approx(zoomed["z"], rel=0.001)


def test_apart_they_move_alone_and_linked_again_they_keep_the_offset(desk, reading, pair):
    page = opened_pair(desk, reading, f"{pair}#x=512&y=384&z=20&r=0&x2=400&y2=300&z2=20&r2=0")
    page.keyboard.press("k")
    expect(page.locator("#link-button")).to_have_attribute("aria-pressed", "false")
    drag(page, 1, -50, -20)
    apart = places(page)
    assert (apart["x"], apart["y"]) == (512, 384)
    assert "link=off" in page.url
    page.keyboard.press("k")
    drag(page, 0, 40, 0)
    linked = places(page)
    assert linked["x2"] - apart["x2"] == pytest.approx((linked["x"] - apart["x"]) / 2, abs=2)


def test_a_turned_slide_follows_along_its_own_axes(desk, reading, pair):
    page = opened_pair(desk, reading, f"{pair}#x=512&y=384&z=20&r=0&x2=512&y2=384&z2=20&r2=90")
    before = places(page)
    drag(page, 0, -60, 0)
    after = places(page)
    moved = after["x"] - before["x"]
    assert after["x2"] == pytest.approx(before["x2"], abs=2)
    assert after["y2"] - before["y2"] == pytest.approx(-moved / 2, abs=2)


def test_a_link_opens_the_same_two_places(desk, reading, pair):
    page = opened_pair(desk, reading, f"{pair}#x=512&y=384&z=20&r=0&x2=400&y2=300&z2=20&r2=90&link=off")
    wanted = places(page)
    second = opened_pair(desk, reading, page.url.removeprefix(desk.address))
    assert places(second) == pytest.approx(wanted, abs=1)


def test_a_slide_is_laid_beside_by_keyboard_also_one_of_another_case(desk, reading, pair):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("s")
    page.keyboard.type("26-05001")
    choice = page.get_by_role("button", name="B2")
    expect(choice).to_be_visible()
    choice.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(pair)))
    expect(page.locator("#pane-1 header")).to_contain_text("B2")
    wait_until_both_stand(page)
    page.keyboard.press("h")
    expect(page.locator("#hide-button")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("x")
    expect(page.locator("#pane-1")).to_have_class(re.compile("leads"))
