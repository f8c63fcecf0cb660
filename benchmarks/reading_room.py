"""Where benchmarks of reading take place: made slides with another detector's lists, the product's server, a Chromium.

The slide is made: tissue with dark nuclei all over and white at its edge. A list is imported as a person would import
it, onto a slide and a case of its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.bench_tiles_product import PROJECT_ROOT, Product, Server
from slides.demo.pyramid import write_pyramid
from tests import chromium

MPP, WIDTH, HEIGHT, EDGE_L0 = 0.25, 12_288, 9_216, 512  # 7 mm²
SWATCH_PX, NUCLEI = 1024, 260
RESULTS = PROJECT_ROOT / "var" / "bench"
TILE_CACHE_BYTES = 256 * 2**20
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
VIEWPORT = {"width": 1440, "height": 900}


def write_tissue(path: Path) -> None:
    """A pyramid of WIDTH x HEIGHT px, one piece of tissue repeated."""
    draw = np.random.default_rng(15)
    swatch = np.full((SWATCH_PX, SWATCH_PX, 3), (214, 150, 190), np.float32)
    swatch += cv2.GaussianBlur(draw.normal(0, 60, swatch.shape).astype(np.float32), (0, 0), 3)
    for x, y in draw.integers(30, SWATCH_PX - 30, (NUCLEI, 2)):
        axes = tuple(int(side) for side in draw.integers(9, 20, 2))
        cv2.ellipse(swatch, (int(x), int(y)), axes, float(draw.uniform(0, 180)), 0, 360, (92, 52, 130), -1)
    swatch += draw.normal(0, 6, swatch.shape)
    rows, columns = HEIGHT // SWATCH_PX, WIDTH // SWATCH_PX
    pixels = np.tile(np.clip(swatch, 0, 255).astype(np.uint8), (rows, columns, 1))
    inside = (slice(EDGE_L0, -EDGE_L0), slice(EDGE_L0, -EDGE_L0))
    tissue, pixels[:] = pixels[inside].copy(), 245
    pixels[inside] = tissue
    write_pyramid(path, pixels, MPP, 85)


class ReadingRoom:
    """Database, slide, readers, server and browser; `take_in_list` makes a case to be read."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        logging.disable(logging.INFO)
        self.product, self._browser = Product(folder / "var"), browser
        write_tissue(folder / "made.tif")
        self._first: Any = self.product.take_in("made", folder / "made.tif")
        self.server: Server = self.product.serve(TILE_CACHE_BYTES)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def take_in_list(self, name: str, places_l0: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> Any:
        """The analysis of an imported list, on a slide of a case of its own. places_l0: (n, 2), by y, then x, which is
        how they are numbered, from 1."""
        from analysis.models import Analysis
        from analysis.services import imports
        from mitoweb.lib.jobs.child import run_queued
        from slides.models import Case, Slide

        case = Case.objects.create(team=self.product.case.team, accession=name, tumour_type="Breast")
        slide = Slide.objects.get(pk=self._first.pk)
        slide.pk, slide.case, slide.label = uuid.uuid4(), case, "A1"  # the same files
        slide.save(force_insert=True)
        found = [
            {"x_l0": float(x), "y_l0": float(y), "probability": round(float(chance), 4)}
            for (x, y), chance in zip(places_l0, probabilities, strict=True)
        ]
        told = {"width": WIDTH, "height": HEIGHT, "mpp_x": MPP, "mpp_y": MPP, "threshold": threshold}
        content = json.dumps(told | {"detections": found}).encode()
        analysis = imports.import_detections(slide, self.product.reader, content, "Benchmark")
        run_queued()
        return Analysis.objects.select_related("slide__case").get(pk=analysis.pk)

    def count_by(self, case: Any, protocol: str | dict) -> None:
        """Count the case by a shipped protocol, or by one of its own that is made of a document."""
        from analysis.services import protocol_changes
        from mitoweb.people.models import User

        by, _ = User.objects.get_or_create(username="administrator", is_superuser=True, is_staff=True)
        if isinstance(protocol, dict):
            protocol_changes.add_version(protocol | {"on": True}, by)
            protocol = protocol["name"]
        protocol_changes.choose_for_case(case, protocol_changes.find_offered(protocol, None), by)

    def admit(self, name: str, role: str = "reader") -> BrowserContext:
        """A browser of one more reader, or who has another role, who has signed in."""
        from django.conf import settings
        from django.test import Client

        from mitoweb.people.models import Membership, User

        reader = User.objects.create_user(name, password=uuid.uuid4().hex)
        Membership.objects.create(user=reader, team=self.product.case.team, role=role)
        client = Client()
        client.force_login(reader, backend=settings.AUTHENTICATION_BACKENDS[0])
        cookie = settings.SESSION_COOKIE_NAME
        context = self._browser.new_context(base_url=self.address, viewport=VIEWPORT)
        context.set_default_timeout(120_000)
        context.add_cookies([{"name": cookie, "value": client.cookies[cookie].value, "url": self.address}])
        return context

    def close(self) -> None:
        self.server.__exit__()
        self.product.close()


@contextlib.contextmanager
def open_room() -> Iterator[ReadingRoom]:
    """A room in a temporary folder, closed at the end."""
    path = chromium.find()
    if path is None:
        raise SystemExit(f"There is no Chromium; install one with: {chromium.INSTALL}")
    # Playwright keeps an event loop in this thread; what the ORM is asked here is not part of it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        room = ReadingRoom(Path(folder), browser)
        try:
            yield room
        finally:
            browser.close()
            room.close()


# What answers say, noted beside the page's own code: verdicts that the server acknowledged, and the last count with
# how many of them it was asked after.
TRACE = """(() => {
  const trace = (window.trace = { acknowledged: 0, counted: -1, count: null });
  const plain = window.fetch;
  window.fetch = async (url, options) => {
    const before = trace.acknowledged;
    const response = await plain(url, options);
    if (options?.method === "POST" && /\\/verdicts\\/$/.test(url) && response.ok) trace.acknowledged += 1;
    if (/\\/count\\/\\?/.test(url) && response.ok)
      response.clone().json().then((count) => Object.assign(trace, { counted: before, count }));
    return response;
  };
})();"""

# The crop of the current one is there, decoded, and the frame that shows it is over.
PAINTED = """async () => {
  await document.querySelector(".crop > img").decode();
  await new Promise(requestAnimationFrame);
  await new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  });
}"""


def keep_result(target: Path, result: dict) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
