"""How fast MitoWeb sends tiles, beside the plainest servers around OpenSlide and large-image, in one run.

    python -m benchmarks.bench_tiles [--seconds 3] [--only rates …]

The product is the real one (its gunicorn, its PostgreSQL, a session's cookie), the peers ask for no permission. All run
under gunicorn with two workers of the same class. Writes var/bench/tiles.json. Rates depend on the machine and on who
else uses it: compare ratios. About six minutes. With --only, what the file has of other parts stays.

aligned      tiles that the product sends as its files hold them; the peer's tile at the same place
other        all other tiles of the five finest levels (edges, levels the file lacks), each decoded, no tile cache
session      one viewer's recorded way over a slide, each look as soon as the last is whole, nothing cached before
p95          32 viewers on that way at its pace, from when a tile was wanted to when it was there
passthrough  aligned tiles against the same bytes as files behind the same permission check
many_slides  200 slides in turn: files open and memory
beside       how much viewers and an analysis slow each other
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks.bench_tiles_beside import measure_beside
from benchmarks.bench_tiles_load import Result, Site, as_fast_as_it_goes, at_their_pace, step_by_step
from benchmarks.bench_tiles_product import Product, Server, serve_peer
from benchmarks.bench_tiles_slides import Grid, gather_slides, shuffle_tiles
from slides.wsi.deepzoom import DeepZoom

PROJECT_ROOT = Path(__file__).resolve().parents[1]
RESULT = PROJECT_ROOT / "var" / "bench" / "tiles.json"
CACHE_BYTES = 2**30
VIEWERS = 32
MOST_SLIDES = 200
PEER = "OpenSlide"
PARTS = ["rates", "sessions", "passthrough", "many_slides", "beside"]
PEERS = {PEER: "openslide_app", "OpenSlide, same grid": "same_grid_app", "large-image": "large_image_app"}


class TileBenchmark:
    """The product and its slides, the peers' grids, and the rows of the result."""

    def __init__(self, product: Product, paths: dict[str, Path], seconds: float) -> None:
        self.product, self.paths, self.seconds = product, paths, seconds
        self.rows: list[dict] = []
        self.own = {name: self.own_grid(product.take_in(name, path)) for name, path in paths.items()}

    def own_grid(self, slide) -> Grid:
        """The product's addresses of a slide."""
        form = f"/api/slides/{slide.pk}/image_files/{{level}}/{{column}}_{{row}}.jpeg"
        return Grid(DeepZoom(slide.width, slide.height, slide.tile_size, slide.tile_overlap), form)

    def peer_grid(self, name: str, who: str) -> Grid:
        """The peer's addresses of the same slide; large-image counts levels from the first that fits one tile."""
        zoom = self.own[name].zoom
        if who == PEER:
            return Grid(DeepZoom(zoom.width, zoom.height, 254, 1), f"/{name}/{{level}}/{{column}}/{{row}}")
        return Grid(DeepZoom(zoom.width, zoom.height, zoom.tile_size, 0), f"/{name}/{{level}}/{{column}}/{{row}}")

    def sort_tiles(self, name: str) -> dict[str, list[tuple[int, int, int]]]:
        """The product's tiles, those it holds as JPEG and the others."""
        from slides.tiles import pictures

        slide, found = self.product.slides[name], {"aligned": [], "other": []}
        index = pictures.indexes.find_index(slide)
        for address in self.own[name].list_tiles():
            found["aligned" if index is not None and index.has(*address) else "other"].append(address)
        return {kind: shuffle_tiles(addresses)[:4000] for kind, addresses in found.items() if addresses}

    def list_peer_paths(self, name: str, addresses: list, grid: Grid, who: str) -> list[str]:
        """The peer's tiles that show the middles of the product's."""
        own, paths = self.own[name].zoom, []
        large_image_top = max(0, math.ceil(math.log2(max(own.width, own.height) / own.tile_size)))  # its finest level
        for address in addresses:
            box = own.tile_box(*address)
            x_l0, y_l0 = box.x_l0 + box.width * box.downsample / 2, box.y_l0 + box.height * box.downsample / 2
            level, column, row = grid.find_tile(x_l0, y_l0, address[0])
            if who == "large-image":
                level -= len(own.levels) - 1 - large_image_top
            if level >= 0:
                paths.append(grid.tile_path(level, column, row))
        return paths

    def measure_rates(self) -> None:
        """Tiles per second of both classes, of everybody in turn, nothing cached by the product."""
        with ExitStack() as running:
            site = self.warm_up(running.enter_context(self.product.serve(0)))
            peers = {who: running.enter_context(serve_peer(app, self.paths)) for who, app in PEERS.items()}
            for name in self.paths:
                for kind, addresses in self.sort_tiles(name).items():
                    asked = [self.own[name].tile_path(*address) for address in addresses]
                    self.record_result("MitoWeb", name, kind, as_fast_as_it_goes(site, asked, self.seconds))
                    for who, server in peers.items():
                        asked = self.list_peer_paths(name, addresses, self.peer_grid(name, who), who)
                        as_fast_as_it_goes(Site(server.port), asked[:20], 0.3)
                        self.record_result(who, name, kind, as_fast_as_it_goes(Site(server.port), asked, self.seconds))

    def measure_sessions(self) -> None:
        """One viewer in a hurry on slides that nobody has opened, then many at their pace."""
        slide = list(self.paths)[-1]
        with self.product.serve(CACHE_BYTES) as server, serve_peer(PEERS[PEER], self.paths) as other:
            sites = {"MitoWeb": (self.warm_up(server), lambda name: self.own[name])}
            sites[PEER] = (Site(other.port), lambda name: self.peer_grid(name, PEER))
            for name in self.paths:
                for who, (site, grid) in sites.items():
                    self.record_result(who, name, "session", step_by_step(site, grid(name).list_looks()))
            for who, (site, grid) in sites.items():
                ways, before = [grid(slide).replay_way(*shift) for shift in list_shifts()], measure_memory_mb(server)
                self.record_result(
                    who, slide, "p95", at_their_pace(site, ways), memory_mb=[before, measure_memory_mb(server)]
                )

    def measure_passthrough(self) -> None:
        """The same bytes from the slide's file by its index, and as files of the cache."""
        from slides.files import tile_cache
        from slides.tiles import pictures

        name = list(self.paths)[0 if len(self.paths) == 1 else 1]
        addresses = self.sort_tiles(name)["aligned"]
        plain = self.product.take_in(f"{name} as files", self.paths[name], with_index=False)
        for address in addresses:
            body = pictures.get_native_tile(self.product.slides[name], *address)
            tile_cache.write_tile(plain.pk, tile_cache.tile_path(plain, *address), body)
        grid = self.own_grid(plain)
        with self.product.serve(CACHE_BYTES) as server:
            site = self.warm_up(server)
            for kind, asked in (("passthrough", self.own[name]), ("as files", grid)):
                paths = [asked.tile_path(*address) for address in addresses]
                as_fast_as_it_goes(site, paths, 0.5)
                self.record_result("MitoWeb", name, kind, as_fast_as_it_goes(site, paths, self.seconds))

    def measure_many_slides(self) -> None:
        """200 slides in turn, a tile sent and a tile decoded of each: files open and memory afterwards."""
        slides = [self.product.take_in_again(f"copy {number}") for number in range(MOST_SLIDES)]
        with self.product.serve(0) as server:
            site, handles, megabytes = self.warm_up(server), [], []
            for number, slide in enumerate(slides, start=1):
                grid = self.own_grid(slide)
                top = len(grid.zoom.levels) - 1
                columns, rows = grid.zoom.tiles(top)
                step_by_step(site, [[grid.tile_path(top, 0, 0), grid.tile_path(top, columns - 1, rows - 1)]])
                if number % 50 == 0:
                    handles.append(count_open_files(server))
                    megabytes.append(measure_memory_mb(server))
        row = {"who": "MitoWeb", "slide": f"{MOST_SLIDES} slides", "kind": "many", "open_files": handles}
        self.rows.append(row | {"memory_mb": megabytes})
        print(f"many         {MOST_SLIDES} slides: files open in one process {handles}, MB of each worker {megabytes}")

    def measure_beside(self) -> None:
        """How much viewers and an analysis slow each other."""
        viewed = [self.own[list(self.paths)[-1]].replay_way(*shift) for shift in list_shifts()]
        row = measure_beside(self.product, self.product.slides[next(iter(self.paths))], viewed, CACHE_BYTES)
        self.rows.append(row)
        print(row, flush=True)

    def warm_up(self, server: Server) -> Site:
        """Both workers have their decoders running and know the session, as a server has that is in use."""
        site, first = Site(server.port, self.product.headers), self.own[next(iter(self.paths))]
        top = len(first.zoom.levels) - 1
        columns, rows = first.zoom.tiles(top)
        as_fast_as_it_goes(site, [first.tile_path(top, columns - 1, row) for row in range(rows)], 1.5, connections=32)
        return site

    def record_result(self, who: str, slide: str, kind: str, result: Result, **more: object) -> None:
        """Keep and print one measurement."""
        row = {"who": who, "slide": slide, "kind": kind, "per_s": round(result.per_s, 1), "failed": result.failed}
        row |= {"seconds": round(result.seconds, 3), "tiles": len(result.latency_s), "p95_s": round(result.p95_s, 4)}
        self.rows.append(row | more)
        print("{kind:12} {slide:26.26} {who:22} {per_s:8.0f}/s {seconds:7.2f} s  p95 {p95_s:7.4f} s  failed {failed}"
              .format(**row), flush=True)  # fmt: skip

    def compare_to_peer(
        self, kind: str, key: str, upside_down: bool = False, other: tuple[str, str] | None = None
    ) -> float | None:
        """The product against the OpenSlide peer: the geometric mean over the slides. None where requests failed."""
        who, other_kind = other or (PEER, kind)
        found = []
        for row in self.rows:
            if (row["who"], row["kind"]) == ("MitoWeb", kind):
                if row["failed"]:  # a quick refusal is not a quick tile
                    return None
                against = [r for r in self.rows if (r["who"], r["kind"], r["slide"]) == (who, other_kind, row["slide"])]
                found += [(each[key] / row[key] if upside_down else row[key] / each[key]) for each in against]
        return round(math.exp(sum(map(math.log, found)) / len(found)), 3) if found else None


