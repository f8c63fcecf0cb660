"""What axe-core finds on a page as it stands: one line for each fault."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# All of WCAG 2.2 AA and of good practice, with two rules that axe leaves out by itself: names that differ from what
# is seen, and small targets.
OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}, "target-size": {"enabled": True}},
}


CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}  # all that a theme changes


def list_axe_faults(page: Page, options: dict = OPTIONS) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [f"{fault['id']}: {node['html'][:160]}" for fault in found for node in fault["nodes"]]
