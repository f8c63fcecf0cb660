"""The task: from opening a case to a count whose score is decided, by effect and in the viewer alone.

    make bench-task        (python -m benchmarks.bench_task [--seeds N] [--targets N …])

A scripted reader in a real Chromium at the product's own server. Lists are made: calls scattered over 5 mm² of tissue,
two in five of them about a hot spot, each with a probability, and the truth drawn by it. Of each seed's list as many
are taken as give the best 2 mm² so many true figures as `targets` says: two far from the cut-offs of the protocol (8
and 15 figures), four just below and on them. The reader knows the truth, clicks on case and slide, and answers each
call by one key once its crop stands there and the count has followed the answer before.

    by effect      the page's order "What changes the score", until the page says *decided*
    viewer alone   the same page, people, lists and keys with the order "Region first, surest first", which looks at no
                   score: all calls of the region that the page tells, until none is open in it. The region may move
                   with the answers, and the reader follows it, so that its count is complete: without the queue
                   by effect nothing short of that says that enough has been judged.

Both begin when the case is pressed in the list. Seconds are the product's alone, since the script does not look. wrong:
lists whose told score is not that of the best window over the truth. Written to var/bench/task.json, all lists and
apart those near a cut-off and those far from any.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from analysis.pipeline.count.protocols import find_protocol
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import Frame, Search
from benchmarks.reading_room import (
    EDGE_L0,
    HEIGHT,
    MPP,
    PAINTED,
    RESULTS,
    TRACE,
    WIDTH,
    ReadingRoom,
    keep_result,
    open_room,
)

PROTOCOL = find_protocol("nottingham-area")
TARGETS = (4, 7, 8, 14, 15, 24)
MOST_CALLS, HOT_SHARE, HOT_UM = 600, 0.4, 350.0
NEAR = {cutoff.from_count - below for cutoff in PROTOCOL.cutoffs[1:] for below in (0, 1)}
WAYS = {"by_effect": "effect", "viewer_alone": "region"}
WORDS = {"by_effect": "by effect", "viewer_alone": "viewer alone"}
MEASURED = ("verdicts", "keys", "clicks", "seconds", "seconds_per_verdict")


@dataclass(frozen=True)
class MadeList:
    """Calls by y, then x. places_l0: (n, 2). probabilities, truth: (n,)."""

    name: str
    target: int
    places_l0: np.ndarray
    probabilities: np.ndarray
    truth: np.ndarray

    @property
    def score(self) -> str | None:
        """That of the best window over the truth."""
        return score_of(self.target, PROTOCOL.cutoffs)


@dataclass(frozen=True)
class Reading:
    """What one way of reading one list took. region_figures: what it told of its region."""

    list: str
    calls: int
    target: int
    verdicts: int
    keys: int
    clicks: int
    seconds: float
    seconds_per_verdict: float
    region_figures: int
    score: str | None
    wrong: bool


def draw_list(seed: int, target: int) -> MadeList:
    """The first so many calls of a seed's list that the best window holds `target` true ones."""
    draw = np.random.default_rng((15, seed))
    low, high = np.array([EDGE_L0, EDGE_L0]) + 40, np.array([WIDTH, HEIGHT]) - EDGE_L0 - 40
    places = draw.uniform(low, high, (MOST_CALLS, 2)).round(1)
    hot = draw.random(MOST_CALLS) < HOT_SHARE
    middle = draw.uniform(low + 2500, high - 2500)
    places[hot] = np.clip(draw.normal(middle, HOT_UM / MPP, (hot.sum(), 2)), low, high).round(1)
    probabilities = 0.5 + 0.5 * draw.beta(1, 1.5, MOST_CALLS)
    truth = draw.random(MOST_CALLS) < probabilities
    for count in range(target, MOST_CALLS):
        search = Search(places[:count], PROTOCOL.shape, Frame(MPP, MPP, WIDTH, HEIGHT))
        if search.best(truth[:count].astype(float))[0].count == target:
            order = np.lexsort((places[:count, 0], places[:count, 1]))
            return MadeList(f"{seed}-{target}", target, places[order], probabilities[order], truth[order])
    raise ValueError(f"The list of seed {seed} holds no window of {target}.")


