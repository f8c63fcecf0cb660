"""A real Chromium against a live server. Each page that a test opens must end without an error in its console."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from analysis.models import Analysis
from mitoweb.lib import processes
from mitoweb.people.models import User
from slides.models import Slide
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import add_detections
from tests.factories import CaseFactory, SlideFactory, TeamFactory, member

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PLACES = [(300, 260), (420, 300), (520, 380), (600, 420), (700, 300), (380, 480)]
PROBABILITIES = [0.95, 0.9, 0.8, 0.7, 0.6, 0.3]  # the model's threshold is 0.5: five calls, one just below

# Generous: a busy machine is slow, and a test that passes never waits for it.
PATIENCE_MS = 40_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="package")
def chromium(chromium_path) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread; the ORM calls of the tests are not part of it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Desk:
    """Opens pages for people and collects what their consoles say."""

    browser: Browser
    address: str
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def context(self, user: User | None = None, **options) -> BrowserContext:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        context = self.browser.new_context(base_url=self.address, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", self._watch)
        self.contexts.append(context)
        if user is not None:
            context.add_cookies([self._session(user)])
        return context

    def page(self, user: User | None = None, **options) -> Page:
        return self.context(user, **options).new_page()

    def _session(self, user: User) -> dict:
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        name = settings.SESSION_COOKIE_NAME
        return {"name": name, "value": client.cookies[name].value, "url": self.address}

    def _watch(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.errors.append(text)


class Requests:
    """How many requests the live server is at. A closed page leaves some behind, and the tables are emptied next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0

    def _began(self, **kwargs) -> None:
        with self._lock:
            self._open += 1

    def _ended(self, **kwargs) -> None:
        with self._lock:
            self._open -= 1

    def __enter__(self) -> "Requests":
        request_started.connect(self._began)
        request_finished.connect(self._ended)
        return self

    def __exit__(self, *exception) -> None:
        request_started.disconnect(self._began)
        request_finished.disconnect(self._ended)

    def all_answered(self) -> bool:
        return self._open <= 0


@pytest.fixture
def desk(chromium, live_server) -> Iterator[Desk]:
    desk = Desk(chromium, live_server.url)
    with Requests() as requests:
        yield desk
        for context in desk.contexts:
            context.close()
        processes.wait_until(requests.all_answered, 30)
    assert desk.errors == []


@dataclass
class Reading:
    slide: Slide
    analysis: Analysis
    reader: User
    second: User
    observer: User

    @property
    def url(self) -> str:
        return f"/slides/{self.slide.pk}/?analysis={self.analysis.pk}"


@pytest.fixture
def reading(live_server) -> Reading:
    """A slide with a finished analysis: five calls, one detection just below the threshold, two readers."""
    team = TeamFactory(name="Pathology")
    slide = SlideFactory(case=CaseFactory(team=team, accession="26-04417"), label="A1")
    analysis = make_analysis(slide)
    add_detections(analysis, PLACES, PROBABILITIES)
    outline = [[[0, 0], [slide.width, 0], [slide.width, slide.height], [0, slide.height]]]
    area = slide.width * slide.height * slide.mpp_x * slide.mpp_y / 1e6
    Analysis.objects.filter(pk=analysis.pk).update(tissue=outline, area_mm2=area)
    readers = [member(team, "reader", username=name) for name in ("reader1", "reader2")]
    return Reading(slide, analysis, *readers, member(team, "observer", username="observer"))


def opened(page: Page, reading: Reading, hash: str = "") -> Page:
    """The viewer with slide, queue and count on it."""
    page.goto(reading.url + hash)
    expect(page.locator("#tab-queue .n")).not_to_have_text("0")
    expect(page.locator("#count-number")).not_to_be_empty()
    expect(page.locator("#zooms [aria-pressed]").first).to_be_visible()
    return page
