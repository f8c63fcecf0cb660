"""What a version's detections are in each number format beside those of torch in float32: before a card names one.

    python -m benchmarks.compare_formats [MODEL] [--data DIR] [--frames N] [--formats bfloat16 openvino-int8 …]

On whole frames of ICPR 2012 (scanner A, slides A00 to A02; versions from hybrid-0.5 on were trained on them, so their
F1 says nothing of new slides). A flip is a place that is called in one of both and not in the other. Writes
var/bench/formats.json.
"""

import argparse
import csv
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.commands.common import DATA_DEFAULT
from analysis.commands.detect import chosen_model
from analysis.lab.matching import Score, score
from analysis.pipeline.cards.store import Model, load_model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detection, Detector
from slides.wsi.reader import open_slide

BENCH = Path(__file__).resolve().parents[1] / "var" / "bench"
SLIDES = ("A00", "A01", "A02")
# Half of what two detections lie apart at least.
SAME_UM = 3.75
REFERENCE = "float32"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data", type=Path, default=Path(DATA_DEFAULT))
    parser.add_argument("--frames", type=int, default=10_000, help="so many at most")
    parser.add_argument("--formats", nargs="+", help="default: all that the card names")
    arguments = parser.parse_args()
    model = load_model(chosen_model(arguments.model))
    labels = read_labels(arguments.data / "mitos12a")
    frames = dict(list(labels.items())[: arguments.frames])
    names = [REFERENCE, *(name for name in arguments.formats or model.card.formats if name != REFERENCE)]
    # What a card does not name is refused, and here it is asked whether one may.
    model = replace(model, card=replace(model.card, formats=tuple(names)))
    found = {name: analyse_frames(model, frames, name) for name in names}
    rows = {name: compare(model, frames, found[REFERENCE], found[name]) for name in names}
    BENCH.mkdir(parents=True, exist_ok=True)
    report = {"model": model.name, "frames": len(frames), "slides": SLIDES, "by_format": rows}
    (BENCH / "formats.json").write_text(json.dumps(report, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:20} {json.dumps(row)}")


def read_labels(folder: Path) -> dict[Path, tuple[float, np.ndarray]]:
    """Each frame's pixel size and its mitoses (n, 2) in px."""
    found: dict[Path, tuple[float, list]] = {}
    with (folder / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["image"].startswith(SLIDES):
                mpp, points = found.setdefault(folder / "images" / row["image"], (float(row["mpp"]), []))
                if row["label"] == "mitosis":
                    points.append((float(row["x"]), float(row["y"])))
    return {path: (mpp, np.array(points).reshape(-1, 2)) for path, (mpp, points) in found.items()}


def analyse_frames(model: Model, frames: dict[Path, tuple[float, np.ndarray]], number_format: str) -> dict:
    """Detections of each frame and how many candidates it had; CPU seconds of all under `seconds`."""
    found: dict = {}
    began = time.process_time()
    for path, (mpp, _) in frames.items():
        with open_slide(path) as reader:
            settings = Settings(mpp, mpp)
            work = plan_work(reader, settings, model.card)
            results = list(Detector(model, settings, f"cpu:{number_format}").detect_tiles(reader, work, work.tiles))
        detections = [detection for result in results for detection in result.detections]
        found[path] = detections, sum(len(result.candidates_l0) for result in results)
    return {"frames": found, "seconds": time.process_time() - began}


def compare(model: Model, frames: dict[Path, tuple[float, np.ndarray]], reference: dict, other: dict) -> dict:
    total, flips, moved, candidates = Score(), 0, [], 0
    for path, (mpp, labels) in frames.items():
        (one, _), (two, count) = reference["frames"][path], other["frames"][path]
        called = places([found for found in two if found.mitosis])
        total += score(labels * mpp, called * mpp)
        flips += sum(not has_call(found, two, mpp) for found in one if found.mitosis)
        flips += sum(not has_call(found, one, mpp) for found in two if found.mitosis)
        moved += [abs(found.probability - probability_at(found, two, mpp)) for found in one]
        candidates += count
    calls = sum(found.mitosis for detections, _ in reference["frames"].values() for found in detections)
    return {
        "f1": round(total.f1, 4), "precision": round(total.precision, 4), "recall": round(total.recall, 4),
        "flips": flips, "calls_in_float32": calls, "candidates": candidates,
        "mean_change_of_probability": round(float(np.mean(moved)), 4),
        "largest_change_of_probability": round(float(np.max(moved)), 4),
        "cpu_seconds": round(other["seconds"], 1),
    }  # fmt: skip


def places(found: list[Detection]) -> np.ndarray:
    return np.array([(detection.x_l0, detection.y_l0) for detection in found]).reshape(-1, 2)


def nearest(at: Detection, among: list[Detection], mpp: float) -> Detection | None:
    """The one at the same place, if there is one."""
    if not among:
        return None
    away_um = np.hypot(*(places(among) - (at.x_l0, at.y_l0)).T) * mpp
    return among[int(away_um.argmin())] if away_um.min() <= SAME_UM else None


def has_call(at: Detection, among: list[Detection], mpp: float) -> bool:
    there = nearest(at, among, mpp)
    return there is not None and there.mitosis


def probability_at(at: Detection, among: list[Detection], mpp: float) -> float:
    """0 where nothing is kept."""
    there = nearest(at, among, mpp)
    return 0.0 if there is None else there.probability


if __name__ == "__main__":
    main()
