"""The hint of type and phase in the viewer: off until the reader wants it, gone where the analysis has none."""

import numpy as np
from django.db import transaction
from playwright.sync_api import expect

from analysis.services import explanations
from tests.analysis.test_subtype_hints import HINT
from tests.browser.conftest import opened

SWITCH = "Hints: mitosis type"


def explain(reading, hint) -> None:
    """Maps for all detections but the last, which lies below the threshold."""
    detections = list(reading.analysis.detections.order_by("-probability"))[:-1]
    grey = np.full((100, 100), 120, np.uint8)
    with transaction.atomic():
        maps = [{"mitosis": grey, "other": grey}] * len(detections)
        explanations.keep_maps(reading.analysis.pk, detections, maps, [hint] * len(detections), "blocks.8")


def test_a_reader_switches_the_hint_on_by_keyboard_and_it_stays_on_for_this_reader_alone(desk, reading):
    explain(reading, HINT)
    context = desk.context(reading.reader)
    page = opened(context.new_page(), reading)
    switch, words = page.get_by_label(SWITCH), page.locator(".type-hint .words")
    expect(switch).to_be_visible()
    expect(switch).not_to_be_checked()
    expect(words).to_be_hidden()
    switch.focus()
    expect(page.locator("#tip")).to_contain_text("never changes the model's call, the probability or the count")
    page.keyboard.press("Space")
    expect(words).to_have_text("Model's hint: atypical 0.71 · metaphase 0.55")
    expect(page.locator(".type-hint .measured")).to_contain_text("0.75 and 0.70 in cross-validation")
    expect(page.locator("#count-number")).to_have_text("5")
    page.reload()
    expect(words).to_be_visible()

    page.close()  # its tiles still on their way would be asked for by nobody
    context.clear_cookies()
    context.add_cookies([desk._session(reading.second)])
    page = opened(context.new_page(), reading)
    expect(page.get_by_label(SWITCH)).not_to_be_checked()
    expect(page.locator(".type-hint .words")).to_be_hidden()


def test_a_detection_below_the_threshold_without_maps_says_that_it_has_no_hint(desk, reading):
    explain(reading, HINT)
    page = opened(desk.page(reading.reader), reading)
    page.get_by_label(SWITCH).check()
    page.locator("#tab-missed").click()
    expect(page.locator(".type-hint .words")).to_have_text("No hint for this one.")


def test_nothing_is_shown_of_hints_where_the_analysis_has_none(desk, reading):
    explain(reading, None)
    page = opened(desk.page(reading.reader), reading)
    expect(page.get_by_label("Grad-CAM for mitosis, over the crop")).to_be_visible()
    expect(page.get_by_text(SWITCH)).to_be_hidden()
