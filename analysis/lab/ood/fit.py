"""Fits the limits on the training slides: whole frames of all scanners as the smallest thing that people analyse,
and the crops of each slide of MIDOG 2021 for the colours of three more scanners. Slide H05 is never read.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from analysis.lab.datasets import MITOSIS, MODEL_MPP, NUCLEUS
from analysis.lab.datasets import frames as labelled
from analysis.lab.datasets.crops import SCANNER_MPP, is_padded, load_crops
from analysis.lab.datasets.sampler import plain_windows
from analysis.pipeline.cards.card import Card
from analysis.pipeline.cards.store import Model
from analysis.pipeline.engines import open_engine
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.ood import measures
from analysis.pipeline.ood.check import Found, stain_measures
from analysis.pipeline.ood.features import Gaussian
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.sample import sample_of
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.slide_grid import half_scale
from analysis.pipeline.spread import spread_evenly
from slides.wsi.reader import open_slide

FRAMES_PER_SLIDE, SCORED_FRAMES_PER_SLIDE = 16, 6
# Crops of a slide are joined into pieces of about the size that is cut from a whole slide.
CROPS_PER_PIECE, MIN_CROPS = 16, 8
PLACES_PER_FRAME, WINDOWS_PER_GROUP = 48, 150
PERCENTILES = (1, 99)

Say = Callable[[str], None]


def fit_slides(card: Card, data: Path) -> SlideLimits:
    """The limits of what a picture shows. Raises FileNotFoundError when the data folder lacks the training slides."""
    frames, slides = list(frame_pieces(card, data)), list(crop_pieces(data))
    fitted_on = f"{len(frames)} frames of {', '.join(labelled.TRAINING_SLIDES)}"
    return slide_limits(frames + slides, f"{fitted_on} and the crops of {len(slides)} slides (MIDOG 2021)")


def slide_limits(units: list[list[np.ndarray]], fitted_on: str) -> SlideLimits:
    """Limits of units, each the pieces of one frame or slide at 0.5 µm/px, uint8 (h, w, 3)."""
    stains = [found[0] for found in map(measures.stains_of, units) if found is not None]
    if not stains:
        raise PipelineRefused("None of the training slides shows two stains; limits cannot be fitted.")
    middle = np.mean(stains, axis=0)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    rows = [measures.of_pieces(unit) | stain_measures(unit, middle) for unit in units]
    sharpness = np.concatenate([measures.sharpness_of(unit) for unit in units])
    return SlideLimits(
        fitted_on,
        {name: _range_of([row[name] for row in rows]) for name in rows[0]},
        tuple(tuple(map(float, stain)) for stain in middle),
        float(np.percentile(sharpness, PERCENTILES[0])),
    )


def fit_network(model: Model, data: Path, say: Say) -> NetworkLimits:
    """The limits of what a network does; scores some frames of each training slide and windows of the crops."""
    rows, features = [], crop_features(model, data)
    found = chosen_frames(data, SCORED_FRAMES_PER_SLIDE)
    for number, frame in enumerate(found, 1):
        measured, of_frame = score_frame(frame, model)
        rows.append(measured)
        features.setdefault(frame.slide, []).append(of_frame)
        if number % 10 == 0:
            say(f"{number} of {len(found)} frames scored")
    return network_limits(model, rows, join_features(features), f"{len(found)} frames and MIDOG crops")


def join_features(features: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Features of each slide or source as one array (n, d); sources without any are left out."""
    return {name: np.concatenate(parts) for name, parts in features.items() if sum(map(len, parts))}


def network_limits(model: Model, rows: list[dict], features: dict[str, np.ndarray], fitted_on: str) -> NetworkLimits:
    """Limits of frames' measures and of candidates' features, (n, d) of each slide or source.

    All features set the Gaussian. How far is `far` is read from each slide against a Gaussian of the others, since a
    slide lies nearer to itself than any new one will.
    """
    scored = sum(row["candidates"] for row in rows)
    return NetworkLimits(
        model.name,
        model.sha256,
        fitted_on,
        {name: _range_of([row[name] for row in rows]) for name in ("candidates_per_mm2", "mitoses_per_mm2")},
        sum(row["unsure"] for row in rows) / max(1, scored),
        Gaussian.fitted(np.concatenate(list(features.values()))),
        float(np.percentile(_distances_to_others(features), PERCENTILES[1])),
    )


