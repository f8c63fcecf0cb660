"""The slide check in the viewer: a line below the card that opens to its reasons, by mouse and by keyboard."""

import pytest
from playwright.sync_api import expect

from analysis.models import Analysis
from tests.browser.conftest import opened

REASONS = [
    "The background is tinted: its red, green and blue differ by 31, where glass has at most 12.",
    "The file is strongly compressed: JPEG quality 21; the network was trained on 75 to 93, and from 40 passes.",
]


@pytest.fixture
def line(desk, reading):
    """line(validity): the slide check of an analysis with that verdict."""

    def show(validity: dict | None):
        Analysis.objects.filter(pk=reading.analysis.pk).update(validity=validity)
        return opened(desk.page(reading.reader), reading).locator(".validity")

    return show


def test_a_caution_opens_to_its_reasons_by_keyboard(line):
    check = line({"grade": "caution", "reasons": REASONS, "measures": {}})
    expect(check.locator(".chip")).to_have_text("caution")
    expect(check.locator("summary")).to_contain_text(REASONS[0])
    expect(check.locator("li").first).to_be_hidden()
    check.locator("summary").focus()
    check.page.keyboard.press("Enter")
    expect(check.locator("li")).to_have_text(REASONS)
    expect(check.locator("li").last).to_be_visible()
    check.page.keyboard.press("Enter")
    expect(check.locator("li").first).to_be_hidden()


@pytest.mark.parametrize(
    ("validity", "word", "fact"),
    [
        ({"grade": "ok", "reasons": [], "measures": {}}, "ok", "Like the training slides"),
        ({"grade": "not valid", "reasons": REASONS[:1], "measures": {}}, "not valid", "The background is tinted"),
        (None, "not checked", "not compared with the training slides"),
    ],
)
def test_each_grade_has_its_word_and_fact(line, validity, word, fact):
    check = line(validity)
    expect(check.locator(".chip")).to_have_text(word)
    expect(check.locator("summary")).to_contain_text(fact)
