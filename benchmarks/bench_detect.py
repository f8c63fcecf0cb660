"""How long detection takes per mm², in each number format and beside peers: `make bench-detect`.

    python -m benchmarks.bench_detect [--data DIR] [--model NAME] [--areas 0.13 2 8.7 15 glass] [--threads N] [SLIDE]

Writes var/bench/detect.json. Peers run in the same run on the same pixels and threads, each in its best number format,
in turn with this detector and again, and of each the least time counts: so the ratios say something on a busy machine
too, as `cpu_seconds_per_mm2` does by itself. With a SLIDE that one alone is timed, in each mode.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from analysis.commands.common import DATA_DEFAULT
from analysis.commands.detect import pixel_size
from analysis.pipeline.cards.store import Model, find_model, list_models, load_model
from analysis.pipeline.engines.devices import count_threads, has_bfloat16
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from benchmarks.bench_detect_arithmetic import count_macs, measure_peak
from benchmarks.bench_detect_peers import time_first_release, time_retinanet
from benchmarks.bench_detect_slides import LAYOUTS, make_slide
from slides.wsi.reader import open_slide

BENCH = Path(__file__).resolve().parents[1] / "var" / "bench"
COMPARED = "8.7"
CLEAR_REFS = Path("/proc/self/clear_refs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, nargs="?")
    parser.add_argument("--mpp", type=float)
    parser.add_argument("--model")
    parser.add_argument("--modes", nargs="+", default=["candidates", "grid"])
    parser.add_argument("--areas", nargs="+", choices=LAYOUTS, default=list(LAYOUTS), help="of slides made for this")
    parser.add_argument("--compared", choices=LAYOUTS, default=COMPARED, help="on which peers are timed")
    parser.add_argument("--data", type=Path, default=Path(DATA_DEFAULT))
    parser.add_argument("--rounds", type=int, default=2, help="of this detector and its peers in turn")
    parser.add_argument("--threads", type=int, default=0, help="default: all")
    arguments = parser.parse_args()
    model = load_model(find_model(arguments.model) if arguments.model else list_models()[-1].path)
    if arguments.slide:
        for mode in arguments.modes:
            print(json.dumps(measure(arguments.slide, model, "auto", arguments.threads, mode, arguments.mpp)))
        return
    report = measure_all(model, arguments)
    BENCH.mkdir(parents=True, exist_ok=True)
    (BENCH / "detect.json").write_text(json.dumps(report, indent=1) + "\n")
    print_table(report)


def measure_all(model: Model, arguments: argparse.Namespace) -> dict:
    """All that the file says; `by_area` in the quickest format, `by_format` and the peers on one slide."""
    threads = count_threads(arguments.threads)
    made = {area: make_slide(area, arguments.data, BENCH / "slides") for area in {*arguments.areas, arguments.compared}}
    formats = [name for name in model.card.formats if has_bfloat16() or "bfloat16" not in name]
    path, tissue = made[arguments.compared]
    by_format = {name: measure(path, model, f"cpu:{name}", threads) for name in formats}
    best = min(by_format, key=lambda name: by_format[name]["cpu_seconds_per_mm2"])
    rounds = [measure_round(path, model, best, threads) for _ in range(arguments.rounds)]
    ours, grid, first, retinanet = (pick_least([of[name] for of in rounds]) for name in rounds[0])
    by_area = {area: measure(made[area][0], model, f"cpu:{best}", threads) for area in arguments.areas}
    peers = {"retinanet": retinanet, "grid": grid, "first_release": first}
    return {
        "model": model.name, "threads": threads, "tissue": tissue, "area_mm2": ours["area_mm2"],
        "number_format": best, "seconds_per_mm2": ours["seconds_per_mm2"],
        "cpu_seconds_per_mm2": ours["cpu_seconds_per_mm2"],
        **{f"ratio_to_{name}": divide_times(ours, peer) for name, peer in peers.items()},
        "ratios_of_cpu_time": {name: divide_times(ours, peer, "cpu_seconds_per_mm2") for name, peer in peers.items()},
        "by_area": by_area, "by_format": by_format, "peers": peers, "rounds": rounds,
        "arithmetic": report_arithmetic(model, ours, best, threads),
    }  # fmt: skip


def measure_round(path: Path, model: Model, number_format: str, threads: int) -> dict[str, dict]:
    """This detector and its peers, one after the other."""
    found = {
        "ours": measure(path, model, f"cpu:{number_format}", threads),
        "grid": measure(path, model, f"cpu:{number_format}", threads, "grid"),
    }
    found["first_release"] = time_first_release(path, model, threads)
    found["retinanet"] = pick_least(time_retinanet(path, threads))
    for name in ("first_release", "retinanet"):
        say(f"{path.stem}, {name}: {found[name]['seconds_per_mm2']:.2f} s/mm²")
    return found


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def pick_least(rows: list[dict]) -> dict:
    return min(rows, key=lambda row: row["seconds_per_mm2"])


def divide_times(ours: dict, peer: dict, of: str = "seconds_per_mm2") -> float:
    return round(ours[of] / peer[of], 3)


def report_arithmetic(model: Model, ours: dict, number_format: str, threads: int) -> dict:
    """Multiply-accumulates per mm², and which share of what a matrix product reaches the whole run came to."""
    macs = count_macs(model)
    patches = ours["patches_scored"] / ours["area_mm2"] * macs["patch"]
    finder = ours["finder_px"] / ours["area_mm2"] * macs["finder_px"]
    is_coarse = has_bfloat16() and not number_format.endswith("float32")  # int8 is told of bfloat16's peak, too
    peak = measure_peak(threads, "bf16" if is_coarse else "f32")
    return {
        "macs_per_patch": macs["patch"], "macs_per_mm2": patches + finder,
        "macs_per_mm2_of_network": patches, "macs_per_mm2_of_finder": finder,
        "peak_macs_per_second": peak, "share_of_peak": (patches + finder) / ours["seconds_per_mm2"] / peak,
    }  # fmt: skip


def measure(
    path: Path, model: Model, device: str, threads: int, mode: str = "candidates", mpp: float | None = None
) -> dict:
    """One run over a whole slide, the first look included; the model is loaded before."""
    with open_slide(path) as reader:
        mpp_x, mpp_y, _ = pixel_size(reader, mpp)
        settings = Settings(mpp_x, mpp_y, mode=mode)
        detector = Detector(model, settings, device, threads=threads)
        counted = count_asked(detector)
        forget_peak_memory()
        wall, cpu = time.perf_counter(), time.process_time()
        work = plan_work(reader, settings, model.card)
        results = list(detector.detect_tiles(reader, work, work.tiles))
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    detections = [found for result in results for found in result.detections]
    say(f"{path.stem}, {mode}, {detector.device}: {seconds / work.area_mm2:.2f} s/mm²")
    return {
        "slide": path.name, "mode": mode, "model": model.name, "device": detector.device,
        "area_mm2": round(work.area_mm2, 3), "seconds": round(seconds, 2),
        "seconds_per_mm2": round(seconds / work.area_mm2, 3),
        "cpu_seconds_per_mm2": round(cpu_seconds / work.area_mm2, 3),
        "candidates": sum(len(result.candidates_l0) for result in results), "detections": len(detections),
        "mitoses": sum(found.mitosis for found in detections), **counted,
        "peak_memory_mb": peak_memory_mb(),
    }  # fmt: skip


def forget_peak_memory() -> None:
    """Linux counts the most memory of a process anew."""
    CLEAR_REFS.write_text("5")


def peak_memory_mb() -> int:
    """The most that this process has held since the peak was forgotten, what it had loaded before included."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def count_asked(detector: Detector) -> dict[str, int]:
    """How many patches the network and how many pixels the finder are given from now on, counted as they are."""
    counted = {"patches_scored": 0, "finder_px": 0}
    score, map_logits = detector._queue._score, detector._finder.map_logits

    def score_counted(patches):
        batch = detector._queue._batch
        counted["patches_scored"] += -(-len(patches) // batch) * batch
        return score(patches)

    def map_counted(half):
        counted["finder_px"] += half.shape[0] * half.shape[1]
        return map_logits(half)

    detector._queue._score, detector._finder.map_logits = score_counted, map_counted
    return counted


def print_table(report: dict) -> None:
    print(f"{report['model']}, {report['threads']} threads, tissue of {report['tissue']}")
    for title, rows in (("area", report["by_area"]), ("format", report["by_format"])):
        for name, row in rows.items():
            print(f"{title} {name:20} {row['seconds_per_mm2']:7.2f} s/mm²   {row['cpu_seconds_per_mm2']:7.2f} s of CPU")
    for peer in ("retinanet", "grid", "first_release"):
        print(f"ratio to {peer:16} {report[f'ratio_to_{peer}']:7.3f}")
    of = report["arithmetic"]
    print(f"{of['macs_per_mm2'] / 1e9:.0f} GMAC/mm², {of['share_of_peak']:.0%} of what a matrix product reaches")


if __name__ == "__main__":
    main()
