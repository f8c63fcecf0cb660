"""How long detection takes, and on what: patches per second, seconds per mm², each mode.

    python benchmarks/bench_detect.py SLIDE [--mpp F] [--model NAME_OR_PATH] [--modes candidates grid]

Prints one line of JSON per mode. Times are this machine's, alone or not: say so where they are quoted.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from analysis.commands.detect import pixel_size
from analysis.pipeline.cards.store import find_model, list_models, load_model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path)
    parser.add_argument("--mpp", type=float)
    parser.add_argument("--model")
    parser.add_argument("--modes", nargs="+", default=["candidates", "grid"])
    arguments = parser.parse_args()
    model = load_model(find_model(arguments.model) if arguments.model else list_models()[-1].path)
    for mode in arguments.modes:
        print(json.dumps(measure_mode(arguments.slide, arguments.mpp, model, mode)))


def measure_mode(path: Path, mpp: float | None, model, mode: str) -> dict:
    """One run over the whole slide."""
    with open_slide(path) as reader:
        mpp_x, mpp_y, _ = pixel_size(reader, mpp)
        settings = Settings(mpp_x, mpp_y, mode=mode)
        detector = Detector(model, settings)
        started = time.perf_counter()
        work = plan_work(reader, settings, model.card)
        planned = time.perf_counter()
        results = [detector.detect_tile(reader, work, tile) for tile in work.tiles]
        seconds = time.perf_counter() - started
    detections = [found for result in results for found in result.detections]
    return {
        "slide": path.name,
        "mode": mode,
        "model": model.name,
        "device": detector.device,
        "area_mm2": round(work.area_mm2, 3),
        "seconds": round(seconds, 2),
        "seconds_plan": round(planned - started, 2),
        "seconds_per_mm2": round(seconds / work.area_mm2, 2) if work.area_mm2 else None,
        "candidates": sum(len(result.candidates_l0) for result in results),
        "detections": len(detections),
        "mitoses": sum(found.mitosis for found in detections),
        "patches_per_second": round(measure_patches_per_s(detector, model.card.patch_px)),
    }


def measure_patches_per_s(detector: Detector, px: int, count: int = 256) -> float:
    """Of the network alone, noise patches."""
    patches = np.random.default_rng(0).integers(0, 255, (count, px, px, 3)).astype(np.uint8)
    started = time.perf_counter()
    detector._scorer.margins(patches)
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
