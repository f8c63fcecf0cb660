"""The main job in the browser: judge by keyboard, see the count change, see the others, lose nothing."""

import re

import pytest
from playwright.sync_api import expect

from analysis.models import Comment, Figure, Verdict
from slides.models import Region, Slide
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import add_detections
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import PLACES, opened
from tests.factories import PASSWORD, CaseFactory, SlideFactory
from tests.live import wait_for


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
    page.keyboard.press("1")  # the next one has come by itself
    expect(count).to_have_text("2")
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
    place = "document.querySelector('.r-list').getBoundingClientRect().top"
    before = second.evaluate(place)
    expect(second.locator("#strip")).to_contain_text("Nobody has judged yet: 5 open.")
    first.keyboard.press("1")
    row = second.locator(".q-row[aria-current=true]")
    expect(row).to_contain_text(reading.reader.initials)
    expect(second.locator(".said")).to_contain_text(f"{reading.reader.username}: mitosis")
    assert second.evaluate(place) == before  # what the others say pushes nothing
    words = f"You have judged nothing here yet, {reading.reader.username} has judged 1: 5 open."
    expect(second.locator("#strip")).to_contain_text(words)
    expect(second.get_by_label("Whose count")).to_contain_text("your count")
    second.keyboard.press("2")
    expect(first.locator("#legend [data-state=differ] .n")).to_have_text("1")
    first.keyboard.press("Shift+Space")
    expect(first.locator(".said")).to_contain_text("reader2: not mitosis")
    assert labels(reading.analysis) == ["mitosis", "not_mitosis"]


def test_verdicts_given_without_a_connection_are_kept_over_a_reload_and_sent_once(desk, reading):
    desk.expected.append("Failed to load resource")
    page = opened(desk.page(reading.reader), reading)
    page.route("**/verdicts/", lambda route: route.abort())
    page.keyboard.press("1")
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
    expect(page.locator("#region-label")).to_contain_text("Drawn 1")
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


def test_a_phase_is_given_and_a_comment_written_and_answered_by_keyboard(desk, reading):
    first, saved = opened(desk.page(reading.reader), reading), "Saved"
    row = first.locator(".q-row[aria-current=true]")
    place = first.locator(".r-acts").bounding_box()
    first.keyboard.press("Shift+W")  # in one press a mitosis, its phase, and atypical
    first.keyboard.press("Shift+Space")
    expect(first.locator("[data-phase=metaphase]")).to_have_attribute("aria-pressed", "true")
    expect(first.locator("[data-atypical]")).to_have_attribute("aria-pressed", "true")
    expect(first.locator("[data-reason=crush]")).to_be_hidden()  # in their place
    assert first.locator(".r-acts").bounding_box() == place
    first.keyboard.press("x")
    first.keyboard.press("z")
    expect(first.locator("#live")).to_have_text("1 is mitosis, metaphase, atypical again")
    first.locator("#purpose").select_option("correct")
    first.keyboard.press("d")
    first.keyboard.press("Shift+Space")
    expect(row.locator(".correct")).to_be_visible()
    expect(first.locator("#saved")).to_contain_text(saved)
    said = list(reading.analysis.verdicts.order_by("revision").values_list("label", "phase", "atypical", "purpose"))
    assert [row[0] for row in said] == ["mitosis"] * 4
    assert [row[1:3] for row in said[:3]] == [("metaphase", True), ("metaphase", False), ("metaphase", True)]
    assert said[3] == ("mitosis", "anaphase", True, "correct")

    first.keyboard.press("Space")
    first.keyboard.press("3")
    first.keyboard.press("c")
    expect(first.locator("#thread-title")).to_have_text("Comments on 2")  # judged last, not what came next
    expect(first.locator(".r-line .which")).to_contain_text("2")
    first.keyboard.type("1 of 2, see z")  # keys are silent meanwhile
    first.keyboard.press("Control+Enter")
    expect(first.locator(".thread")).to_be_hidden()
    expect(first.locator(".r-line .which")).to_contain_text("3")
    expect(first.locator("#saved")).to_contain_text(saved)
    assert labels(reading.analysis)[4:] == ["unsure"]

    second = opened(desk.page(reading.second), reading)
    expect(second.locator("[data-item] .talks")).to_have_text("1")
    second.keyboard.press("Space")
    expect(second.locator("#talk-button .n")).to_have_text("1")
    second.keyboard.press("c")
    expect(second.locator(".talk")).to_contain_text("1 of 2, see z")
    assert list_axe_faults(second) == []
    second.keyboard.press("Shift+Tab")
    second.keyboard.press("Enter")  # Answer
    second.keyboard.type("Two figures.")
    second.keyboard.press("Control+Enter")
    first.keyboard.press("Shift+Space")
    expect(first.locator(".said")).to_contain_text("reader2: “Two figures.”")
    first.keyboard.press("c")
    first.get_by_role("button", name="Withdraw").press("Enter")
    expect(first.locator(".talk .gone")).to_have_text("withdrawn")
    first.keyboard.press("Escape")
    expect(first.locator("#talk-button .n")).to_have_text("1")
    expect(first.locator("#saved")).to_contain_text(saved)
    answer = Comment.objects.get(text="Two figures.")
    assert (answer.reply_to.text, answer.reply_to.withdrawal.author) == ("1 of 2, see z", reading.reader)
    first.reload()
    expect(first.locator("#purpose")).to_have_value("correct")
    first.keyboard.press("?")
    # While drawing and while walking, keys mean something of their own.
    usual = first.locator("#keys-dialog .key-row").filter(has_not_text=re.compile("while (drawing|walking)"))
    shown = usual.locator("kbd").all_inner_texts()
    assert len(shown) == len(set(shown))
    expect(first.locator("#keys-dialog")).to_contain_text("training takes the two apart")


