"""The tumour drawn on the slide by hand, by brush, by corners and by keys; the region moved; and who only looks."""

import pytest
from django.db.models import F
from playwright.sync_api import expect

from analysis.models import Analysis
from slides.models import Region
from slides.services import areas
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import opened
from tests.browser.test_viewer_reading import on_slide
from tests.factories import RegionFactory


def drag(page, *places) -> None:
    page.mouse.move(*on_slide(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*on_slide(page, *place), steps=6)
    page.mouse.up()


def area_px(region: Region) -> float:
    return areas.join_rings(region.rings).area


def test_the_tumour_is_drawn_brushed_saved_and_changed_by_mouse(desk, reading):
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("i")
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Not drawn: a protocol looks in all of the tissue that was analysed.")
    Analysis.objects.filter(pk=reading.analysis.pk).update(tissue=None, revision=F("revision") + 1)
    page.reload()
    expect(drawer).to_contain_text("a protocol looks in all that was analysed, as no tissue was told apart there.")
    page.keyboard.press("i")
    page.get_by_role("button", name="Draw the tumour").first.click()
    bar = page.get_by_role("toolbar", name="Drawing")
    expect(bar.get_by_role("button", name="Freehand")).to_have_attribute("aria-pressed", "true")
    expect(bar.get_by_role("button", name="Save")).to_be_disabled()
    drag(page, (250, 200), (750, 200), (750, 550), (250, 550), (255, 205))
    expect(bar.get_by_label("Drawn")).to_have_text("0.011 mm²")
    assert list_axe_faults(page) == []

    page.keyboard.press("b")
    while bar.get_by_label("Width of the brush").text_content() != "20 µm":
        page.keyboard.press("[")
    page.keyboard.press("x")
    drag(page, (400, 300), (500, 300))  # a hole
    page.keyboard.press("x")
    drag(page, (600, 300), (650, 300))  # within the area: no step
    drag(page, (150, 650), (200, 650))  # a part of its own
    page.keyboard.press("Control+z")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("Tumour 1 saved.")
    expect(bar).to_be_hidden()
    drawn = Region.objects.get(kind="tumour")
    assert drawn.created_by == reading.reader
    assert len(drawn.rings) == 2
    hole_px = 80 * 100 + 3.14159 * 40**2  # 20 µm are 80 px here
    assert area_px(drawn) == pytest.approx(500 * 350 - hole_px, rel=0.03)

    page.reload()
    page.keyboard.press("i")
    expect(drawer).to_contain_text("drawn by reader1")
    drawer.get_by_role("button", name="Edit Tumour 1").click()
    page.keyboard.press("i")
    expect(bar.get_by_role("button", name="Edit")).to_have_attribute("aria-pressed", "true")
    corner = max(drawn.polygon, key=sum)
    drag(page, corner, (corner[0] + 100, corner[1] + 80))
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("Tumour 1 changed.")
    changed = Region.objects.get(kind="tumour")
    assert (changed.revision, changed.changed_by) == (2, reading.reader)
    assert max(changed.polygon, key=sum) == pytest.approx([corner[0] + 100, corner[1] + 80], abs=4)
    assert Region.objects.count() == 1


def test_the_tumour_is_drawn_by_keys_alone_on_a_turned_slide_and_undone(desk, reading):
    page = opened(desk.page(reading.reader), reading, "#x=512&y=384&z=20&r=90")
    page.keyboard.press("u")
    page.keyboard.press("p")
    for arrow in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown"):  # the last corner is one too many
        page.keyboard.press("Space")
        for _ in range(6):
            page.keyboard.press(arrow)
    page.keyboard.press("Space")
    page.keyboard.press("Backspace")
    page.keyboard.press("1")  # verdicts rest
    page.keyboard.press("Enter")
    expect(page.get_by_label("Drawn")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_label("Drawn")).to_be_hidden()
    page.keyboard.press("Shift+Z")
    page.keyboard.press("e")
    page.keyboard.press("Space")  # the corner nearest to the cross
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("Tumour 1 saved.")
    drawn = Region.objects.get()
    # 96 px of the screen at 20x are 48 µm, 192 px of the slide; a turned slide has them along its other side.
    assert area_px(drawn) == pytest.approx(192 * 192, rel=0.05)
    assert len(drawn.polygon) == 4
    assert not reading.analysis.verdicts.exists()


def test_what_somebody_changed_meanwhile_is_told_and_mine_is_not_lost(desk, reading):
    desk.expected.append("Failed to load resource")
    area = RegionFactory(
        slide=reading.slide, kind="tumour", name="Tumour 1", polygon=[[200, 200], [600, 200], [600, 500], [200, 500]]
    )
    page = opened(desk.page(reading.second), reading)
    page.keyboard.press("i")
    page.get_by_role("button", name="Edit Tumour 1").click()
    expect(page.locator("#hint")).to_contain_text("Drag a corner")
    page.keyboard.press("i")
    Region.objects.filter(pk=area.pk).update(revision=2, changed_by=reading.reader)
    drag(page, (600, 500), (650, 550))
    page.keyboard.press("Enter")
    told = page.locator("#toasts")
    expect(told).to_contain_text("Tumour 1 was changed meanwhile by reader1")
    told.get_by_role("button", name="Save mine as a new area").click()
    expect(page.locator("#live")).to_have_text("Tumour 2 saved.")
    area.refresh_from_db()
    assert area_px(area) == 400 * 300
    page.keyboard.press("i")
    page.get_by_role("button", name="Remove Tumour 2").click()
    expect(page.locator(".d-area")).to_have_count(1)
    told.get_by_role("button", name="Undo").click()
    expect(page.locator(".d-area")).to_have_count(2)


def test_the_region_that_was_told_is_moved_and_kept_and_an_observer_only_looks(desk, reading):
    square = [[300, 200], [600, 200], [600, 400], [300, 400]]
    Region.objects.create(slide=reading.slide, name="Hot spot", polygon=square)
    RegionFactory(slide=reading.slide, kind="tumour", name="Tumour 1")
    page = opened(desk.page(reading.reader), reading)
    page.get_by_role("button", name="Hot spot", exact=True).click()
    expect(page.locator("#region-label")).to_contain_text("Hot spot")
    page.keyboard.press("u")
    page.keyboard.press("o")
    expect(page.get_by_role("button", name="Move Hot spot", exact=True)).to_have_attribute("aria-pressed", "true")
    drag(page, (450, 300), (500, 320))
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#region-label")).to_contain_text("Hot spot, moved")
    moved = Region.objects.get(name="Hot spot, moved")
    assert (moved.kind, moved.created_by, area_px(moved)) == ("count", reading.reader, pytest.approx(300 * 200))
    assert moved.polygon[0] == pytest.approx([351, 220], abs=3)

    page = opened(desk.page(reading.observer), reading)
    page.keyboard.press("u")
    expect(page.get_by_role("toolbar", name="Drawing")).to_be_hidden()
    page.keyboard.press("i")
    expect(page.locator(".d-area")).to_contain_text("Tumour 1")
    expect(page.get_by_role("button", name="Edit Tumour 1")).to_have_count(0)
