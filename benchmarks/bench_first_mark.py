"""How long the first mark takes, from the press of *Analyse* for a small region until the page can draw it.

    make bench-first-mark      (python -m benchmarks.bench_first_mark [--regions N] [--data DIR])

A real Chromium at the product's own server, its supervisor with a process kept ready as `make run` has it, and a slide
laid out of frames as for `make bench-detect`. Each region is one frame of 0.13 mm², analysed from the dialog of the
viewer. The first analysis of a slide also measures the level of its scores, which later ones know.

Written to var/bench/first_mark.json. The goal, 3 s, is for a machine that does nothing else; the load of the machine
stands beside the times.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from analysis.commands.common import DATA_DEFAULT
from benchmarks.bench_detect_slides import FRAME_H, FRAME_W, make_slide
from benchmarks.bench_tiles_product import PROJECT_ROOT
from benchmarks.reading_room import RESULTS, ReadingRoom, keep_result, open_room

GOAL_S = 3.0
LAYOUT, COLUMNS = "2", 4
READY_S = 12  # a process is made ready a few seconds after the start, and after each job

# The page has what it draws a mark of, and the frame that shows it is over.
MARKED = """async () => {
  if (!window.marked) return false;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return true;
}"""
FEED_WATCHED = """(() => {
  const plain = window.fetch;
  window.fetch = async (url, options) => {
    const response = await plain(url, options);
    if (/\\/changes\\/\\?/.test(url) && response.ok)
      response.clone().json().then(({ detections }) => (window.marked ||= detections?.length > 0));
    return response;
  };
})();"""


@contextlib.contextmanager
def working() -> Iterator[None]:
    """The supervisor of jobs, beside the server."""
    command = [sys.executable, "manage.py", "worker", "--ready"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        time.sleep(READY_S)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def take_in(room: ReadingRoom, path: Path, regions: int) -> Any:
    """A slide with one region for each frame that is to be analysed."""
    from analysis.services.model_versions import register_shipped
    from slides.models import Region

    register_shipped()
    slide: Any = room.product.take_in("frames", path)
    for number in range(regions):
        row, column = divmod(number, COLUMNS)
        x, y = column * FRAME_W, row * FRAME_H
        polygon = [[x, y], [x + FRAME_W, y], [x + FRAME_W, y + FRAME_H], [x, y + FRAME_H]]
        Region.objects.create(slide=slide, name=f"Frame {number + 1}", polygon=polygon)
    return slide


def time_first_mark(context: BrowserContext, slide: Any, number: int) -> float:
    """Seconds from the press of *Analyse* until the first mark of this analysis."""
    page = context.new_page()
    page.goto(f"/slides/{slide.pk}/")
    # In the panel of a slide that has no analysis yet, else in the list of its analyses.
    page.get_by_role("button", name="Analyse…", include_hidden=True).first.dispatch_event("click")
    page.get_by_label("Where").select_option(label=f"Frame {number}")
    page.wait_for_load_state("networkidle")
    time.sleep(READY_S)
    began = time.monotonic()
    page.locator("#analyse-dialog button.primary").click()
    page.wait_for_url("**analysis=**")
    page.wait_for_function(MARKED, polling=50)
    took = time.monotonic() - began
    page.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, default=4, choices=range(1, 17), metavar="N", help="1 to 16")
    parser.add_argument("--data", type=Path, default=Path(DATA_DEFAULT))
    parser.add_argument("--result", type=Path, default=RESULTS / "first_mark.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder:
        path, source = make_slide(LAYOUT, options.data, Path(folder))
        with open_room() as room:
            slide = take_in(room, path, options.regions)
            context = room.admit("technician", role="technician")
            context.add_init_script(FEED_WATCHED)
            with working():
                load = round(os.getloadavg()[0], 2)
                numbers = range(1, options.regions + 1)
                seconds = [round(time_first_mark(context, slide, number), 2) for number in numbers]
    result = {"goal_s": GOAL_S, "tissue": source, "load_before": load, "cpus": os.cpu_count(), "seconds": seconds}
    keep_result(options.result, result)
    for number, took in enumerate(seconds, 1):
        print(f"region {number} of 0.13 mm²{took:8.2f} s{'   with the slide’s level' if number == 1 else ''}")
    print(f"goal {GOAL_S:g} s on an idle machine; load before {load} on {os.cpu_count()} CPUs")


if __name__ == "__main__":
    main()
