"""The gallery in the browser: choose by keyboard, judge many at once, take it back, to the slide and back."""

import re

from playwright.sync_api import Page, expect

from analysis.models import Verdict
from analysis.services import review
from mitoweb.lib.jobs.models import Job
from tests.analysis.review_makers import add_detections, judge
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import Reading
from tests.browser.test_viewer_view import WIDER

MANY = 400


def opened(page: Page, reading: Reading, query: str = "") -> Page:
    page.goto(f"/slides/{reading.slide.pk}/gallery/?analysis={reading.analysis.pk}{query}")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".g-count b")).not_to_have_text("0")
    return page


def labels_of(reading: Reading) -> dict[int, str]:
    """Label in force by the number of the detection."""
    verdicts = review.verdicts_in_force(reading.analysis, reading.reader)
    return dict(verdicts.values_list("detection__number", "label"))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_many_are_chosen_by_keyboard_judged_at_once_and_taken_back_after_a_reload(desk, reading):
    detections = list(reading.analysis.detections.order_by("number"))
    judge(detections[1], reading.reader, "not_mitosis", "crush")
    judge(detections[2], reading.reader, "mitosis")
    judge(detections[2], reading.second, "not_mitosis")
    page = opened(desk.page(reading.reader), reading)
    chosen, presses = page.locator(".g-chosen"), page.locator(".g-presses")
    expect(page.locator(".g-count")).to_have_text("5 of 6 detections")
    expect(page.locator("#g-verdict-below ~ .n")).to_have_text("1")
    expect(page.locator("#g-readers-differ ~ .n")).to_have_text("1")
    expect(page.locator(".tile.painted")).to_have_count(5)

    press(page, "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    expect(chosen).to_have_text("3 selected")
    press(page, "Escape", "Control+a")
    expect(chosen).to_have_text("5 selected")
    expect(page.get_by_role("grid")).to_be_focused()
    on_mitosis = presses.locator("[data-label=mitosis]")
    expect(on_mitosis).to_contain_text("5 → mitosis")
    expect(on_mitosis).to_contain_text("1 already judged by you will change, 1 already so")
    assert list_axe_faults(page) == []

    before = Verdict.objects.count()
    press(page, "1")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#g-verdict-mitosis ~ .n")).to_have_text("5")
    assert labels_of(reading) == dict.fromkeys(range(1, 6), "mitosis")
    assert Verdict.objects.count() == before + 4

    page.reload()
    expect(page.locator("#g-verdict-mitosis ~ .n")).to_have_text("5")
    press(page, "z")
    expect(chosen).to_have_text("4 selected")
    expect(page.locator("#g-verdict-open ~ .n")).to_have_text("3")
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert labels_of(reading) == {2: "not_mitosis", 3: "mitosis"}
    assert Verdict.objects.filter(detection=detections[1]).latest("revision").reason == "crush"

    # Without a connection it is kept, also over a reload, and sent once.
    desk.expected.append("Failed to load resource")
    page.route("**/verdicts/bulk/", lambda route: route.abort())
    press(page, "2")
    expect(page.locator("#saved")).to_contain_text("4 not saved, trying again")
    page.reload()
    expect(page.locator("#g-verdict-not_mitosis ~ .n")).to_have_text("4")
    page.unroute("**/verdicts/bulk/")
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert labels_of(reading) == {1: "not_mitosis", 2: "not_mitosis", 3: "mitosis", 4: "not_mitosis", 5: "not_mitosis"}

    # The phase keys of the viewer, on all of them; one undo.
    in_force = review.verdicts_in_force(reading.analysis, reading.reader)
    press(page, "Control+a", "Shift+W")
    expect(page.locator("#g-verdict-mitosis ~ .n")).to_have_text("5")
    expect(page.locator(".t-phase").first).to_have_text("met*")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#live")).to_contain_text("5 → mitosis, metaphase, atypical")
    assert set(in_force.values_list("phase", "atypical")) == {("metaphase", True)}
    press(page, "Control+a")
    expect(on_mitosis).to_contain_text("5 already judged by you will change")  # it would take the phases away
    page.locator(".g-more summary").press("Enter")
    page.get_by_role("button", name="Atypical, on and off").press("Enter")
    expect(page.locator(".t-phase").first).to_have_text("met")
    press(page, "z", "z")
    expect(page.locator("#g-verdict-not_mitosis ~ .n")).to_have_text("4")
    expect(page.locator(".t-phase")).to_have_count(0)


def test_of_hundreds_only_the_rows_in_sight_exist_and_filter_place_and_way_back_stay(desk, reading):
    points = [(10 + 4 * (n % 250), 500 + n // 8) for n in range(MANY)]
    add_detections(reading.analysis, points, [0.5 + 0.4 * n / MANY for n in range(MANY)])
    page = opened(desk.page(reading.observer), reading, "&sort=place&size=s")
    expect(page.locator(".g-count")).to_have_text("405 of 406 detections")
    assert page.locator(".tile").count() < 150
    expect(page.locator(".g-bulk")).to_contain_text("your role gives no verdicts")
    press(page, "1", "End")
    last = page.locator(".tile.current .t-number")
    expect(last).to_be_in_viewport()
    number = last.inner_text()
    assert not Verdict.objects.exists()
    assert page.locator(".tile").count() < 150
    page.get_by_label("Large tiles").click()
    expect(page).to_have_url(re.compile("size=l"))
    expect(last).to_be_in_viewport()
    expect(page.get_by_role("grid")).to_be_focused()

    press(page, "Enter")
    page.wait_for_url(re.compile(rf"/slides/{reading.slide.pk}/\?analysis=.*item=d"))
    expect(page.locator(".r-line .which b")).to_have_text(number)
    page.go_back()
    expect(page.locator(".tile.current .t-number")).to_have_text(number)
    expect(last).to_be_in_viewport()

    page.get_by_label("Readers differ").check()
    expect(page.locator("#empty")).to_contain_text("Nothing in this filter")
    assert [*list_axe_faults(page), *page.evaluate(WIDER)] == []
    page.get_by_role("button", name="Clear filter").click()
    expect(page.locator(".tile.current")).to_be_visible()
    press(page, "Shift+G")
    page.wait_for_url(re.compile(rf"/slides/{reading.slide.pk}/\?"))
    expect(page.locator("#zooms [aria-pressed]").first).to_be_visible()
    press(page, "Shift+G")
    page.wait_for_url(re.compile("/gallery/"))


def test_a_crop_that_cannot_be_loaded_can_be_asked_for_again(desk, reading):
    desk.expected.append("Failed to load resource")
    page = desk.page(reading.reader)
    page.route("**/crop.jpeg*", lambda route: route.fulfill(status=404))
    opened(page, reading)
    expect(page.locator(".t-failed:visible")).to_have_count(5)
    page.unroute("**/crop.jpeg*")
    page.locator(".t-failed").first.click()
    expect(page.locator(".tile.painted")).to_have_count(5)
    expect(page.locator(".t-failed:visible")).to_have_count(0)
    expect(page.locator(".g-chosen")).not_to_contain_text("selected")


def test_what_an_analysis_finds_comes_live_and_the_keys_stay_at_their_tile(desk, reading):
    Job.objects.filter(pk=reading.analysis.job_id).update(state=Job.State.QUEUED)
    page = opened(desk.page(reading.reader), reading)
    expect(page.locator(".g-tools .chip")).to_have_text("Waiting for its turn")
    press(page, "ArrowRight", "Space")
    number = page.locator(".tile.current .t-number").inner_text()
    add_detections(reading.analysis, [(800, 600), (820, 640)], [0.99, 0.98])
    expect(page.locator(".g-count")).to_have_text("7 of 8 detections")
    expect(page.locator(".tile").first).to_contain_text("0.99")
    expect(page.locator(".tile.current[aria-selected=true] .t-number")).to_have_text(number)
