"""How long the best region takes, for each shape and size of list, and beside a box filter on a downsampled map.

    make bench-count        (python -m benchmarks.bench_count [--rounds N] [--counting FOLDER])

Points are drawn: uniform over a slide of 25 × 20 mm, in eight clusters, or in one. Where real lists of whole slides are
there (`counting` in the data folder) each is searched too, also within its tumour zones. Timed is `find_regions` as a
whole, nothing kept from a search before; `again` is one more `best` of a kept `Search`. The processor's time stands
beside the clock's, since on a busy machine only that says what a search costs; goals are held against its median. Also
written to var/bench/count.json.

The box filter is how the region of highest count is usually found (Aubreville et al. 2020, Sci Rep 10:16447): a map of
counts, 1/32 of level 0 along each side at 0.25 µm, and the sum under a window of the shape at each of its pixels, by
cumulative sums for a square and a rectangle and by OpenCV's filter for a circle. It is inexact by up to 8 µm on each
edge.
"""

import argparse
import csv
import gzip
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from analysis.pipeline.count.search import Frame, Search, find_regions
from analysis.pipeline.count.shapes import CIRCLE, RECTANGLE, SQUARE, Shape, fields_of

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MITOWEB_DATA", ROOT.parent / "shared" / "data"))
MPP, DOWNSAMPLED = 0.25, 32
FRAME = Frame(MPP, MPP, 100_000, 80_000)
SIZES = (1_000, 10_000, 100_000)
GOALS_MS = {10_000: 50.0, 100_000: 1000.0}
SHAPES = {
    "square": Shape(SQUARE, 2.0),
    "rectangle": Shape(RECTANGLE, 2.0, 4 / 3),
    "circle": Shape(CIRCLE, 2.0),
    "square 10 mm²": Shape(SQUARE, 10.0),
}
FIELDS = {
    "10 fields": fields_of(10, 550.0),
    "10 touching fields": fields_of(10, 550.0, touching=True),
    "42 fields, 10 mm²": fields_of(42, 550.0),
}
Work = Callable[[], object]


def draw_points(kind: str, count: int) -> np.ndarray:
    """(count, 2) level-0 px."""
    random = np.random.default_rng(count)
    size_l0 = np.array([FRAME.width_l0, FRAME.height_l0])
    if kind == "uniform":
        return random.random((count, 2)) * size_l0
    middles = (0.1 + 0.8 * random.random((8 if kind == "clustered" else 1, 2))) * size_l0
    share = random.dirichlet(np.ones(len(middles)))
    drawn = middles[random.choice(len(middles), count, p=share)] + random.normal(0, 1000 / MPP, (count, 2))
    return np.clip(drawn, 0, size_l0)


def draw_tissue() -> list[list[list[float]]]:
    """A wavy outline over most of the slide, with forty holes."""
    random = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    away = 1 + 0.1 * np.sin(7 * angle) + 0.02 * random.random(2000)
    rings = [np.array([50_000, 40_000]) + away[:, None] * np.stack([44_000 * np.cos(angle), 35_000 * np.sin(angle)], 1)]
    for middle in random.random((40, 2)) * [100_000, 80_000]:
        rings.append(middle + 800 * np.stack([np.cos(angle[::40]), np.sin(angle[::40])], axis=1))
    return [ring.tolist() for ring in rings]


def measure_ms(work: Work, rounds: int) -> dict[str, float]:
    """Median and lower quartile of the clock's and of the processor's time."""
    wall, busy = [], []
    for _ in range(rounds):
        started, started_cpu = time.perf_counter(), time.thread_time()
        work()
        busy.append(1000 * (time.thread_time() - started_cpu))
        wall.append(1000 * (time.perf_counter() - started))
    return {
        "median_ms": round(statistics.median(wall), 2),
        "lower_ms": round(float(np.quantile(wall, 0.25)), 2),
        "cpu_ms": round(statistics.median(busy), 2),
    }


def filter_map(points_l0: np.ndarray, shape: Shape) -> float:
    """The highest count under a window of the shape on the downsampled map."""
    columns, rows = (int(np.ceil(side / DOWNSAMPLED)) for side in (FRAME.width_l0, FRAME.height_l0))
    at = np.minimum((points_l0 / DOWNSAMPLED).astype(int), [columns - 1, rows - 1])
    counts = np.bincount(at[:, 1] * columns + at[:, 0], minlength=rows * columns).reshape(rows, columns)
    pixel_um = MPP * DOWNSAMPLED
    if shape.kind == CIRCLE:
        reach = int(shape.radius_um / pixel_um)
        grid = np.arange(-reach, reach + 1)
        disc = (grid[:, None] ** 2 + grid**2 <= (shape.radius_um / pixel_um) ** 2).astype(np.float32)
        return float(cv2.filter2D(counts.astype(np.float32), -1, disc, borderType=cv2.BORDER_CONSTANT).max())
    sides = [shape.sides_um] if shape.aspect == 1 else [shape.sides_um, shape.sides_um[::-1]]
    table = np.zeros((rows + 1, columns + 1), np.int64)
    table[1:, 1:] = counts.cumsum(0).cumsum(1)
    most = 0
    for width_um, height_um in sides:
        width, height = round(width_um / pixel_um), round(height_um / pixel_um)
        lower, upper = table[height:], table[:-height]
        sums = lower[:, width:] - lower[:, :-width] - upper[:, width:] + upper[:, :-width]
        most = max(most, int(sums.max()))
    return float(most)


