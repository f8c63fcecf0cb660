"""Metrics that no other part of the pipeline writes: what the data hold, what the normaliser does, cost and speed."""

import csv
import hashlib
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.lab import calibrate, evaluate, release
from analysis.lab.datasets import crops, mitos14
from analysis.lab.datasets import frames as labelled
from analysis.lab.datasets.check import check_labels
from analysis.lab.datasets.copies import with_copies
from analysis.lab.evaluate import patch_metrics, turns
from analysis.lab.evaluate.patches import best_margin, pool_patches
from analysis.lab.finder.dense import recall_in_dense_fields
from analysis.lab.hardness import load_run
from analysis.lab.normalise import training
from analysis.lab.reproduce.chain import Chain
from analysis.lab.reproduce.plan import Fold
from analysis.lab.train import TrainConfig
from analysis.lab.train.validation import patch_scores
from analysis.pipeline.cards.card import Elsewhere
from analysis.pipeline.cards.store import Model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide

CROP_GROUPS = {"midog21": "scanner", "midogpp": "subtype", "midogpp_more": "subtype", "tupac16_crops": "hospital"}
MODES = ("candidates", "grid")
ROUNDS = 2
# The floor of goals.json: below it slides of scanners that were not trained on are marked.
LEAST_F1_ELSEWHERE = 0.6
# 1.9 mm².
AREA_FRAMES = 15


def data_metrics(data: Path) -> dict:
    """Labels at hand, by slide and source, with the SHA-256 of their files and what their check says."""
    manifests, found_crops = labelled.labels_of(data, labelled.TRAINING_SLIDES), {}
    for name, column in CROP_GROUPS.items():
        manifests.append(crops.labels_file(data, name))
        with manifests[-1].open(newline="") as file:
            rows = list(csv.DictReader(file))
        by_group = dict(sorted(Counter(row[column] for row in rows).items()))
        found_crops[name] = {"crops": len(rows), f"by_{column}": by_group}
    return {
        **{each.name: _count_labels(data, each) for each in labelled.FRAME_SETS},
        **found_crops,
        "files": {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in manifests},
        "check_of_mitos14": check_labels(mitos14.labels_file(data)).as_json()["counts"],
    }


def _count_labels(data: Path, frames: labelled.FrameSet) -> dict:
    """Frames and labels of each slide of a data set, and of its training slides together."""
    slides = {}
    for name in (*frames.slides, *frames.validation):
        found = frames.labelled_frames(data, (name,))
        slides[name] = {
            "frames": len(found),
            "mitoses": sum(len(frame.mitoses) for frame in found),
            "look_alikes": sum(len(frame.look_alikes) for frame in found),
        }
    trained = [slides[name] for name in frames.slides]
    return {"slides": slides, "training": {key: sum(row[key] for row in trained) for key in trained[0]}}


def normaliser_metrics(data: Path, slides: int) -> dict:
    """StainNet against its teacher on tissue that neither was fitted to: a profile of the other slides, and a net
    fitted to each slide; differences in levels of 255.
    """
    sample = training.sample_of("mitos14", data)
    rows = training.compare_profiles(sample, slides)
    taught = training.teach_profile(sample)
    kinds = ("unchanged", "profile", "fitted")
    return {
        "protocol": "mitos14 training slides; mean absolute difference to each slide's own teacher in levels of 255",
        "source": sample.counts,
        "profile": asdict(taught.quality) | {"teacher": taught.teacher},
        "slides": {row.slide: {kind: round(getattr(row, kind), 3) for kind in kinds} for row in rows},
        "slides_apart": {kind: round(training.spread_between_slides(rows, kind), 3) for kind in kinds},
    }


def fold_model(chain: Chain, fold: Fold) -> Model:
    """A fold's networks, not calibrated."""
    plan = chain.plan
    run, finder = chain.runs / fold.hybrid.name, chain.runs / fold.finder.name
    return release.model_of_run(run, finder, plan.use, plan.normaliser, plan.nuclei_share, plan.views)


