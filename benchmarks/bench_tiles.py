"""How many tiles a second the decoder pool gives, beside OpenSlide's own DeepZoom get_tile in the same run.

    python benchmarks/bench_tiles.py [--children 2] [--seconds 5] SLIDE...

Tiles of the three finest Deep Zoom levels, in random order with a fixed seed, each made anew (no tile cache) and coded
as JPEG at the same quality. Writes var/bench/tiles.json. Rates depend on the machine: compare ratios.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openslide
from openslide.deepzoom import DeepZoomGenerator

PROJECT_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT_ROOT))

from slides.wsi.deepzoom import DeepZoom  # noqa: E402
from slides.wsi.pool import DecoderPool  # noqa: E402
from slides.wsi.reader import open_slide  # noqa: E402

RESULT = PROJECT_ROOT / "var" / "bench" / "tiles.json"
QUALITY = 85
Tile = tuple[int, int, int]


def tile_order(path: Path) -> list[Tile]:
    """(level, column, row) of the three finest levels, shuffled."""
    with open_slide(path) as reader:
        zoom = DeepZoom(reader.info.width, reader.info.height)
    tiles = []
    for level in range(len(zoom.levels) - 3, len(zoom.levels)):
        columns, rows = zoom.tiles(level)
        tiles += [(level, column, row) for row in range(rows) for column in range(columns)]
    random.Random(0).shuffle(tiles)
    return tiles


def rate(one: Callable[[Tile], object], tiles: list[Tile], seconds: float, threads: int = 1) -> tuple[float, float]:
    """(tiles per second, 95th percentile in seconds) over at least `seconds`."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    def work(first: int) -> None:
        for tile in itertools.cycle(tiles[first:] + tiles[:first]):
            start = time.perf_counter()
            if start > end:
                return
            one(tile)
            times.append(time.perf_counter() - start)

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, len(tiles), max(1, len(tiles) // threads))[:threads]))
    return len(times) / (time.perf_counter() - began), statistics.quantiles(times, n=20)[-1]


def openslide_rate(path: Path, tiles: list[Tile], seconds: float) -> tuple[float, float]:
    """OpenSlide's DeepZoom generator and Pillow's JPEG, in this process."""
    with openslide.OpenSlide(path) as slide:
        generator = DeepZoomGenerator(slide)

        def one(tile: Tile) -> None:
            level, column, row = tile
            generator.get_tile(level, (column, row)).save(io.BytesIO(), "JPEG", quality=QUALITY, subsampling=0)

        return rate(one, tiles, seconds)


def pool_rate(path: Path, tiles: list[Tile], seconds: float, children: int, threads: int) -> tuple[float, float]:
    """The pool, asked by some threads at once."""
    with DecoderPool(children, timeout_s=30) as pool:
        for tile in tiles[: 4 * children]:
            pool.tile([path], *tile)
        return rate(lambda tile: pool.tile([path], *tile), tiles, seconds, threads)


def measure(path: Path, children: int, seconds: float) -> list[dict[str, object]]:
    """One row per way of making tiles."""
    tiles = tile_order(path)
    base, base_p95 = openslide_rate(path, tiles, seconds)
    rows = [
        {"slide": path.name, "way": "OpenSlide get_tile, 1 process", "per_s": base, "p95_s": base_p95, "ratio": 1.0}
    ]
    for count, threads in ((1, 1), (children, children), (children, 32)):
        per_s, p95 = pool_rate(path, tiles, seconds, count, threads)
        way = f"pool, {count} children, {threads} threads"
        rows.append({"slide": path.name, "way": way, "per_s": per_s, "p95_s": p95, "ratio": per_s / base})
    return rows


def main() -> None:
    """Print a table and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "slides", nargs="*", type=Path, default=[PROJECT_ROOT / "slides" / "demo" / "teaching_sheet.tiff"]
    )
    parser.add_argument("--children", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    rows = [row for path in options.slides for row in measure(path, options.children, options.seconds)]
    for row in rows:
        print("{slide:32.32} {way:32} {per_s:8.0f}/s  p95 {p95_s:6.3f} s  x {ratio:5.2f}".format(**row))
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"cpus": os.cpu_count(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
