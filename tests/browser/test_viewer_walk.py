"""The field walked through the region by keys, with a figure added on the way, left and gone on with; then an audit."""

from playwright.sync_api import expect

from analysis.models import AuditSample, FieldLook, Figure
from mitoweb.lib import processes
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import opened


def kept(count: int, **values):
    return processes.wait_until(lambda: FieldLook.objects.filter(**values).count() == count, 30)


def test_a_field_walks_through_the_region_and_an_audit_tells_what_may_be_missed(desk, reading):
    desk.expected.append("status of 503")  # of a busy machine; the page asks again
    page = opened(desk.page(reading.reader), reading)
    page.keyboard.press("f")
    bar = page.get_by_role("toolbar", name="Field walk")
    expect(bar).to_contain_text("0 of 1 field, 0 %")
    expect(bar.locator(".caption")).to_have_text("usual size")
    assert bar.locator(".caption").evaluate("part => part.scrollWidth <= part.clientWidth")
    size = page.locator("#walk-field")
    size.fill("100")
    size.press("Tab")
    expect(bar).to_contain_text("your field")
    total = int(bar.locator(".walk-progress").text_content().split()[2])
    assert total > 4
    assert list_axe_faults(page) == []
    page.keyboard.press("Space")
    expect(bar).to_contain_text(f"1 of {total} fields")
    page.keyboard.press("Space")
    expect(bar).to_contain_text(f"2 of {total} fields")
    page.keyboard.press("Shift+Space")
    page.keyboard.press("a")
    page.mouse.click(500, 500)
    expect(bar).to_be_visible()
    assert kept(2, kind="walk", radius_um=50)
    page.keyboard.press("Escape")  # first the tool
    expect(bar).to_be_visible()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.reload()
    page.keyboard.press("f")
    expect(bar).to_contain_text(f"2 of {total} fields")
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Missed?").click()
    panel = page.locator("#panel")
    expect(panel).to_contain_text("1 place below the threshold not judged")
    expect(panel).to_contain_text("No audit yet")
    panel.get_by_role("button", name="Audit: look at 10 fields without marks").click()
    expect(bar).to_contain_text("Audit")
    sample = AuditSample.objects.get()
    part = min(10, len(sample.fields_l0))
    for done in range(part):
        expect(bar).to_contain_text(f"{done} of {part} field")
        page.keyboard.press("Space")
    expect(bar).to_be_hidden()
    assert kept(part, kind="audit", sample=sample)
    expect(panel).to_contain_text(f"In {'all ' if part == len(sample.fields_l0) else f'{part} of '}")
    assert list_axe_faults(page) == []
    assert Figure.objects.count() == 1

    page = opened(desk.page(reading.observer), reading)
    expect(page.get_by_role("button", name="Field walk")).to_be_disabled()
    page.get_by_role("tab", name="Missed?").click()
    expect(page.locator("#panel .missed")).to_contain_text("unmarked field")
    expect(page.get_by_role("button", name="Audit")).to_have_count(0)
