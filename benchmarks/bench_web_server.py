"""What slides/web_server earns: stored tiles with it, without it, and with each of its parts alone, in one run.

    python -m benchmarks.bench_web_server [--seconds 2] [--rounds 2]

The product's gunicorn with two workers, its PostgreSQL, a session's cookie; a made slide whose tiles are sent as they
are stored, so that what is measured is the way to a tile. A viewer has six connections and asks for its next tile as
soon as one has come. The servers take turns in each round. Writes var/bench/web_server.json: compare the ratios, since
rates depend on the machine and on who else uses it. About a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.bench_tiles_load import BROWSER_CONNECTIONS, Result, Site, as_fast_as_it_goes
from benchmarks.bench_tiles_product import PROJECT_ROOT, Product
from slides.demo.pyramid import write_pyramid
from slides.wsi.deepzoom import DeepZoom

RESULT = PROJECT_ROOT / "var" / "bench" / "web_server.json"
VIEWERS = (1, 8)
WIDTH, HEIGHT = 4096, 3072
PLAIN = "without"
DJANGO_ALONE = ["mitoweb.wsgi:django_application"]
VARIANTS: dict[str, tuple[list[str], dict[str, str]]] = {  # words of the command and environment
    "whole": ([], {}),
    "shortcut alone": (["--worker-class", "gthread"], {}),
    "worker alone": (DJANGO_ALONE, {}),
    PLAIN: ([], {"MITOWEB_PLAIN_WEB_SERVER": "1"}),
}


def stored_tiles(product: Product, folder: Path) -> list[str]:
    """Addresses of the finest tiles of a slide that was made for this."""
    noise = np.random.default_rng(1).integers(60, 200, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    path = folder / "made.tif"
    write_pyramid(path, noise.repeat(8, axis=0).repeat(8, axis=1), 0.25, 85)
    slide = product.take_in("made", path)
    zoom = DeepZoom(slide.width, slide.height, slide.tile_size, slide.tile_overlap)
    level = len(zoom.levels) - 1
    columns, rows = zoom.tiles(level)
    form = f"/api/slides/{slide.pk}/image_files/{level}/{{}}_{{}}.jpeg"
    return [form.format(column, row) for row in range(rows) for column in range(columns)]


def measure(product: Product, tiles: list[str], seconds: float, rounds: int) -> dict[tuple[str, int], Result]:
    """By variant and number of viewers, all rounds together."""
    found: dict[tuple[str, int], Result] = defaultdict(lambda: Result(0.0, [], 0, 0))
    for _ in range(rounds):
        for name, (words, environment) in VARIANTS.items():
            with product.serve(0, *words, **environment) as server:
                site = Site(server.port, product.headers)
                as_fast_as_it_goes(site, tiles, 1.0, 32)  # both workers know the session
                for viewers in VIEWERS:
                    one = as_fast_as_it_goes(site, tiles, seconds, BROWSER_CONNECTIONS * viewers)
                    all_rounds = found[name, viewers]
                    all_rounds.seconds += one.seconds
                    all_rounds.latency_s += one.latency_s
                    all_rounds.failed += one.failed
    return found


def main() -> None:
    """Measure, print a table, keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder:
        product = Product(Path(folder))
        try:
            found = measure(product, stored_tiles(product, Path(folder)), options.seconds, options.rounds)
        finally:
            product.close()
    rows = []
    for (name, viewers), result in found.items():
        plain = found[PLAIN, viewers]
        rows.append({
            "server": name, "viewers": viewers, "per_s": round(result.per_s, 1), "p95_ms": round(1e3 * result.p95_s, 2),
            "failed": result.failed, "rate_ratio": round(result.per_s / plain.per_s, 2),
            "p95_ratio": round(result.p95_s / plain.p95_s, 2),
        })  # fmt: skip
        print("{server:15} {viewers} viewers {per_s:7.0f}/s  p95 {p95_ms:7.2f} ms  failed {failed}  "
              "rate x {rate_ratio:5.2f}  p95 x {p95_ratio:5.2f}".format(**rows[-1]))  # fmt: skip
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"cpus": os.cpu_count(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
