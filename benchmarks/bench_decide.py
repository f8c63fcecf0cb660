"""How many verdicts decide a count: asking by effect, beside judging all of the region that the model would choose.

    make bench-decide        (python -m benchmarks.bench_decide [--slides N] [--protocols NAME …])

32 whole slides of `counting` in the data folder, whose lists are a published detector's. They are no labels: each
slide's truth is drawn once, a point of probability p being a mitosis with chance p, from a fixed seed; points below .2
are left out. The lists are taken in full, and thinned to 10 % and 3 % before the truth is drawn, so that slides lie
near the cut-offs. No mask.

    by_effect       the first of `next` is judged until the count is decided
    region_first    all in the window of the highest expected count is judged, and what was confirmed there is told
    wrong           slides whose told score is not that of the best window over the truth

Written to var/bench/decide.json: `by_effect` and `region_first` of the first protocol's full lists, beside them
`thinned_10_percent` and `thinned_3_percent`, and the same for each protocol under `protocols`, with the milliseconds
of processor time that a proposal takes after a verdict.
"""

import argparse
import csv
import gzip
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from analysis.pipeline.count.decide import Decider
from analysis.pipeline.count.protocols import Protocol, find_protocol
from analysis.pipeline.count.score import score_of
from analysis.pipeline.count.search import Frame, Search, members

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.getenv("MITOWEB_DATA") or ROOT.parent / "shared" / "data")
PROTOCOLS = ("canine-mct", "nottingham-area", "gep-net")
LISTS = {"full": 1.0, "thinned_10_percent": 0.1, "thinned_3_percent": 0.03}
MPP = 0.25
LEAST_PROBABILITY = 0.2
SEED = 15
HEAD = f"{'verdicts':38}{'by effect':^24}{'region first':^24}{'CPU ms a verdict':^18}\n{'':38}" + (
    f"{'median':>8}{'p90':>8}{'wrong':>8}" * 2 + f"{'median':>10}{'p95':>8}"
)


def read_slides(path: Path) -> dict[str, np.ndarray]:
    """x_l0, y_l0, probability (n, 3) of each slide."""
    rows: dict[str, list] = defaultdict(list)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["slide"]].append((float(row["x_l0"]), float(row["y_l0"]), float(row["probability"])))
    return {name: np.array(rows[name]) for name in sorted(rows)}


def draw_list(slide: np.ndarray, share: float, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), probabilities (n,) and the truth (n,) bool."""
    generator = np.random.default_rng(seed)
    slide = slide[generator.random(len(slide)) < share]
    slide = slide[slide[:, 2] >= LEAST_PROBABILITY]
    return slide[:, :2], slide[:, 2], generator.random(len(slide)) < slide[:, 2]


def judge_by_effect(
    points_l0, probability, truth, search: Search, protocol: Protocol
) -> tuple[str | None, list[float]]:
    """The score that is decided, and the processor's milliseconds for each verdict's proposal."""
    decider = Decider(points_l0, probability, [None] * len(points_l0), search, protocol.cutoffs)
    decision, took_ms = decider.decide(), []
    while not decision.decided and decision.next:
        index, _ = decision.next[0]
        started = time.process_time()
        decider.judge(index, bool(truth[index]))
        decision = decider.decide()
        took_ms.append(1000 * (time.process_time() - started))
    return decision.score_low, took_ms


def measure_list(slides: dict[str, np.ndarray], protocol: Protocol, share: float) -> dict:
    by_effect, region_first, took_ms, large_ms = [], [], [], []
    for number, slide in enumerate(slides.values()):
        points_l0, probability, truth = draw_list(slide, share, (SEED, round(1000 * share), number))
        search = Search(points_l0, protocol.shape, Frame(MPP, MPP))
        score = score_of(search.best(truth.astype(float))[0].count, protocol.cutoffs)
        told, each_ms = judge_by_effect(points_l0, probability, truth, search, protocol)
        by_effect.append((len(each_ms), told != score))
        region = search.best(probability)[0]
        inside = members(points_l0, region, protocol.shape, search.frame)
        told = score_of(int(truth[inside].sum()), protocol.cutoffs)
        region_first.append((int(inside.sum()), told != score))
        took_ms += each_ms
        large_ms += each_ms if len(points_l0) >= 10_000 else []
    return {
        "slides": len(slides),
        "by_effect": _summarise(by_effect),
        "region_first": _summarise(region_first),
        "cpu_ms_per_verdict": _percentiles(took_ms),
        "cpu_ms_per_verdict_10000_points": _percentiles(large_ms),
    }


def _summarise(rows: list[tuple[int, bool]]) -> dict:
    verdicts = [verdicts for verdicts, _ in rows]
    return {
        "median": float(np.median(verdicts)),
        "p90": round(float(np.percentile(verdicts, 90)), 1),
        "wrong": sum(wrong for _, wrong in rows),
    }


def _percentiles(values: list[float]) -> dict | None:
    if not values:
        return None
    return {name: round(float(np.percentile(values, share)), 1) for name, share in (("median", 50), ("p95", 95))}


def format_row(protocol: str, name: str, result: dict) -> str:
    cells = [f"{protocol:18}{name:20}"]
    for way in ("by_effect", "region_first"):
        cells.append("".join(f"{result[way][key]:8g}" for key in ("median", "p90", "wrong")))
    took = result["cpu_ms_per_verdict"]
    return "".join([*cells, f"{took['median']:10.1f}{took['p95']:8.1f}" if took else ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slides", type=int, help="only so many; default: all")
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS)
    arguments = parser.parse_args()
    slides = read_slides(DATA / "counting" / "ccmct_wsi_points.csv.gz")
    slides = dict(list(slides.items())[: arguments.slides])
    sys.stdout.write(f"{HEAD}\n")
    protocols: dict[str, dict] = {}
    for name in arguments.protocols:
        protocols[name] = {}
        for kind, share in LISTS.items():
            protocols[name][kind] = measure_list(slides, find_protocol(name), share)
            sys.stdout.write(format_row(name, kind, protocols[name][kind]) + "\n")
            sys.stdout.flush()
    first = protocols[arguments.protocols[0]]
    result = {"protocol": arguments.protocols[0], **first["full"]}
    result |= {kind: first[kind] for kind in LISTS if kind != "full"} | {"protocols": protocols}
    target = ROOT / "var" / "bench" / "decide.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