def test_an_observer_looks_and_gives_no_verdict(desk, reading):
    page = opened(desk.page(reading.observer), reading)
    expect(page.locator(".verdict").first).to_be_disabled()
    page.keyboard.press("1")
    page.keyboard.press("Space")
    page.keyboard.press("a")
    expect(page.locator("#hint")).to_be_hidden()
    expect(page.locator("#tab-judged .n")).to_have_text("0")
    assert labels(reading.analysis) == []
    page.keyboard.press("?")
    shown = page.locator("#keys-dialog .key-row kbd").all_inner_texts()
    assert {"Space", "g", "m", "+", "c"} <= set(shown)
    assert not {"1", "4", "q", "x", "z", "a", "r", "Enter"} & set(shown)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.locator(".thread")).to_contain_text("Your role reads comments and writes none.")
    expect(page.locator("#comment-text")).to_have_count(0)


AZERTY = """([key, code]) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }))"""


def test_the_queue_ends_with_what_is_done_and_where_to_go_on_an_azerty_keyboard(desk, reading):
    second = SlideFactory(case=reading.slide.case, label="A2")
    later = CaseFactory(team=reading.slide.case.team, accession="26-05001", readers=[reading.reader])
    add_detections(make_analysis(SlideFactory(case=later)), [(300, 260)], [0.9])
    page = opened(desk.page(reading.reader), reading)
    for key, code in (("&", "Digit1"), ("é", "Digit2"), ('"', "Digit3"), ("(", "Digit5"), ("&", "Digit1")):
        page.evaluate(AZERTY, [key, code])
    onward = page.locator(".onward")
    expect(onward).to_contain_text("All calls are judged")
    expect(onward).to_contain_text("Yours: 2 mitoses, 2 not mitosis, 1 unsure.")
    expect(page.locator("#live")).to_contain_text("All calls are judged")
    assert list_axe_faults(page) == []
    expect(onward.get_by_role("link", name="Next slide, A2")).to_have_attribute("href", f"/slides/{second.pk}/")
    expect(onward.get_by_role("link", name="Next case, 26-05001")).to_have_attribute("href", f"/cases/{later.pk}/")
    expect(page.locator("#saved")).to_contain_text("Saved")

    page.reload()
    expect(onward).to_contain_text("All calls are judged")
    page.keyboard.press("z")
    expect(page.locator("#tab-queue .n")).to_have_text("1")
    expect(page.locator(".r-line .which")).to_contain_text("5")  # the one that was judged last
    page.evaluate(AZERTY, ["&", "Digit1"])
    expect(onward.locator(".primary")).to_contain_text("Missed? 1")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-missed")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(onward.locator(".primary")).to_contain_text("Next slide, A2")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/slides/{second.pk}/"))
    wait_for(lambda: labels(reading.analysis)[-2:] == ["withdrawn", "mitosis"])


SHOWS_FOCUS = "() => getComputedStyle(document.querySelector('#canvas'), '::after').borderTopWidth === '2px'"


def test_figures_and_regions_are_added_by_keyboard(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("a")
    assert page.evaluate(SHOWS_FOCUS)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("Saved")
    scale = min(page.locator("#osd").bounding_box()[side] / px for side, px in (("width", 1024), ("height", 768)))
    figure = Figure.objects.get()
    assert figure.x_l0 == pytest.approx(512 + 1 / scale, abs=1)
    assert figure.y_l0 == pytest.approx(384 + 48 / scale, abs=1)

    page.keyboard.press("r")
    page.keyboard.press("Enter")  # the middle
    for key in ["ArrowRight"] * 6 + ["ArrowDown"] * 5:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#region-label")).to_contain_text("Drawn 1")
    xs, ys = zip(*Region.objects.get().polygon, strict=True)
    assert len(xs) == 4
    assert (min(xs), min(ys)) == pytest.approx((512, 384), abs=1)
    assert (max(xs), max(ys)) == pytest.approx((512 + 96 / scale, 384 + 80 / scale), abs=1)


def test_the_current_figure_is_in_view_when_the_viewer_opens_and_a_links_place_stays(desk, reading):
    Slide.objects.filter(pk=reading.slide.pk).update(mpp_x=2, mpp_y=2)  # the whole slide is then too far out to judge
    page = opened(desk.page(reading.reader), reading)
    page.wait_for_url(re.compile("z=20"))
    assert place(page)[:2] == pytest.approx(PLACES[0], abs=2)
    page = desk.page(reading.reader)
    opened(page, reading, "#x=700&y=300&z=20&r=0")
    assert place(page)[:2] == (700, 300)
    expect(page.locator(".r-line .which b")).to_have_text("5")  # the one that is there


def place(page) -> tuple[float, float, float]:
    return tuple(float(value) for _, value in re.findall(r"([xyz])=(-?[\d.]+)", page.url))


def on_slide(page, x_l0: float, y_l0: float) -> tuple[float, float]:
    """Where a place of the slide is on the page; the slide is fitted and not rotated."""
    box = page.locator("#osd").bounding_box()
    width, height = 1024, 768
    scale = min(box["width"] / width, box["height"] / height)
    return (
        box["x"] + box["width"] / 2 + (x_l0 - width / 2) * scale,
        box["y"] + box["height"] / 2 + (y_l0 - height / 2) * scale,
    )
