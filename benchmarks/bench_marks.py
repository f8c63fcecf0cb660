"""How long 10,000 marks take: each drawn frame while panning, and the work in the browser after a verdict.

    python -m benchmarks.bench_marks

A real Chromium with the viewer's own modules on a plain grey slide, so that no server and no tile is part of the time.
"""

import functools
import http.server
import json
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


class Files(http.server.SimpleHTTPRequestHandler):
    """The static files, and the page of the benchmark at /."""

    def translate_path(self, path: str) -> str:
        return str(ROOT / "benchmarks" / "marks.html") if path == "/" else super().translate_path(path)

    def log_message(self, *args) -> None:
        pass


def measure() -> dict:
    handler = functools.partial(Files, directory=str(ROOT / "frontend" / "static"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: sys.stderr.write(f"{error.stack}\n"))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("() => window.result", timeout=120_000)
        result = page.evaluate("() => window.result")
        browser.close()
    server.shutdown()
    return result


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
