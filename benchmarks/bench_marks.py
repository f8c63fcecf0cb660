"""How long 10,000 marks take: each drawn frame while panning and zooming, and the work in the browser after a verdict.

    make bench-marks        (python -m benchmarks.bench_marks)

A real Chromium with the viewer's own modules on an empty slide, so that no server and no tile is part of the time.
Timed is our own code in a frame (marks, overview, scale bar), not OpenSeadragon's and not the compositor's. Also
written to var/bench/marks.json, with the highest p95 of all ways to move as `p95_ms`.
"""

import functools
import http.server
import json
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium

GOAL_P95_MS = 4.0
ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


class BenchmarkFiles(http.server.SimpleHTTPRequestHandler):
    """The static files, and the page of the benchmark at /."""

    def translate_path(self, path: str) -> str:
        return str(ROOT / "benchmarks" / "marks.html") if path == "/" else super().translate_path(path)

    def log_message(self, *args) -> None:
        pass


def measure_frames() -> dict:
    handler = functools.partial(BenchmarkFiles, directory=str(ROOT / "frontend" / "static"))
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


def format_report(result: dict) -> str:
    head = f"{'ms in a frame':32}{'median':>8}{'p95':>8}{'max':>8}{'frames':>8}"
    rows = [*result["frames"].items(), ("after a verdict (no frame)", result["after a verdict"])]
    lines = [
        f"{name:32}{row['median_ms']:8.1f}{row['p95_ms']:8.1f}{row['max_ms']:8.1f}{row['frames']:8d}"
        for name, row in rows
    ]
    return "\n".join([head, *lines, f"highest p95 of a frame {result['p95_ms']:.1f} ms, goal {GOAL_P95_MS:g} ms"])


def main() -> None:
    result = measure_frames()
    result["p95_ms"] = max(row["p95_ms"] for row in result["frames"].values())
    target = ROOT / "var" / "bench" / "marks.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(format_report(result) + "\n")


if __name__ == "__main__":
    main()
