"""Five hundred verdicts by keyboard alone, and a server killed among them: what is shown is what the rows say."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Response, expect

from analysis.models import Analysis, Verdict
from analysis.services import imports, protocol_changes
from mitoweb.lib.jobs.child import run_queued
from mitoweb.people.models import User
from tests.browser.conftest import Desk
from tests.factories import (
    PASSWORD,
    CaseFactory,
    SlideFactory,
    TeamFactory,
    UserFactory,
    member,
    tissue_pixels,
    write_tiff,
)
from tests.live import LiveServer

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800), pytest.mark.django_db(transaction=True)]

MPP, COLUMNS, SPACING_L0 = 1, 25, 8
KEYS = {"1": "mitosis", "2": "not_mitosis", "3": "unsure"}
SAVED_WITHIN_MS = 600_000


@dataclass
class LongReading:
    """An imported list whose calls all lie in one window, and what one reader's page was told of its verdicts."""

    analysis: Analysis
    reader: User
    half: int
    acknowledged: set[str] = field(default_factory=set)
    given: dict[int, str] = field(default_factory=dict)  # by the call's number

    def note(self, response: Response) -> None:
        if response.request.method == "POST" and response.url.endswith("/verdicts/") and response.ok:
            self.acknowledged.add(response.request.post_data_json["id"])

    def press(self, page: Page, key: str) -> None:
        """Judge the current one, whichever it is."""
        self.given[int(page.locator(".r-line .which b").inner_text())] = KEYS[key]
        page.keyboard.press(key)

    def labels(self) -> dict[int, str]:
        rows = Verdict.objects.filter(analysis=self.analysis).order_by("revision")
        return {row.detection.number: row.label for row in rows.select_related("detection")}

    def check_rows(self, expected: int) -> None:
        """Each press is one row, in the order of the presses, and all of them were acknowledged."""
        rows = Verdict.objects.filter(analysis=self.analysis)
        assert {str(pk) for pk in rows.values_list("pk", flat=True)} == self.acknowledged
        assert len(self.acknowledged) == expected
        assert self.labels() == self.given


def make_reading(tmp_path, calls: int) -> LongReading:
    """A small slide, another detector's file imported, and a protocol of 0.2 mm² with a cut-off at half of its calls:
    who confirms every second one has not decided before the last."""
    path = write_tiff(tmp_path / "large.tif", tissue_pixels(1024, 768), mpp=(MPP, MPP))
    team = TeamFactory(name="Pathology")
    slide = SlideFactory(case=CaseFactory(team=team, accession="26-04417"), label="A1", file=path)
    first = 512 - COLUMNS * SPACING_L0 / 2, 384 - calls / COLUMNS * SPACING_L0 / 2
    found = [
        {
            "x_l0": first[0] + SPACING_L0 * (number % COLUMNS),
            "y_l0": first[1] + SPACING_L0 * (number // COLUMNS),
            "probability": round(0.99 - 0.4 * number / calls, 4),
            "mitosis": True,
        }
        for number in range(calls)
    ]
    file = {"width": 1024, "height": 768, "mpp_x": MPP, "mpp_y": MPP, "threshold": 0.5, "detections": found}
    analysis = imports.import_detections(slide, member(team, "lead"), json.dumps(file).encode(), "Another detector")
    run_queued()
    half = calls // 2
    protocol_changes.add_version(
        {
            "name": "half",
            "version": 1,
            "title": "Half of them, 0.2 mm²",
            "shape": "square",
            "area_mm2": 0.2,
            "cutoffs": [{"score": "1", "from": 0}, {"score": "2", "from": half}],
            "sources": {"area_mm2": "Made in a test.", "cutoffs": "Made in a test."},
            "on": True,
        },
        UserFactory(is_superuser=True, is_staff=True),
    )
    return LongReading(analysis, member(team, "reader", username="reader1"), half)


FOCUSED = (
    """([css, words]) => document.activeElement.matches(css) && document.activeElement.textContent.includes(words)"""
)


def tab_to(page: Page, css: str, words: str = "", most: int = 150) -> None:
    """Press Tab until the focus is there."""
    for _ in range(most):
        if page.evaluate(FOCUSED, [css, words]):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab do not lead to {css}")


def open_by_keyboard(page: Page, reading: LongReading) -> None:
    """From the sign-in over the list of cases and the case to the slide, and to the protocol."""
    page.goto("/cases/")
    tab_to(page, "[name=login]")
    page.keyboard.type(reading.reader.username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-href]")).to_have_count(1)
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".slide-card")).to_have_count(1)
    tab_to(page, ".slide-card .foot a")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-queue .n")).to_have_text(str(2 * reading.half))
    expect(page.locator("#count-number")).not_to_be_empty()
    tab_to(page, "#protocol-menu summary")
    page.keyboard.press("Enter")
    expect(page.locator("#protocol-menu button").first).to_be_visible()
    tab_to(page, "#protocol-menu button", "Half of them")
    page.keyboard.press("Enter")
    expect(page.locator("#protocol-menu summary")).to_contain_text("Half of them")
    expect(page.get_by_label("Order")).to_have_value("effect")


