"""A protocol with scores in the browser: chosen in the strip, judged by effect until nothing can change the score."""

import re

import pytest
from playwright.sync_api import expect

from analysis.models import Analysis
from analysis.services import protocol_changes
from slides.models import Slide
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import opened
from tests.factories import RegionFactory, UserFactory

MPP = 2  # the slide of the tests is then 3.1 mm², so that the protocol's square has room
DOCUMENT = {
    "name": "own",
    "version": 1,
    "title": "Our own mitotic score of the laboratory, 2 mm²",
    "shape": "square",
    "area_mm2": 2.0,
    "cutoffs": [{"score": "1", "from": 0}, {"score": "2", "from": 2}, {"score": "3", "from": 5}],
    "sources": {"area_mm2": "Made in a test.", "cutoffs": "Made in a test."},
    "on": True,
}

# What is cut or wrapped in the strip: wider than its room, lower than the strip, or a line that has become two.
CUT = """() => {
  const strip = document.querySelector("#strip").getBoundingClientRect();
  const names = ".s-line > *, .s-line button, .s-line summary b, .s-body > *, .s-body b, .s-words p";
  const parts = [...document.querySelectorAll(`#strip :is(${names}), .decision > span, .verdict .follows`)]
    .filter(part => part.checkVisibility() && part.getBoundingClientRect().width && !part.closest(".items, svg"));
  return parts.filter(part => {
    const { right, bottom, height } = part.getBoundingClientRect();
    const isLine = part.matches(".s-line *");
    if (part.clientWidth && part.scrollWidth > part.clientWidth + 1) return true;
    return part.closest("#strip") && (right > strip.right + 1 || bottom > strip.bottom + 1 || isLine && height > 30);
  }).map(part => part.outerHTML.slice(0, 90));
}"""

# The press of a key, and whether the next crop stands there whole before anything else has had time to run.
PRESS = """key => {
  const press = { key, code: `Digit${key}`, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new KeyboardEvent("keydown", press));
  const crop = document.querySelector(".crop > img");
  return crop.complete && crop.naturalWidth > 0;
}"""


# Whether so many large crops have come: the current one and those that are next.
LOADED_AHEAD = """many => performance.getEntriesByType("resource")
  .filter(({ name, responseEnd }) => /crop.jpeg.*px=560/.test(name) && responseEnd).length >= many"""


@pytest.fixture
def scored(reading):
    """Room for the protocol, which is on and not chosen."""
    Slide.objects.filter(pk=reading.slide.pk).update(mpp_x=MPP, mpp_y=MPP)
    area_mm2 = reading.slide.width * reading.slide.height * MPP**2 / 1e6
    Analysis.objects.filter(pk=reading.analysis.pk).update(mpp_x=MPP, mpp_y=MPP, area_mm2=area_mm2)
    protocol_changes.add_version(DOCUMENT, UserFactory(is_superuser=True, is_staff=True))
    return reading


def test_judging_by_effect_ends_in_a_decided_score(desk, scored):
    page = opened(desk.page(scored.reader), scored)
    order, decision, saved = page.get_by_label("Order"), page.locator(".decision"), page.locator("#saved")
    expect(order).to_have_value("region")
    expect(decision).to_contain_text("5 places open: 0 to 5 in the region.")
    menu = page.locator("#protocol-menu")
    menu.locator("summary").press("Enter")
    expect(menu.get_by_text("2.00 mm², score 1 up to 1, score 2 from 2, score 3 from 5")).to_be_visible()
    assert list_axe_faults(page) == []
    menu.get_by_role("button", name="Our own").press("Enter")
    expect(menu.locator("summary")).to_contain_text("Our own mitotic score")

    expect(order).to_have_value("effect")
    expect(page.locator(".s-words")).to_contain_text("Score 1 to 3", ignore_case=True)
    expect(decision).to_contain_text(re.compile(r"\d verdicts? to go"))
    expect(page.locator(".regions [aria-pressed=true]")).to_have_text("Region 1 0 to 5")
    mitosis = page.locator(".verdict[data-label=mitosis] .follows")
    expect(mitosis).to_have_text("1 figure, score 1")
    for width in (1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate(CUT) == [], width

    for figures in (1, 2):
        page.wait_for_function(LOADED_AHEAD, arg=figures + 2)
        assert page.evaluate(PRESS, "1")
        expect(page.locator("#count-number")).to_have_text(str(figures))
        expect(saved).to_contain_text("Saved")
        if figures == 1:
            expect(mitosis).to_have_text("2 figures, score 2")
            expect(mitosis).to_have_class(re.compile("changes"))
    current = page.locator(".q-row[aria-current=true] .number").inner_text()
    assert page.locator(".q-row .number").first.inner_text() == current  # the count came anew and nothing moved
    page.keyboard.press("2")
    expect(decision).to_have_text("Decided. None of the 2 open can change the score.")
    expect(page.locator(".s-words")).to_contain_text("decided")
    expect(page.locator(".s-ruler rect.decided")).to_have_count(1)
    expect(page.locator(".s-ruler > svg")).to_have_attribute("aria-label", re.compile("score 2, decided$"))
    expect(page.locator("#live")).to_contain_text("decided: score 2")
    assert page.evaluate(CUT) == []
    assert list_axe_faults(page) == []

    # A drawn region with a long name cuts nothing either, nor does the small map show a label without a name.
    third = [[0, 0], [scored.slide.width, 0], [scored.slide.width, 256], [0, 256]]
    RegionFactory(slide=scored.slide, name="Upper third of the tumour, beside the fold", polygon=third)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.reload()
    page.locator(".s-line .fold.folded > .fold-button").press("Enter")
    page.get_by_role("button", name=re.compile("^Upper third")).press("Enter")
    expect(page.locator(".s-words")).to_contain_text("No score")
    assert "" not in page.locator(".map-label text").all_text_contents()
    assert [cut for cut in page.evaluate(CUT) if "folded" not in cut] == []  # what folds has its text as a title

    page.goto("/cases/")
    expect(page.locator(".count")).to_contain_text("score 2 decided")
    expect(page.locator(".count-ruler .cut-off")).to_have_count(2)