def measure_drawn(rounds: int) -> list[dict]:
    rows = []
    tissue = draw_tissue()
    for count in SIZES:
        for kind in ("uniform", "clustered", "one cluster"):
            points = draw_points(kind, count)
            for name, shape in SHAPES.items():
                for mask in (None, tissue):
                    rows.append(measure_case(name, shape, kind, points, mask, rounds))
                    sys.stdout.write(format_row(rows[-1]) + "\n")
                    sys.stdout.flush()
    return rows


def measure_case(name: str, shape: Shape, kind: str, points: np.ndarray, tissue: list | None, rounds: int) -> dict:
    weights = np.ones(len(points))
    search = Search(points, shape, FRAME, tissue)
    row = {"shape": name, "points": len(points), "drawn": kind, "mask": tissue is not None}
    row |= measure_ms(lambda: find_regions(points, weights, shape, FRAME, tissue), rounds)
    row["again_cpu_ms"] = measure_ms(lambda: search.best(weights), rounds)["cpu_ms"]
    row["count"] = search.best(weights)[0].count if search.best(weights) else None
    if tissue is None:
        row["filter_cpu_ms"] = measure_ms(lambda: filter_map(points, shape), rounds)["cpu_ms"]
        row["ratio_to_filter"] = round(row["cpu_ms"] / row["filter_cpu_ms"], 2)
        row["filter_count"] = filter_map(points, shape)
    return row


def measure_fields() -> list[dict]:
    rows = []
    for count in SIZES[:2]:
        for name, shape in FIELDS.items():
            points, found = draw_points("clustered", count), []
            row = {"shape": name, "points": count, "drawn": "clustered"}
            row |= measure_ms(lambda: found.extend(find_regions(points, None, shape, FRAME)), 1)  # noqa: B023
            row |= {"count": found[0].count, "exact": found[0].exact, "bound": found[0].bound}
            rows.append(row)
            sys.stdout.write(
                f"{name:22}{count:>9,}  {row['cpu_ms']:9.0f} ms cpu, {row['count']:.0f} of {row['bound']}\n"
            )
    return rows


def read_slides(folder: Path) -> dict[str, tuple[np.ndarray, list]]:
    """Of each slide its points (n, 2) and the rings of its tumour zones, level-0 px."""
    points: dict[str, list] = {}
    with gzip.open(folder / "ccmct_wsi_points.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            points.setdefault(row["slide"], []).append((float(row["x_l0"]), float(row["y_l0"])))
    with gzip.open(folder / "ccmct_zones.json.gz", "rt") as file:
        zones = json.load(file)
    return {
        slide: (np.array(at), [zone["polygon_l0"] for zone in zones.get(slide, []) if zone["zone"] == "tumour"])
        for slide, at in points.items()
    }


def measure_slides(folder: Path, rounds: int) -> list[dict]:
    rows = []
    for slide, (points, tumour) in sorted(read_slides(folder).items()):
        frame = Frame(MPP, MPP)
        for name, shape in SHAPES.items():
            row = {"slide": slide, "shape": name, "points": len(points)}
            row |= measure_ms(lambda: find_regions(points, None, shape, frame), rounds)  # noqa: B023
            masked = measure_ms(lambda: find_regions(points, None, shape, frame, None, tumour or None), rounds)  # noqa: B023
            rows.append(row | {"in_tumour_cpu_ms": masked["cpu_ms"]})
    return rows


def format_row(row: dict) -> str:
    where = "in tissue" if row["mask"] else "anywhere"
    beside = f"{row['ratio_to_filter']:8.2f}" if "ratio_to_filter" in row else " " * 8
    times = "".join(f"{row[key]:10.1f}" for key in ("median_ms", "cpu_ms", "again_cpu_ms"))
    return f"{row['shape']:14}{row['points']:>9,}  {row['drawn']:12}{where:10}{times}{beside}"


def find_misses(rows: list[dict]) -> list[str]:
    """What takes longer than its goal."""
    return [
        f"{format_row(row)}: goal {GOALS_MS[row['points']]:g} ms"
        for row in rows
        if row["cpu_ms"] > GOALS_MS.get(row["points"], np.inf) and row["shape"] != "square 10 mm²" and not row["mask"]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--counting", type=Path, default=DATA / "counting")
    arguments = parser.parse_args()
    head = f"{'':47}{'ms':>10}{'cpu ms':>10}{'again cpu':>10}{'ratio':>8}\n"
    sys.stdout.write(head)
    find_regions(draw_points("uniform", 10), None, SHAPES["circle"], FRAME)  # imports are no part of it
    result = {"drawn": measure_drawn(arguments.rounds), "fields": measure_fields()}
    if (arguments.counting / "ccmct_wsi_points.csv.gz").exists():
        result["slides"] = measure_slides(arguments.counting, max(1, arguments.rounds // 3))
        worst = max(result["slides"], key=lambda row: row["cpu_ms"])
        sys.stdout.write(f"of {len(result['slides'])} searches on real lists the longest: {worst}\n")
    result["misses"] = find_misses(result["drawn"])
    sys.stdout.write("\n".join(["beyond its goal:", *(result["misses"] or ["none"])]) + "\n")
    target = ROOT / "var" / "bench" / "count.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