def list_shifts() -> list[tuple[float, float]]:
    """Where on the slide each viewer goes its way."""
    return [(0.3 * (viewer % 8) / 8, 0.3 * (viewer // 8) / 4) for viewer in range(VIEWERS)]


def measure_memory_mb(server: Server) -> list[float]:
    """MB of each web worker, shared pages in part, without its decoders."""
    return [round(w.memory_full_info().pss / 2**20, 1) for w in psutil.Process(server.process.pid).children()]


def count_open_files(server: Server) -> int:
    """The most files that one process of the server holds open."""
    return max(each.num_fds() for each in psutil.Process(server.process.pid).children(recursive=True))


def summarise_ratios(bench: TileBenchmark) -> dict:
    """What is promised; above 1 is better than the peer, except p95_ratio."""
    return {
        "aligned_ratio": bench.compare_to_peer("aligned", "per_s"),
        "aligned_ratio_same_grid": bench.compare_to_peer("aligned", "per_s", other=("OpenSlide, same grid", "aligned")),
        "aligned_ratio_large_image": bench.compare_to_peer("aligned", "per_s", other=("large-image", "aligned")),
        "other_ratio": bench.compare_to_peer("other", "per_s"),
        "other_ratio_large_image": bench.compare_to_peer("other", "per_s", other=("large-image", "other")),
        "session_ratio": bench.compare_to_peer("session", "seconds", upside_down=True),
        "p95_ratio": bench.compare_to_peer("p95", "p95_s"),
        "passthrough_ratio": bench.compare_to_peer("passthrough", "per_s", other=("MitoWeb", "as files")),
    }


def add_earlier_rows(rows: list[dict]) -> list[dict]:
    """The rows, after those of an earlier run that are of parts not measured now."""
    measured = {row["kind"] for row in rows}
    earlier = json.loads(RESULT.read_text()).get("rows", []) if RESULT.is_file() else []
    return [row for row in earlier if row["kind"] not in measured] + rows


def main() -> None:
    """Measure, print a table, keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--data", type=Path, default=PROJECT_ROOT.parent / "shared" / "data")
    parser.add_argument("--slides", type=Path, default=PROJECT_ROOT / "var" / "bench" / "slides")
    parser.add_argument("--only", choices=PARTS, nargs="*")
    options = parser.parse_args()
    paths = gather_slides(options.slides, options.data)
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder:
        product = Product(Path(folder))
        try:
            bench = TileBenchmark(product, paths, options.seconds)
            for part in options.only or PARTS:
                getattr(bench, f"measure_{part}")()
        finally:
            product.close()
    bench.rows = add_earlier_rows(bench.rows)
    ratios = summarise_ratios(bench)
    for name, value in ratios.items():
        print(f"{name:28} {value}")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"cpus": os.cpu_count(), **ratios, "rows": bench.rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
