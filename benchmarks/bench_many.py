"""What an analysis with 100,000 detections costs: the count, the feed that a viewer opens with, and a verdict.

    make bench-many        (python -m benchmarks.bench_many [--detections N] [--verdicts N])

The product's own server with a clustered list, a fifth of it calls, counted by a protocol with scores. Timed
are the first count, the same count asked again while nothing has changed, all of the feed from the start as a browser
takes it (gzip), and in a real Chromium what the page's scripts take for a verdict: in the press of the key, which a
person waits for, and all together until the new count is shown; of scripts the processor's time, since on a busy
machine the clock tells of the others. Written to var/bench/many.json.

The limit beside the unchanged count is an address of the same server that reads one row, and beside the verdict one
on a list of 1,000.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from benchmarks.reading_room import EDGE_L0, HEIGHT, RESULTS, TRACE, WIDTH, ReadingRoom, keep_result, open_room

DETECTIONS, FEW, PROTOCOL = 100_000, 1_000, "nottingham-area"
GOALS = {"unchanged_p95_ms": 150.0, "requests": 5, "wire_mb": 3.0, "key_cpu_p95_ms": 16.0}
ASKED = 40
CLUSTERS, SPREAD_L0, TILE_DETECTIONS = 8, 900, 500

KEYS_TIMED = """(() => {
  window.keysTimed = [];
  let from = 0;
  addEventListener("keydown", () => { from = performance.now(); }, true);
  addEventListener("keydown", () => window.keysTimed.push(performance.now() - from));
})();"""


def draw_list(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (count, 2) in clusters, by y, then x, and probabilities of which a fifth are calls."""
    draw = np.random.default_rng(15)
    low, high = np.array([EDGE_L0, EDGE_L0]), np.array([WIDTH, HEIGHT]) - EDGE_L0
    middles = draw.uniform(low + SPREAD_L0, high - SPREAD_L0, (CLUSTERS, 2))
    places = draw.normal(middles[draw.integers(CLUSTERS, size=count)], SPREAD_L0)
    places = np.clip(places, low, high).round(1)
    return places[np.lexsort(places.T)], 0.01 + 0.98 * draw.random(count) ** 3


def take_in(room: ReadingRoom, name: str, count: int) -> Any:
    """An import may hold half as many: the rest is stored as the tiles of an analysis are."""
    from django.db import transaction

    from analysis.models import Analysis, Detection
    from analysis.services.revisions import take_revision

    places, chances = draw_list(count)
    analysis = room.take_in_list(name, places[:FEW], chances[:FEW])
    for first in range(FEW, count, TILE_DETECTIONS):
        rows = range(first, min(count, first + TILE_DETECTIONS))
        with transaction.atomic():
            revision = take_revision(analysis.pk)
            Detection.objects.bulk_create(
                Detection(
                    analysis=analysis, number=row + 1, tile_index=0, x_l0=places[row][0], y_l0=places[row][1],
                    probability=chances[row], mitosis=bool(chances[row] >= analysis.threshold), revision=revision,
                )
                for row in rows
            )  # fmt: skip
    return Analysis.objects.select_related("slide__case").get(pk=analysis.pk)


class Asker:
    """Asks the server as the reader who signed in, over one connection."""

    def __init__(self, room: ReadingRoom) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", room.server.port, timeout=120)
        self._headers = {"Cookie": room.product.cookie, "Accept": "application/json", "Accept-Encoding": "gzip"}

    def get(self, path: str) -> tuple[Any, int, float]:
        """The answer, its bytes on the wire, and its seconds."""
        started = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        content = response.read()
        took_s = time.perf_counter() - started
        assert response.status == 200, (response.status, content[:200])
        whole = gzip.decompress(content) if response.headers.get("Content-Encoding") == "gzip" else content
        return json.loads(whole), len(content), took_s


def measure_count(asker: Asker, analysis: Any) -> dict:
    path = f"/api/analyses/{analysis.pk}/"
    first, _, first_s = asker.get(f"{path}count/")
    for _ in range(4):
        asker.get(f"{path}count/")  # the other process has made it too
    unchanged = [1000 * asker.get(f"{path}count/")[2] for _ in range(ASKED)]
    row = [1000 * asker.get(path)[2] for _ in range(ASKED)]
    return {
        "first_s": round(first_s, 2),
        "late": [guard["code"] for guard in first["guards"] if guard["code"].endswith("late")],
        **_summarise("unchanged", unchanged),
        **_summarise("one_row", row),
    }


