"""Record how a reader goes over a slide in MitoWeb's own viewer, for the tile benchmark to replay.

    python -m benchmarks.record_way [--slides var/bench/slides]

A real Chromium with the product's viewer page on the generated slide, moved by wheel, mouse and keys. Kept are where
the view was, on a fixed clock, and each tile that the browser asked for. Writes benchmarks/viewer_way.json; half a
minute of reading, about a minute in all. Needed again when the viewer moves or asks in another way.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, Request, sync_playwright

from benchmarks.bench_marks import FLAGS
from benchmarks.bench_tiles_product import PROJECT_ROOT, Product
from benchmarks.bench_tiles_slides import make_generated_slide
from benchmarks.bench_tiles_way import RECORDING
from tests import chromium

SCREEN_PX = (1600, 900)
CLOCK_MS = 100
CACHE_BYTES = 2**30
PATIENCE_MS = 60_000
TILE = re.compile(r"/image_files/(\d+)/(\d+)_(\d+)\.jpeg")
KINDS = {"image": "tiles", "fetch": "ahead"}  # OpenSeadragon loads pictures; the page fetches ahead what may be next
NOTCH_S, REST_S = 0.11, 0.7  # between two notches of a wheel, and a look at what has come

# Notes where the view is each time the clock has gone on and it has moved. Frames are counted, for OpenSeadragon asks
# for one more tile in each. The page keeps its viewer to itself; OpenSeadragon tells which it has made.
NOTE_VIEWS = """({ clock_ms, height }) => {
  const { viewport, world } = OpenSeadragon.getViewer("osd");
  const time = () => performance.timeOrigin + performance.now();
  const notes = { views: [], frames: 0, began_ms: time() };
  window.endNotes = () => ({ ...notes, seconds: (time() - notes.began_ms) / 1000 });
  let due = 0, last = "";
  const note = () => {
    const now = time() - notes.began_ms;
    if (now >= due) {
      const box = viewport.getBounds(true);
      const [x, y] = [box.x + box.width / 2, (box.y + box.height / 2) / height].map((share) => +share.toFixed(5));
      const scale = +world.getItemAt(0).viewportToImageZoom(viewport.getZoom(true)).toPrecision(4);
      if (`${x},${y},${scale}` !== last) notes.views.push([now / 1000, x, y, scale, notes.frames]);
      last = `${x},${y},${scale}`;
      due = now + clock_ms - ((now - due) % clock_ms);
    }
    notes.frames += 1;
    requestAnimationFrame(note);
  };
  note();
}"""
VIEWER_IS_OPEN = "() => globalThis.OpenSeadragon?.getViewer('osd')?.world.getItemCount()"


@dataclasses.dataclass(frozen=True)
class TileRequest:
    """A request for a tile. noted_ms: when it was heard of, since 1970, for one that was dropped before it began."""

    request: Request
    noted_ms: float

    def as_row(self, began_ms: float) -> list[float]:
        """[second, level, column, row]."""
        at_ms = self.request.timing["startTime"]
        at_ms = at_ms if at_ms > 0 else self.noted_ms
        tile = TILE.search(self.request.url)
        return [round(max(0.0, at_ms - began_ms) / 1000, 2), *map(int, tile.groups())]


class Reader:
    """Hands on wheel, mouse and keys. Places are shares of the viewer's canvas."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.locator("#osd").bounding_box()

    def to_page_px(self, x: float, y: float) -> tuple[float, float]:
        """CSS px of the page."""
        return self.box["x"] + x * self.box["width"], self.box["y"] + y * self.box["height"]

    def rest_for(self, seconds: float = REST_S) -> None:
        """Look."""
        self.page.wait_for_timeout(1000 * seconds)

    def turn_wheel(self, notches: int, x: float, y: float) -> None:
        """Zoom in about a place, or out where `notches` is negative."""
        self.page.mouse.move(*self.to_page_px(x, y))
        for _ in range(abs(notches)):
            self.page.mouse.wheel(0, -100 if notches > 0 else 100)
            self.rest_for(NOTCH_S)
        self.rest_for()

    def drag_slide(self, from_x: float, from_y: float, to_x: float, to_y: float, steps: int = 14) -> None:
        """Pull the slide along, slow at both ends as a hand is."""
        self.page.mouse.move(*self.to_page_px(from_x, from_y))
        self.page.mouse.down()
        for step in range(1, steps + 1):
            share = step / steps
            share = share * share * (3 - 2 * share)
            self.page.mouse.move(*self.to_page_px(from_x + share * (to_x - from_x), from_y + share * (to_y - from_y)))
            self.rest_for(0.03)
        self.page.mouse.up()
        self.rest_for()

    def press_keys(self, *names: str) -> None:
        """Press keys one after the other."""
        for name in names:
            self.page.keyboard.press(name)
            self.rest_for(0.45)
        self.rest_for()


