"""What a card's choices of places do to candidates and detections: `python -m benchmarks.candidate_options [MODEL]`.

On slides that the shipped versions have not seen (`compare_formats.SLIDES`, never H05): recall of candidates within
7.5 µm, pooled and on the worst slide, candidates per mm², and detection F1 at the card's own threshold, which was
chosen with the usual places. Writes var/bench/candidates.json.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.commands.common import DATA_DEFAULT
from analysis.commands.detect import chosen_model
from analysis.lab.matching import Score, match, score
from analysis.pipeline.cards.store import Model, load_model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from benchmarks.compare_formats import BENCH, places, read_labels
from slides.wsi.reader import open_slide

OPTIONS: dict[str, dict] = {
    "as shipped": {},
    "the peak": {"place": "peak"},
    "the surer of peak and nucleus": {"place": "surer"},
    "the surer, peaks from 2 µm": {"place": "surer", "peak_um": 2.0},
    "the surer, and middles of pairs to 12 µm": {"place": "surer", "pair_um": 12.0},
    "at least 300 per mm²": {"least_per_mm2": 300.0},
    "at least 600 per mm²": {"least_per_mm2": 600.0},
    "the surer, at least 600 per mm²": {"place": "surer", "least_per_mm2": 600.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data", type=Path, default=Path(DATA_DEFAULT))
    parser.add_argument("--every", type=int, default=1, help="of the frames each so many-th")
    arguments = parser.parse_args()
    model = load_model(chosen_model(arguments.model))
    frames = dict(list(read_labels(arguments.data / "mitos12a").items())[:: arguments.every])
    report = {}
    for name, choices in OPTIONS.items():
        use = replace(model.card.finder, **choices)
        report[name] = measure(replace(model, card=replace(model.card, finder=use)), frames)
        print(f"{name:42} {json.dumps(report[name])}", flush=True)
    BENCH.mkdir(parents=True, exist_ok=True)
    (BENCH / "candidates.json").write_text(json.dumps({"model": model.name, "options": report}, indent=1) + "\n")


def measure(model: Model, frames: dict[Path, tuple[float, np.ndarray]]) -> dict:
    total, found, labelled, count, area = Score(), defaultdict(int), defaultdict(int), 0, 0.0
    for path, (mpp, labels) in frames.items():
        with open_slide(path) as reader:
            settings = Settings(mpp, mpp)
            work = plan_work(reader, settings, model.card)
            results = list(Detector(model, settings, "cpu").detect_tiles(reader, work, work.tiles))
        candidates = np.array([place for result in results for place in result.candidates_l0]).reshape(-1, 2)
        called = places([each for result in results for each in result.detections if each.mitosis])
        found[path.name[:3]] += int((match(labels * mpp, candidates * mpp) >= 0).sum())
        labelled[path.name[:3]] += len(labels)
        total += score(labels * mpp, called * mpp)
        count, area = count + len(candidates), area + work.area_mm2
    return {
        "recall": round(sum(found.values()) / sum(labelled.values()), 4),
        "recall_of_worst_slide": round(min(found[slide] / labelled[slide] for slide in labelled), 4),
        "candidates_per_mm2": round(count / area, 1),
        "f1": round(total.f1, 4), "precision": round(total.precision, 4), "detection_recall": round(total.recall, 4),
    }  # fmt: skip


if __name__ == "__main__":
    main()