@pytest.mark.parametrize("calls", [500])
def test_500_verdicts_by_keyboard_alone_end_in_a_decided_count_of_what_the_rows_say(desk, tmp_path, calls):
    reading = make_reading(tmp_path, calls)
    page = desk.page()
    page.on("response", reading.note)
    open_by_keyboard(page, reading)
    decision, saved = page.locator(".decision"), page.locator("#saved")
    for turn in range(calls - 1):
        if turn % 100 == 50:  # a slip, taken back
            reading.press(page, "3")
            page.keyboard.press("z")
        reading.press(page, "21"[turn % 2])
    expect(saved).to_contain_text("Saved", timeout=SAVED_WITHIN_MS)
    expect(decision).to_contain_text("1 verdict to go")
    reading.press(page, "1")
    expect(decision).to_have_text("Decided. Nothing is open.")
    expect(page.locator("#count-number")).to_have_text(str(reading.half))
    expect(page.locator("#tab-judged .n")).to_have_text(str(calls))
    expect(page.locator("#tab-queue .n")).to_have_text("0")
    expect(saved).to_contain_text("Saved")
    slips = len(range(50, calls - 1, 100))
    reading.check_rows(calls + 2 * slips)
    assert list(reading.labels().values()).count("mitosis") == reading.half


@pytest.fixture
def killable(chromium, transactional_db) -> Iterator[tuple[LiveServer, Desk]]:
    """A web server that can be killed, and a desk at it."""
    with LiveServer() as server:
        desk = Desk(chromium, server.url, expected=["Failed to load resource", "Tile %s failed to load"])
        yield server, desk
        for context in desk.contexts:
            context.close()
    assert desk.errors == []


WAITING = "() => Object.keys(localStorage).filter(name => name.startsWith('mitoweb.outbox.')).length"


@pytest.mark.parametrize(("calls", "kills"), [(300, 4)])
def test_a_server_killed_among_verdicts_loses_none_and_doubles_none(killable, tmp_path, calls, kills):
    server, desk = killable
    reading = make_reading(tmp_path, calls)
    page = desk.page(reading.reader)
    page.on("response", reading.note)
    page.goto(f"/slides/{reading.analysis.slide_id}/")
    expect(page.locator("#tab-queue .n")).to_have_text(str(calls))
    page.evaluate("() => { window.isTheSamePage = true; }")
    chance, part, waited = random.Random(15), calls // (kills + 1), 0
    moments = [part * number + chance.randrange(part // 2) for number in range(1, kills + 1)]
    for turn in range(calls):
        reading.press(page, "12"[turn % 2])
        if turn in moments:
            server.kill()
            waited += page.evaluate(WAITING)
        elif turn - 3 in moments:  # three were judged without a server
            server.start()
    expect(page.locator("#saved")).to_contain_text("Saved", timeout=SAVED_WITHIN_MS)
    assert page.evaluate("() => window.isTheSamePage")
    assert waited, "no verdict was on its way when the server was killed"
    reading.check_rows(calls)
    expect(page.locator("#count-number")).to_have_text(str(reading.half))
    page.reload()
    expect(page.locator("#tab-judged .n")).to_have_text(str(calls))
    expect(page.locator("#count-number")).to_have_text(str(reading.half))