def read_slide(reader: Reader) -> None:
    """Overview, in by the wheel, along the tissue by mouse and keys, out, in at a second place, overview, a third."""
    reader.rest_for(1.5)
    reader.turn_wheel(5, 0.42, 0.38)
    reader.turn_wheel(5, 0.45, 0.42)
    reader.turn_wheel(4, 0.5, 0.5)
    for _ in range(3):
        reader.drag_slide(0.75, 0.5, 0.3, 0.45)
    reader.press_keys("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight")
    reader.turn_wheel(-5, 0.5, 0.5)
    reader.drag_slide(0.7, 0.7, 0.3, 0.3)
    reader.turn_wheel(5, 0.6, 0.55)
    reader.drag_slide(0.5, 0.75, 0.55, 0.2)
    reader.drag_slide(0.25, 0.5, 0.7, 0.55)
    reader.press_keys("Home")
    reader.turn_wheel(6, 0.3, 0.65)
    reader.turn_wheel(6, 0.5, 0.5)
    reader.drag_slide(0.7, 0.6, 0.3, 0.4)
    reader.turn_wheel(-6, 0.5, 0.5)
    reader.press_keys("Home")


def record_reading(address: str, cookie: str, slide: object) -> dict:
    """One reading, as it is kept."""
    asked: list[TileRequest] = []
    cookies = [part.split("=", 1) for part in cookie.split("; ")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
        context = browser.new_context(viewport=dict(zip(("width", "height"), SCREEN_PX, strict=True)))
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda r: asked.append(TileRequest(r, 1000 * time.time())) if TILE.search(r.url) else None)
        page.goto(f"{address}/slides/{slide.pk}/", wait_until="commit")
        page.wait_for_function(VIEWER_IS_OPEN)
        page.evaluate(NOTE_VIEWS, {"clock_ms": CLOCK_MS, "height": slide.height / slide.width})
        reader = Reader(page)
        read_slide(reader)
        notes = page.evaluate("() => window.endNotes()")
        version = page.evaluate("() => OpenSeadragon.version.versionStr")
        header = {
            "made_by": "python -m benchmarks.record_way",
            "viewer": f"MitoWeb's viewer page, OpenSeadragon {version}, in Chromium {browser.version}",
            "screen_px": SCREEN_PX,
            "canvas_px": [reader.box["width"], reader.box["height"]],
            "slide_px": [slide.width, slide.height],
            "tile_px": slide.tile_size,
            **make_rows(notes, asked),
        }
        browser.close()
    return header


def make_rows(notes: dict, asked: list[TileRequest]) -> dict:
    """Views and tiles as rows. The frames of a view are those drawn until the next."""
    views, frames = notes["views"], [row[4] for row in notes["views"][1:]] + [notes["frames"]]
    rows = {
        kind: sorted(a.as_row(notes["began_ms"]) for a in asked if a.request.resource_type == kind) for kind in KINDS
    }
    return {
        "seconds": round(notes["seconds"], 2),
        "views_are": "second, x and y of the middle as shares of the slide, screen px per slide px, frames drawn",
        "tiles_are": "second, level, column, row: asked for by OpenSeadragon; ahead: fetched ahead of need",
        "views": [[round(row[0], 2), *row[1:4], until - row[4]] for row, until in zip(views, frames, strict=True)],
    } | {name: rows[kind] for kind, name in KINDS.items()}


def format_reading(reading: dict) -> str:
    """JSON with a row of numbers on each line, so that a new recording can be compared with this one."""
    fields = []
    for name, value in reading.items():
        rows = isinstance(value, list) and value and isinstance(value[0], list)
        text = "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if rows else json.dumps(value)
        fields.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def main() -> None:
    """Record, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=Path, default=PROJECT_ROOT / "var" / "bench" / "slides")
    parser.add_argument("--out", type=Path, default=RECORDING)
    options = parser.parse_args()
    path = make_generated_slide(options.slides)
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder:
        product = Product(Path(folder))
        try:
            slide = product.take_in("generated_20000", path)
            with product.serve(CACHE_BYTES) as server:
                reading = record_reading(f"http://127.0.0.1:{server.port}", product.cookie, slide)
        finally:
            product.close()
    options.out.write_text(format_reading(reading), encoding="utf-8")
    print(f"{reading['seconds']:.1f} s, {len(reading['views'])} views, {len(reading['tiles'])} tiles asked for, "
          f"{len(reading['ahead'])} ahead: {options.out}")  # fmt: skip


if __name__ == "__main__":
    main()