def quarter_turns(chain: Chain, left_out: Sequence[Path]) -> dict:
    """How far a turn moves the probabilities of each fold's networks on the slides that they have not seen."""
    frames, plan = evaluate.load_left_out(left_out), chain.plan
    calibration = calibrate.fit_calibration(*evaluate.margins_and_truth(frames))
    levels = {frame.slide: frame.level or 0.0 for frame in frames}
    found: list[tuple[np.ndarray, float]] = []
    turned: list[np.ndarray] = []
    for fold in plan.folds:
        model = fold_model(chain, fold)
        sides = turns.side_margins(model, chain.data, fold.slides)
        found += [(margins, levels[slide]) for slide, margins in sides]
        turned += turns.turned_slides(model, chain.data, fold.slides, calibration, levels)
    return turns.turn_metrics(found, calibration, evaluate.best_threshold(frames, calibration), plan.views, turned)


def release_model(chain: Chain, left_out: list[Path]) -> None:
    """The final networks as a model version."""
    measured = json.loads((chain.metrics_folder / "turns.json").read_text())
    plan = chain.plan
    run, finder = chain.runs / plan.final.name, chain.runs / plan.finder.name
    release.release_version(
        plan.name,
        run,
        left_out,
        chain.weights,
        plan.notes,
        finder,
        plan.use,
        normaliser=plan.normaliser,
        least_fit=plan.least_fit,
        views=plan.views,
        measured={"turns": measured},
        elsewhere=left_out_elsewhere(chain),
        meant_for=measured_tumours(chain.plan.final),
    )


def left_out_elsewhere(chain: Chain) -> Elsewhere | None:
    """How good such networks are on a scanner that they have not seen, None where no run says."""
    if chain.plan.scanner is None:
        return None
    metrics = json.loads((chain.metrics_folder / "scanner.json").read_text())
    return Elsewhere(trained_scanners(chain.plan.final), metrics["detection"]["f1"], LEAST_F1_ELSEWHERE)


def measured_tumours(config: TrainConfig) -> tuple[str, ...]:
    """The tumours of the whole frames, which alone say how good it is; crops hold more kinds and say nothing of it."""
    return tuple(sorted({each.tumour for each in labelled.FRAME_SETS if set(each.slides) & set(config.slides)}))


def trained_scanners(config: TrainConfig) -> tuple[str, ...]:
    """The scanners of the frames and crops that a run sees, as far as the data name them."""
    of_frames = {each.scanner for each in labelled.FRAME_SETS if set(each.slides) & set(config.slides)}
    of_crops = {crops.known_scanner(name) for name in crops.SCANNER_MPP} if crops.MIDOG21 in config.crops else set()
    return tuple(sorted(of_frames | of_crops))


def dense_metrics(chain: Chain) -> dict:
    """What each fold's first stage still finds when its own left-out mitoses are put among dense nuclei."""
    slides, threshold = {}, chain.plan.use.threshold
    for fold in chain.plan.folds:
        network = load_run(chain.runs / fold.finder.name)
        for source in labelled.load_slides(chain.data, fold.slides):
            slides[source.name] = asdict(recall_in_dense_fields(network, source, threshold))
    found, mitoses = (sum(row[key] for row in slides.values()) for key in ("found", "mitoses"))
    return {
        "protocol": "each left-out mitosis in a field of 80 um of its slide's densest neighbourhoods; within 7.5 um",
        "slides": slides,
        "recall": round(found / mitoses, 4),
    }