class ScriptedReader:
    """Reads one case after another in one way, and counts what it does."""

    def __init__(self, room: ReadingRoom, way: str) -> None:
        context = room.admit(way.replace("_", "."))
        context.add_init_script(TRACE)
        self.way, self.page, self.keys, self.clicks = way, context.new_page(), 0, 0

    def read(self, made: MadeList) -> Reading:
        page = self.page
        page.goto("/cases/")
        self.keys = self.clicks = 0
        case = page.get_by_role("link", name=made.name, exact=True)
        case.wait_for()
        started = time.perf_counter()
        self._click(case)
        self._click(page.locator(".slide-card .foot a"))
        self._wait_for(0)
        if self.way == "viewer_alone" and self._order() != WAYS[self.way]:
            page.get_by_label("Order").select_option(WAYS[self.way])  # kept by the browser: of the first case alone
        verdicts, reading_since = 0, time.perf_counter()
        while not self._is_done():
            number = int(page.locator(".r-line .which b").inner_text())
            self._press("1" if made.truth[number - 1] else "2")
            verdicts += 1
            self._wait_for(verdicts)
        ended = time.perf_counter()
        count = page.evaluate("() => window.trace.count")
        return Reading(
            made.name, len(made.truth), made.target, verdicts, self.keys, self.clicks, round(ended - started, 2),
            round((ended - reading_since) / max(verdicts, 1), 3), count["confirmed"], count["score"],
            count["score"] != made.score,
        )  # fmt: skip

    def _click(self, what) -> None:
        what.click()
        self.clicks += 1

    def _press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def _order(self) -> str:
        return self.page.get_by_label("Order").input_value()

    def _wait_for(self, verdicts: int) -> None:
        """Until a count that was asked for after so many answers is there, and the next crop is painted."""
        self.page.wait_for_function("(verdicts) => window.trace?.counted === verdicts", arg=verdicts, polling="raf")
        self.page.evaluate(PAINTED)

    def _is_done(self) -> bool:
        if self.way == "by_effect":
            return self.page.locator(".decision.decided").count() > 0
        return self.page.evaluate("() => window.trace.count.open === 0")


def measure(seeds: int, targets: tuple[int, ...]) -> list[dict]:
    rows = []
    with open_room() as room:
        lists = [draw_list(seed, target) for seed in range(1, seeds + 1) for target in targets]
        warm = draw_list(0, 4)
        for made in [warm, *lists]:
            analysis = room.take_in_list(made.name, made.places_l0, made.probabilities)
            room.count_by(analysis.slide.case, PROTOCOL.name)
        readers = [ScriptedReader(room, way) for way in WAYS]
        for reader in readers:
            reader.read(warm)  # both know the product, and have chosen their order
        for turn, made in enumerate(lists):
            for reader in readers if turn % 2 else readers[::-1]:
                rows.append({"way": reader.way} | asdict(reader.read(made)))
                print(format_row(rows[-1]), flush=True)
    return rows


def split_by_distance(rows: list[dict]) -> dict[str, list[dict]]:
    parts = {"all": rows, "near": [row for row in rows if row["target"] in NEAR]}
    parts["far"] = [row for row in rows if row["target"] not in NEAR]
    return {name: chosen for name, chosen in parts.items() if chosen}


def summarise(rows: list[dict]) -> dict:
    values = {name: np.array([row[name] for row in rows], float) for name in MEASURED}
    told = {
        name: {"median": round(float(np.median(each)), 3), "p90": round(float(np.percentile(each, 90)), 3)}
        for name, each in values.items()
    }
    return told | {"lists": len(rows), "wrong": sum(row["wrong"] for row in rows)}


HEAD = f"{'':14}{'list':>8}{'calls':>8}{'figures':>9}" + "".join(f"{name:>10}" for name in MEASURED[:4]) + "  wrong"


def format_row(row: dict) -> str:
    told = f"{WORDS[row['way']]:14}{row['list']:>8}{row['calls']:>8}{row['target']:>9}"
    return told + "".join(f"{row[name]:>10g}" for name in MEASURED[:4]) + ("  wrong" if row["wrong"] else "")


def format_summary(way: str, which: str, told: dict) -> str:
    cells = "".join(f"{told[name]['median']:>10g} ({told[name]['p90']:g})" for name in MEASURED[:4])
    return f"{WORDS[way]:14}{which:5}median (p90) of {told['lists']:2} lists{cells}   wrong {told['wrong']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--targets", type=int, nargs="+", default=TARGETS, help="true figures of the best window")
    parser.add_argument("--result", type=Path, default=RESULTS / "task.json")
    options = parser.parse_args()
    print(HEAD, flush=True)
    rows = measure(options.seeds, tuple(options.targets))
    result = {"protocol": PROTOCOL.name, "targets": list(options.targets), "seeds": options.seeds}
    for name, chosen in split_by_distance(rows).items():
        told = {way: summarise([row for row in chosen if row["way"] == way]) for way in WAYS}
        result |= told if name == "all" else {name: told}
        sys.stdout.writelines(format_summary(way, name, told[way]) + "\n" for way in WAYS)
    keep_result(options.result, result | {"rows": rows})


if __name__ == "__main__":
    main()
