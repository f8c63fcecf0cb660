"""The main job in the browser: judge by keyboard, see the count change, see the others, lose nothing."""

import re

from playwright.sync_api import expect

from analysis.models import Figure, Verdict
from tests.browser.conftest import opened
from tests.factories import PASSWORD


def labels(analysis) -> list[str]:
    return list(analysis.verdicts.order_by("revision").values_list("label", flat=True))


def test_a_reader_signs_in_and_judges_by_keyboard_and_the_count_follows(desk, reading):
    page = desk.page()
    page.goto(reading.url)
    page.get_by_label("Name").fill(reading.reader.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#tab-queue .n")).to_have_text("5")
    count, saved = page.locator("#count-number"), page.locator("#saved")
    expect(count).to_have_text("5")  # the model's calls, as long as nobody has judged
    expect(page.locator("#strip")).to_contain_text("model only")

    page.keyboard.press("1")
    expect(saved).to_contain_text("Saved")
    expect(count).to_have_text("1")
    expect(page.locator("#strip")).not_to_contain_text("model only")
    page.keyboard.press("Space")
    page.keyboard.press("1")
    expect(count).to_have_text("2")
    page.keyboard.press("Space")
    page.keyboard.press("5")
    expect(page.locator("#tab-judged .n")).to_have_text("3")
    page.keyboard.press("z")
    expect(page.locator("#tab-judged .n")).to_have_text("2")
    page.keyboard.press("Shift+Z")
    expect(page.locator("#tab-judged .n")).to_have_text("3")
    expect(saved).to_contain_text("Saved")
    assert labels(reading.analysis) == ["mitosis", "mitosis", "not_mitosis", "withdrawn", "not_mitosis"]
    assert Verdict.objects.order_by("revision").last().reason == "pyknotic"


def test_a_verdict_names_agreement_with_the_model(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    expect(page.locator(".verdict[data-label=mitosis]")).to_contain_text("agree · 1 figure")
    expect(page.locator(".verdict[data-label=not_mitosis]")).to_contain_text("disagree")


def test_two_readers_see_each_others_verdicts_without_a_reload(desk, reading):
    first = opened(desk.page(reading.reader), reading)
    second = opened(desk.page(reading.second), reading)
    first.keyboard.press("1")
    row = second.locator(".q-row[aria-current=true]")
    expect(row).to_contain_text(reading.reader.initials)
    second.keyboard.press("2")
    expect(first.locator("#legend [data-state=differ] .n")).to_have_text("1")
    expect(first.locator(".said")).to_contain_text("reader2: not mitosis")
    assert labels(reading.analysis) == ["mitosis", "not_mitosis"]


def test_verdicts_given_without_a_connection_are_kept_over_a_reload_and_sent_once(desk, reading):
    desk.expected.append("Failed to load resource")
    page = opened(desk.page(reading.reader), reading)
    page.route("**/verdicts/", lambda route: route.abort())
    page.keyboard.press("1")
    page.keyboard.press("Space")
    page.keyboard.press("2")
    saved = page.locator("#saved")
    expect(saved).to_contain_text("2 not saved, trying again")
    assert labels(reading.analysis) == []
    page.reload()
    expect(saved).to_contain_text("2 not saved, trying again")
    expect(page.locator("#tab-judged .n")).to_have_text("2")
    page.unroute("**/verdicts/")
    expect(saved).to_contain_text("Saved")
    assert labels(reading.analysis) == ["mitosis", "not_mitosis"]


def test_a_refused_verdict_is_shown_and_not_counted(desk, reading):
    desk.expected.append("Failed to load resource")
    page = opened(desk.page(reading.reader), reading)
    reading.reader.memberships.update(role="observer")  # while the page is open
    page.keyboard.press("1")
    page.get_by_role("button", name="1 refused").click()
    expect(page.locator("#refused-dialog")).to_contain_text("Refused by the server")
    page.get_by_role("button", name="Drop it").click()
    page.keyboard.press("Escape")
    expect(page.locator("#tab-judged .n")).to_have_text("0")
    assert labels(reading.analysis) == []


def test_a_missed_figure_is_added_with_one_click(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("a")
    page.mouse.click(*on_slide(page, 512, 600))
    expect(page.locator("#count-number")).to_have_text("1")
    expect(page.locator(".r-line .which")).to_contain_text("F1")
    expect(page.locator("#saved")).to_contain_text("Saved")
    figure = Figure.objects.get()
    assert (abs(figure.x_l0 - 512), abs(figure.y_l0 - 600)) < (3, 3)


def test_a_figure_beside_a_detection_becomes_a_verdict_on_it(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("a")
    page.mouse.click(*on_slide(page, 305, 262))
    expect(page.locator("#toasts")).to_contain_text("your verdict went there")
    expect(page.locator("#count-number")).to_have_text("1")
    assert not Figure.objects.exists()
    assert Verdict.objects.get().detection.number == 1


def test_a_drawn_region_is_counted_in(desk, reading):
    page = opened(desk.page(reading.second), reading)
    page.keyboard.press("r")
    page.mouse.move(*on_slide(page, 250, 200))
    page.mouse.down()
    page.mouse.move(*on_slide(page, 460, 340), steps=5)
    page.mouse.up()
    expect(page.locator("#region-label")).to_contain_text("Region 1")
    expect(page.locator("#count-number")).to_have_text("2")
    expect(page.locator("#strip")).to_contain_text("smaller than the protocol")
    # At 1280 px the sentence is there to its end, and beside the count there is a range, not an interval.
    sentence = page.locator(".s-words p")
    expect(sentence).to_contain_text("The region holds less tissue than the 2 mm² square")
    strip, words = page.locator("#strip").bounding_box(), sentence.bounding_box()
    assert words["y"] + words["height"] <= strip["y"] + strip["height"]
    assert sentence.evaluate("p => p.scrollWidth <= p.clientWidth && p.scrollHeight <= p.clientHeight")
    expect(page.locator(".s-body")).to_contain_text("2 provisional0 confirmed + 2 open")
    expect(page.locator(".s-body")).to_contain_text("confirmed to provisional")
    page.locator("#notes-menu summary").press("Enter")
    expect(page.locator("#notes-menu")).to_contain_text("a range, confirmed to provisional, without an interval")
    expect(page.locator("#export-menu a").first).to_have_attribute(
        "href", re.compile(r"export\.csv\?region=[0-9a-f-]{36}$")
    )


def test_keys_are_silent_while_a_comment_is_typed(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("3")
    expect(page.locator("#tab-judged .n")).to_have_text("1")
    page.keyboard.press("c")
    page.keyboard.type("1 of 2, see z")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".said")).to_contain_text("1 of 2, see z")
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert labels(reading.analysis) == ["unsure", "unsure"]


def test_an_observer_looks_and_gives_no_verdict(desk, reading):
    page = opened(desk.page(reading.observer), reading)
    expect(page.locator(".verdict").first).to_be_disabled()
    page.keyboard.press("1")
    page.keyboard.press("Space")
    expect(page.locator("#tab-judged .n")).to_have_text("0")
    assert labels(reading.analysis) == []


def on_slide(page, x_l0: float, y_l0: float) -> tuple[float, float]:
    """Where a place of the slide is on the page; the slide is fitted and not rotated."""
    box = page.locator("#osd").bounding_box()
    width, height = 1024, 768
    scale = min(box["width"] / width, box["height"] / height)
    return (
        box["x"] + box["width"] / 2 + (x_l0 - width / 2) * scale,
        box["y"] + box["height"] / 2 + (y_l0 - height / 2) * scale,
    )