def alone_metrics(chain: Chain) -> dict:
    """Patch metrics of the second network by itself on the slides that it has not seen: what the paper has is one
    network. At the margin that is best on these very windows, and at the more likely class.
    """
    frames = []
    for fold in chain.plan.folds:
        model = fold_model(chain, fold)
        for source in labelled.load_slides(chain.data, fold.slides):
            if model.card.normaliser != "none":
                source = replace(source, images=with_copies(source, model.card.normaliser).copies)
            frames += patch_scores(model.network, source, model.card.patch_px)
    return {
        "protocol": "patch figures at 29 % mitoses on left-out slides, pooled; the second network without the first "
        "stage's logit and without the slide's own nuclei",
        "best_margin": patch_metrics(frames, margin=best_margin(pool_patches(frames))),
        "more_likely_class": patch_metrics(frames),
    }


def cost_metrics(chain: Chain) -> dict:
    """Seconds of training by run, as the runs say."""
    plan = chain.plan
    runs = {}
    for name in [config.name for config in plan.finders] + [config.name for config in plan.hybrids]:
        facts = json.loads((chain.runs / name / "run.json").read_text())
        runs[name] = {"seconds": facts["seconds"], "data_sha256": facts["data_sha256"]}
    total = sum(row["seconds"] for row in runs.values())
    return {"runs": runs, "seconds": total, "hours": round(total / 3600, 2)}


def speed_metrics(model: Model, data: Path) -> dict:
    """Seconds per mm² of both modes on each training slide, on about the area that a pathologist counts in, modes
    taking turns; the faster of two rounds each. What is measured once for a slide then has its usual share.
    """
    rows = {}
    for name in model_slides(model):
        frames = labelled.labelled_frames(data, (name,))[:AREA_FRAMES]
        with tempfile.TemporaryDirectory() as folder:
            slide = _side_by_side(frames, Path(folder))
            timed = [(mode, _time_mode(model, slide, mode, frames[0].mpp)) for _ in range(ROUNDS) for mode in MODES]
        best = {mode: min(found for at, (found, _) in timed if at == mode) for mode in MODES}
        rows[name] = {f"{mode}_s_per_mm2": round(seconds, 3) for mode, seconds in best.items()}
        rows[name]["candidates_over_grid"] = best["candidates"] / best["grid"]
        rows[name]["candidates_per_mm2"] = round(timed[0][1][1], 1)
    ratios = [row["candidates_over_grid"] for row in rows.values()]
    return {
        "protocol": f"up to {AREA_FRAMES} frames of each slide side by side, modes in turns, fastest of {ROUNDS}; the "
        "ratio is the geometric mean of the slides'",
        "slides": rows,
        "candidates_over_grid": math.exp(np.mean(np.log(ratios))),
        "worst_candidates_over_grid": max(ratios),
    }


def _side_by_side(frames: list[labelled.Frame], folder: Path) -> Path:
    """The frames in rows of five, cut to one size, as one picture; the last row may end in white."""
    pictures = [labelled.read_rgb(frame.path) for frame in frames]
    height, width = np.min([picture.shape[:2] for picture in pictures], axis=0)
    columns, rows = min(5, len(pictures)), math.ceil(len(pictures) / 5)
    whole = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // columns * height, number % columns * width
        whole[y : y + height, x : x + width] = picture[:height, :width]
    path = folder / "area.tif"
    Image.fromarray(whole).save(path)
    return path


def model_slides(model: Model) -> tuple[str, ...]:
    return tuple(model.card.training["config"]["slides"])


def _time_mode(model: Model, slide: Path, mode: str, mpp: float) -> tuple[float, float]:
    """Seconds per mm² of tissue in a mode, and the places scored per mm²."""
    settings = Settings(mpp, mpp, mode=mode, normaliser=model.card.normaliser)
    with open_slide(slide) as reader:
        detector = Detector(model, settings)
        started = time.perf_counter()
        work = plan_work(reader, settings, model.card)
        places = sum(len(found.candidates_l0) for found in detector.detect_tiles(reader, work, work.tiles))
        return (time.perf_counter() - started) / work.area_mm2, places / work.area_mm2
