"""axe-core over every page of the table of access, in both themes, in a window so low that what can scroll does."""

import pytest
from playwright.sync_api import expect

from slides.models import Slide
from tests.browser.axe import CONTRAST, list_axe_faults
from tests.browser.test_viewer_view import WIDER
from tests.factories import SlideFactory
from tests.meta.access_table import TABLE
from tests.meta.routes import fill
from tests.meta.world import World

LOW = {"width": 1280, "height": 320}
ZOOMED = {"width": 640, "height": 400}  # a window of 1280 at 200 %
PARTS = {
    "cases/<uuid:pk>/slides/",
    "cases/<uuid:pk>/count/",
    "jobs/changes/",
    "learning/preview/",
    "healthz",
    "readyz",
}  # of pages, or for programs

# Whether the page scrolls sideways once its bars have folded; tables scroll within it.
IS_WIDER = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(document.documentElement.scrollWidth > innerWidth + 1))))"""
# Scripts fill these when they are opened.
OPENED = """() => {
  for (const button of document.querySelectorAll("#keys-button, .d-acts button:last-child")) {
    button.click();
    document.querySelector("dialog[open]")?.close();
  }
}"""
DIALOGS = "() => [...document.querySelectorAll('dialog')].filter(d => d.children.length).map(d => d.id)"


def list_pages(world: World) -> list[str]:
    """Addresses of all pages that an administrator opens."""
    found = []
    for route, row in TABLE.items():
        if "GET" not in row.calls or row.calls["GET"].ok != 200 or route in PARTS:
            continue
        if route == "api/docs/" or not route.startswith("api/"):
            pk = world.id_of(row.of, "own", "administrator") if row.of else None
            found.append(fill(route, {"pk": pk, "other": world.foreign.slide.pk, **row.values}))
    return found


@pytest.fixture
def world(live_server) -> World:
    world = World()
    for state in ("quarantine", "refused", "checking"):
        slide = SlideFactory(case=world.own.case, label=f"Slide in {state}")
        Slide.objects.filter(pk=slide.pk).update(state=state, reason="A field that no rule knows: Comment.")
    return world


def test_axe_finds_no_fault_on_any_page_in_either_theme(desk, world):
    desk.expected.append("Failed to load resource")  # the pages that are not there
    person = desk.page(world.people["administrator"], viewport=LOW, reduced_motion="reduce")  # no colour half way
    stranger = desk.page(viewport=LOW, reduced_motion="reduce")
    faults = []
    for page, path in [
        *((person, path) for path in list_pages(world)),
        (person, "/accounts/password/change/"),
        (person, "/cases/00000000-0000-4000-8000-000000000000/"),
        (stranger, "/accounts/login/"),
        (stranger, "/invitation/"),
    ]:
        page.emulate_media(color_scheme="light")
        page.goto(path)
        found = [*list_axe_faults(page), *page.evaluate(WIDER)]
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        found += list_axe_faults(page, CONTRAST)
        faults += [f"{path}: {fault}" for fault in found]
        page.evaluate(OPENED)
        for name in page.evaluate(DIALOGS):
            page.evaluate("name => document.getElementById(name).showModal()", name)
            faults += [f"{path} #{name}: {fault}" for fault in list_axe_faults(page)]
            page.evaluate("name => document.getElementById(name).close()", name)
        page.set_viewport_size(ZOOMED)
        if page.evaluate(IS_WIDER):
            faults.append(f"{path}: at 200 % the page scrolls sideways")
        page.set_viewport_size(LOW)
    assert not faults, "\n".join(faults)