def measure_feed(asker: Asker, analysis: Any, expected: int) -> dict:
    since, more, requests, wire, found, took_s = 0, True, 0, 0, 0, 0.0
    while more:
        changes, sent, seconds = asker.get(f"/api/analyses/{analysis.pk}/changes/?since={since}")
        since, more, found = changes["revision"], changes["more"], found + len(changes["detections"])
        requests, wire, took_s = requests + 1, wire + sent, took_s + seconds
    assert found == expected, f"the feed gave {found} of {expected} detections"
    return {"requests": requests, "wire_mb": round(wire / 1e6, 2), "seconds": round(took_s, 2)}


def measure_verdicts(room: ReadingRoom, analysis: Any, reader: str, verdicts: int) -> dict:
    context = room.admit(reader)
    context.add_init_script(TRACE + KEYS_TIMED)
    page = context.new_page()
    started = time.perf_counter()
    page.goto(f"/slides/{analysis.slide_id}/")
    page.wait_for_function("() => window.trace?.count")
    opened_s = time.perf_counter() - started
    page.wait_for_load_state("networkidle")
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    keys_cpu, whole_cpu = [], []
    for given in range(1, verdicts + 1):
        before = _script_ms(devtools)
        page.keyboard.press("2")
        keys_cpu.append(_script_ms(devtools) - before)
        _wait_for_count(page, given)
        whole_cpu.append(_script_ms(devtools) - before)
    keys = page.evaluate("() => window.keysTimed")
    context.close()
    told = {"opened_s": round(opened_s, 2), "verdicts": verdicts} | _summarise("key", keys)
    return told | _summarise("key_cpu", keys_cpu) | _summarise("whole_cpu", whole_cpu)


def _wait_for_count(page: Page, given: int) -> None:
    page.wait_for_function("(given) => window.trace.counted >= given", arg=given, polling=100)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _script_ms(devtools: Any) -> float:
    """The processor's time for scripts since the page began."""
    told = devtools.send("Performance.getMetrics")["metrics"]
    return 1000 * next(metric["value"] for metric in told if metric["name"] == "ScriptDuration")


def _summarise(name: str, ms: list[float]) -> dict:
    return {f"{name}_p{share}_ms": round(float(np.percentile(ms, share)), 2) for share in (50, 95)}


def measure(count: int, verdicts: int) -> dict:
    found: dict = {"detections": count, "cpus": os.cpu_count()}
    with open_room() as room:
        analyses = {}
        for name, size in (("many", count), ("few", min(FEW, count))):
            analyses[name] = take_in(room, name, size)
            room.count_by(analyses[name].slide.case, PROTOCOL)
        asker = Asker(room)
        found["calls"] = analyses["many"].detections.filter(mitosis=True).count()
        found["count"] = measure_count(asker, analyses["many"])
        found["feed"] = measure_feed(asker, analyses["many"], count)
        found["verdict"] = measure_verdicts(room, analyses["many"], "reader.many", verdicts)
        found["verdict_few"] = measure_verdicts(room, analyses["few"], "reader.few", verdicts)
    return found


def format_report(found: dict) -> str:
    head = f"{found['detections']:,} detections, {found['calls']:,} calls{'':14}{'p50':>10}{'p95':>10}{'goal p95':>10}"
    few, rows = f"{FEW:,} detections", [head]
    for words, part, name, goal in (
        ("count, unchanged, ms", "count", "unchanged", GOALS["unchanged_p95_ms"]),
        ("one row, ms", "count", "one_row", None),
        ("verdict, script in the key, CPU ms", "verdict", "key_cpu", GOALS["key_cpu_p95_ms"]),
        (f"the same, {few}", "verdict_few", "key_cpu", None),
        ("the same by the clock, ms", "verdict", "key", None),
        ("verdict, script until counted, CPU ms", "verdict", "whole_cpu", None),
        (f"the same, {few}", "verdict_few", "whole_cpu", None),
    ):
        times = "".join(f"{found[part][f'{name}_p{share}_ms']:10.1f}" for share in (50, 95))
        rows.append(f"{words:46}{times}" + (f"{goal:10g}" if goal else ""))
    feed = found["feed"]
    rows.append(
        f"feed: {feed['requests']} requests of at most {GOALS['requests']}, {feed['wire_mb']} MB of at most "
        f"{GOALS['wire_mb']:g}, {feed['seconds']} s"
    )
    opened_s = found["verdict"]["opened_s"]
    rows.append(f"first count {found['count']['first_s']} s; the viewer opens with its count in {opened_s} s")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=int, default=DETECTIONS)
    parser.add_argument("--verdicts", type=int, default=30)
    parser.add_argument("--result", type=Path, default=RESULTS / "many.json")
    options = parser.parse_args()
    found = measure(options.detections, options.verdicts)
    keep_result(options.result, found | {"goals": GOALS})
    print(format_report(found))


if __name__ == "__main__":
    main()