def _distances_to_others(features: dict[str, np.ndarray]) -> np.ndarray:
    if len(features) < 2:
        raise PipelineRefused("Limits of a network need candidates of at least two slides or sources.")
    return np.concatenate(
        [
            Gaussian.fitted(np.concatenate([f for other, f in features.items() if other != name])).distance(own)
            for name, own in features.items()
        ]
    )


def _range_of(values: list[float | None]) -> tuple[float, float]:
    low, high = np.percentile([value for value in values if value is not None], PERCENTILES)
    return float(low), float(high)


def chosen_frames(data: Path, per_slide: int, slides: Sequence[str] = labelled.TRAINING_SLIDES) -> list[labelled.Frame]:
    found = [labelled.labelled_frames(data, (slide,)) for slide in slides]
    return [frames[i] for frames in found for i in spread_evenly(len(frames), per_slide)]


def frame_pieces(
    card: Card, data: Path, slides: Sequence[str] = labelled.TRAINING_SLIDES
) -> Iterator[list[np.ndarray]]:
    """Pieces of frames of each training slide, cut as from a slide."""
    for frame in chosen_frames(data, FRAMES_PER_SLIDE, slides):
        settings = Settings(frame.mpp, frame.mpp)
        with open_slide(frame.path) as reader:
            yield sample_of(reader, settings, plan_work(reader, settings, card)).pieces


def crop_pieces(data: Path) -> Iterator[list[np.ndarray]]:
    """The crops of each slide of MIDOG 2021 that has enough of them, joined into pieces of 16."""
    by_slide: dict[str, list[np.ndarray]] = {}
    with (data / "midog21" / "manifest.csv").open(newline="") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: row["file"]):
            rgb = labelled.read_rgb(data / "midog21" / "patches" / row["file"])
            if not is_padded(rgb):
                side = round(len(rgb) * SCANNER_MPP[row["scanner"]] / MODEL_MPP)
                at_scale = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
                by_slide.setdefault(row["slide"], []).append(half_scale(at_scale))
    for crops in by_slide.values():
        if len(crops) >= MIN_CROPS:
            # In one row: what is measured adds up over pixels, and seams are few beside them.
            yield [np.hstack(crops[i : i + CROPS_PER_PIECE]) for i in range(0, len(crops), CROPS_PER_PIECE)]


def score_frame(frame: labelled.Frame, model: Model) -> tuple[dict, np.ndarray]:
    """What a run on one frame finds, and the features of its candidates."""
    settings = Settings(frame.mpp, frame.mpp, normaliser=model.card.normaliser)
    with open_slide(frame.path) as reader:
        detector, work = Detector(model, settings), plan_work(reader, settings, model.card)
        found = Found.of(list(detector.detect_tiles(reader, work, work.tiles)))
        area = work.area_mm2
        row: dict[str, float] = {"candidates": found.candidates, "unsure": found.unsure}
        row |= {"candidates_per_mm2": found.candidates / area, "mitoses_per_mm2": found.mitoses / area}
        places = found.places_l0[spread_evenly(len(found.places_l0), PLACES_PER_FRAME)]
        return row, detector.features_at(reader, work, places)


def crop_features(model: Model, data: Path) -> dict[str, list[np.ndarray]]:
    """Features of mitoses and other nuclei of the crops of each scanner: lists of float32 (n, d)."""
    engine = open_engine(model)
    found: dict[str, list[np.ndarray]] = {}
    for source in [*load_crops(data, "midog21"), *load_crops(data, "midogpp")]:
        for group in (MITOSIS, NUCLEUS):
            points = source.points[group][spread_evenly(len(source.points[group]), WINDOWS_PER_GROUP)]
            windows = plain_windows(source, points, model.card.patch_px)
            found.setdefault(source.name, []).append(engine.score(windows)[1])
    return found
