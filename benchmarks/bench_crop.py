"""How long the next crop takes, from the press of a verdict's key until it is painted.

    make bench-crop        (python -m benchmarks.bench_crop [--keys N] [--pace SECONDS])

A real Chromium at the product's own server, a made slide, and 480 calls in one window whose score stays open, so that
each answer orders the queue by effect anew. A script judges at a pace, far quicker than a person. A crop counts as
painted when it is decoded and the frame after that is over, which is up to one frame more than a person waits.

    loaded ahead     the product
    asked for then   the same page, whose crops are loaded when their turn comes: what loading ahead is worth
    in memory        back to one seen just before: no page that swaps two pictures is quicker

Written to var/bench/crop.json. The goal, 100 ms at the 95th percentile, is for a machine that does nothing else; the
load of the machine stands beside the times.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page, Route

from benchmarks.reading_room import HEIGHT, PAINTED, RESULTS, WIDTH, ReadingRoom, keep_result, open_room

GOAL_P95_MS = 100.0
COLUMNS, ROWS, SPACING_L0 = 24, 20, 240
CALLS = COLUMNS * ROWS
HALF = {
    "name": "half",
    "version": 1,
    "title": "Half of the calls, 2.2 mm²",
    "shape": "square",
    "area_mm2": 2.2,
    "cutoffs": [{"score": "1", "from": 0}, {"score": "2", "from": CALLS // 2}],
    "sources": {"area_mm2": "Made for a benchmark.", "cutoffs": "Made for a benchmark."},
}
BACK_AFTER, BACK = 10, 4  # after so many keys so many crops are looked at again: they are still in memory
AHEAD = "preload(places) {"

# Each key with the milliseconds until the crop that stands there after it is painted.
TIMED = f"""(() => {{
  window.timed = [];
  const painted = {PAINTED};
  let before = null;
  addEventListener("keydown", () => {{ before = document.querySelector(".crop > img"); }}, true);
  addEventListener("keydown", async ({{ key, timeStamp }}) => {{
    const isNew = document.querySelector(".crop > img") !== before;
    await painted();
    window.timed.push({{ key, isNew, ms: performance.now() - timeStamp }});
  }});
}})();"""


def load_nothing_ahead(context: BrowserContext) -> None:
    """Serve the page's scripts but for the one line that loads crops early."""

    def answer(route: Route) -> None:
        response = route.fetch()
        script = response.text()
        assert AHEAD in script, "the script of the crops has changed"
        route.fulfill(response=response, body=script.replace(AHEAD, f"{AHEAD} return;"))

    context.route(re.compile(r"/review/crops[^/]*\.js"), answer)


def open_page(room: ReadingRoom, name: str, ahead: bool) -> Page:
    grid = np.mgrid[:ROWS, :COLUMNS].reshape(2, -1)[::-1].T * SPACING_L0
    corner = (np.array([WIDTH, HEIGHT]) - grid.max(axis=0)) / 2
    analysis = room.take_in_list(name, grid + corner, 0.99 - 0.4 * np.arange(CALLS) / CALLS)
    room.count_by(analysis.slide.case, HALF | {"name": f"half-{name}"})
    context = room.admit(name)
    context.add_init_script(TIMED)
    if not ahead:
        load_nothing_ahead(context)
    page = context.new_page()
    page.goto(f"/slides/{analysis.slide_id}/")
    page.wait_for_function("() => document.querySelector('#panel select[aria-label=Order]')?.value === 'effect'")
    page.wait_for_load_state("networkidle")
    return page


class Presser:
    """Presses keys at a pace and takes the time of each."""

    def __init__(self, page: Page, pace_s: float) -> None:
        self._page, self._pace_s, self._pressed = page, pace_s, 0

    def press(self, key: str) -> float:
        time.sleep(self._pace_s)
        self._page.keyboard.press(key)
        self._pressed += 1 + key.startswith("Shift+")  # the shift is a key too
        self._page.wait_for_function("(count) => window.timed.length >= count", arg=self._pressed, polling="raf")
        timed = self._page.evaluate("() => window.timed.at(-1)")
        assert timed["isNew"], f"after {key} the same crop stands there"
        return timed["ms"]


def measure(page: Page, keys: int, pace_s: float) -> tuple[list[float], list[float]]:
    """Milliseconds of the next crops, and of those in memory."""
    presser = Presser(page, pace_s)
    coming, kept = [], []
    for turn in range(keys):
        coming.append(presser.press("21"[turn % 2]))
        if turn % BACK_AFTER == BACK_AFTER - 1:
            kept += [presser.press("Shift+Space") for _ in range(BACK)]
            presser.press("Space")
    return coming, kept


def summarise(ms: list[float]) -> dict:
    told = {f"p{share}_ms": round(float(np.percentile(ms, share)), 1) for share in (50, 95, 99)}
    return told | {"max_ms": round(max(ms), 1), "keys": len(ms)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=240)
    parser.add_argument("--pace", type=float, default=0.4, help="seconds between a painted crop and the next key")
    parser.add_argument("--result", type=Path, default=RESULTS / "crop.json")
    options = parser.parse_args()
    result: dict = {"pace_s": options.pace, "goal_p95_ms": GOAL_P95_MS, "cpus": os.cpu_count()}
    with open_room() as room:
        result["load_before"] = round(os.getloadavg()[0], 2)
        for name, ahead in (("ahead", True), ("then", False)):
            coming, kept = measure(open_page(room, name, ahead), options.keys, options.pace)
            result["loaded_ahead" if ahead else "asked_for_then"] = summarise(coming)
            if ahead:
                result["in_memory"] = summarise(kept)
    keep_result(options.result, result)
    print(f"{'from key to painted crop':26}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}{'keys':>7}")
    for name in ("loaded_ahead", "asked_for_then", "in_memory"):
        row = result[name]
        times = "".join(f"{row[key]:8.1f}" for key in ("p50_ms", "p95_ms", "p99_ms", "max_ms"))
        print(f"{name.replace('_', ' '):26}{times}{row['keys']:7d}")
    print(
        f"goal p95 {GOAL_P95_MS:g} ms on an idle machine; load before {result['load_before']} on {result['cpus']} CPUs"
    )


if __name__ == "__main__":
    main()
