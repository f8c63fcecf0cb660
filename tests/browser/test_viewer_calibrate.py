"""The pixel size in the viewer: a known length drawn on the slide, the optics, the scanner's default."""

import pytest
from playwright.sync_api import expect

from slides.models import Region, ScannerPixelSize, Slide
from tests.browser.conftest import opened
from tests.factories import member


@pytest.fixture
def technician(reading):
    return member(reading.slide.case.team, "technician", username="tech")


@pytest.fixture
def unknown(reading):
    """The slide without its pixel size."""
    reading.slide.analyses.all().delete()
    Slide.objects.filter(pk=reading.slide.pk).update(mpp_x=None, mpp_y=None, mpp_source="unknown", scanner="Aperio AT2")
    return reading.slide


def page_of(desk, technician, slide):
    page = desk.page(technician)
    page.goto(f"/slides/{slide.pk}/")
    page.get_by_role("button", name="Set…").click()
    return page


def test_a_known_length_is_drawn_on_the_slide(desk, unknown, technician):
    Region.objects.create(slide=unknown, name="Region 1", polygon=[[0, 0], [500, 0], [500, 400], [0, 400]])
    page = page_of(desk, technician, unknown)
    page.get_by_role("button", name="Draw on the slide…").click()
    expect(page.locator("#hint")).to_contain_text("known length")
    box = page.locator("#osd").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 200, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, y, steps=4)
    page.mouse.up()
    length_px = float(page.locator("#size-px").input_value())
    assert length_px == pytest.approx(300 / min(box["width"] / 1024, box["height"] / 768), rel=0.05)
    page.locator("#size-length").fill("0.1")
    page.get_by_label("Unit of the length").select_option("mm")
    expect(page.locator("#pixel-size-dialog .result")).to_contain_text(f"{100 / length_px:.4f} µm/px")
    page.get_by_label("Keep as the default of Aperio AT2").check()
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#scale")).to_contain_text("by known length")
    unknown.refresh_from_db()
    assert (unknown.mpp_source, unknown.mpp_x) == ("length", pytest.approx(100 / length_px))
    assert ScannerPixelSize.objects.get().mpp_x == pytest.approx(100 / length_px)
    page.get_by_role("button", name="Analyse…").click()
    expect(page.get_by_role("dialog")).to_contain_text("The whole slide: at most")
    page.get_by_label("Where").select_option("Region 1")
    expect(page.get_by_role("dialog")).to_contain_text(f"The region alone: {0.2 * unknown.mpp_x**2:.2f} mm² outlined")


def test_the_optics_give_the_size_by_keyboard_alone(desk, unknown, technician):
    page = page_of(desk, technician, unknown)
    page.get_by_role("radio", name="Known length").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#size-camera").focus()
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    page.keyboard.type("20")
    expect(page.locator("#pixel-size-dialog .result")).to_have_text("0.2500 µm/px")
    page.keyboard.press("Enter")
    expect(page.locator("#scale")).to_contain_text("by the optics")


def test_the_default_of_the_scanner_is_one_choice(desk, unknown, technician):
    ScannerPixelSize.objects.create(team=unknown.case.team, scanner="Aperio AT2", mpp_x=0.5, mpp_y=0.5)
    page = page_of(desk, technician, unknown)
    page.locator("#pixel-size-dialog label", has_text="Scanner").first.click()
    expect(page.locator("#pixel-size-dialog")).to_contain_text("Your team keeps 0.5000 µm/px for Aperio AT2.")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#scale")).to_contain_text("scanner default")


def test_a_senseless_size_is_refused_in_words_and_the_dialog_stays(desk, unknown, technician):
    desk.expected.append("Failed to load resource")
    page = page_of(desk, technician, unknown)
    page.get_by_text("Typed in").click()
    page.locator("#size-mpp_x").fill("250")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#pixel-size-dialog [role=alert]")).to_have_text(
        "250 µm/px is no pixel size of a slide: 0.02 to 20 µm/px."
    )
    unknown.refresh_from_db()
    assert unknown.mpp_x is None


def test_a_line_that_was_not_used_leaves_the_slide(desk, reading, technician):
    page = opened(desk.page(technician), reading)
    page.keyboard.press("i")
    page.locator("#calibrate-button").click()
    page.get_by_role("button", name="Draw on the slide…").click()
    page.keyboard.press("Escape")
    expect(page.locator("#hint")).to_be_hidden()
    expect(page.locator("body")).not_to_have_class("tool-length")


def test_what_is_asked_about_a_slide_is_answered_in_the_viewer_and_on_the_case_page(desk, reading, technician):
    slide = reading.slide
    slide.analyses.all().delete()
    slide.doubts = [{"code": "pixel_size_out_of_range", "text": "The file says 0.025 µm/px.", "answer": None}]
    slide.save(update_fields=["doubts"])
    page = desk.page(technician)
    page.goto(f"/slides/{slide.pk}/")
    panel, drawer = page.locator("#panel"), page.locator("#drawer")
    expect(panel).to_contain_text("The file says 0.025 µm/px.")
    expect(page.locator("#strip")).to_contain_text("waits for an answer")
    expect(page.locator("#scale")).to_contain_text("from the file, in question")
    panel.get_by_role("button", name="Use as it is").click()
    expect(panel).to_contain_text("Not analysed yet")
    page.keyboard.press("i")
    expect(drawer).to_contain_text("Used as the file says, by tech.")
    drawer.get_by_role("button", name="Take the answer back").click()
    expect(panel).to_contain_text("Waits for an answer")
    panel.get_by_role("button", name="Set pixel size…").click()
    expect(page.locator("#pixel-size-dialog")).to_be_visible()
    page.goto(f"/cases/{slide.case_id}/")
    page.get_by_role("button", name="Use as it is").click()
    expect(page.get_by_role("button", name="Use as it is")).to_be_hidden()  # the cards are drawn anew
    page.get_by_label("More on slide").click()
    page.get_by_role("button", name="Take the answer back").click()
    expect(page.get_by_role("button", name="Use as it is")).to_be_visible()
    slide.refresh_from_db()
    assert slide.open_doubts
