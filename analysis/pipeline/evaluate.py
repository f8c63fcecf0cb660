"""How good a network is, on whole labelled frames it was not trained on.

Two figures under two names. *Detection F1*: the detector on whole frames, 7.5 µm, one-to-one matching, pooled. *Patch
F1*: windows centred on labels, at a stated share of mitoses (29 %, the paper's mix of look-alikes and random nuclei).
They are far apart, and only the first says what a reader will see.
"""

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from analysis.pipeline import matching
from analysis.pipeline.calibrate import Calibration, calibration_error
from analysis.pipeline.classifiers.store import Model
from analysis.pipeline.datasets import EDGE_PX, MODEL_MPP, mitos14, nearest_distance
from analysis.pipeline.matching import Score
from analysis.pipeline.run import Detector, Settings, plan
from slides.wsi.reader import open_slide

log = logging.getLogger(__name__)

EDGE_UM = EDGE_PX * MODEL_MPP
PREVALENCE = 0.29
# The paper's negatives: 2,617 look-alikes and 3,000 random patches.
LOOK_ALIKE_SHARE = 2617 / 5617
RANDOM_PER_FRAME = 12
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class FrameScores:
    """One frame's labels and what a network made of it; places in µm, margins uncalibrated.

    points (n, 2) and margins (n,) of all candidates that the distance rule left; candidates (k, 2) before it; mitoses
    (m, 2); the margins of windows centred on mitoses, look-alikes and random nuclei.
    """

    frame: str
    slide: str
    size_um: tuple[float, float]
    mitoses: np.ndarray
    candidates: np.ndarray
    points: np.ndarray
    margins: np.ndarray
    on_mitoses: np.ndarray
    on_look_alikes: np.ndarray
    on_nuclei: np.ndarray

    def as_json(self) -> dict:
        return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in self.__dict__.items()}

    @classmethod
    def from_json(cls, raw: dict) -> "FrameScores":
        places = {key: np.array(raw[key], float).reshape(-1, 2) for key in ("mitoses", "candidates", "points")}
        margins = {key: np.array(raw[key], float) for key in ("margins", "on_mitoses", "on_look_alikes", "on_nuclei")}
        return cls(raw["frame"], raw["slide"], tuple(raw["size_um"]), **places, **margins)


def score_frames(model: Model, data: Path, slides: tuple[str, ...], normaliser: str = "none") -> list[FrameScores]:
    """Runs the detector over all frames of the slides, without threshold or calibration, in order of their names."""
    plain = replace(model.card, temperature=1.0, bias=0.0, threshold=0.5, floor=0.0)
    model = replace(model, card=plain)
    found = mitos14.frames(data, slides)
    scored = []
    for number, frame in enumerate(found, 1):
        scored.append(_score_frame(model, frame, normaliser))
        if number % 20 == 0:
            log.info("scored %d of %d frames", number, len(found))
    return scored


def _score_frame(model: Model, frame: mitos14.Frame, normaliser: str) -> FrameScores:
    mpp = mitos14.FRAME_MPP
    with open_slide(frame.path) as reader:
        settings = Settings(mpp, mpp, normaliser=normaliser)
        work, detector = plan(reader, settings, model.card), Detector(model, settings)
        tiles = [detector.tile(reader, work, tile) for tile in work.tiles]
        candidates = np.array([place for tile in tiles for place in tile.candidates]).reshape(-1, 2)
        found = [detection for tile in tiles for detection in tile.detections]
        chances = np.array([detection.probability for detection in found]).clip(1e-12, 1 - 1e-12)
        far = candidates[nearest_distance(candidates, frame.mitoses) * mpp > 2 * matching.RADIUS_UM]
        nuclei = far[np.linspace(0, len(far) - 1, min(RANDOM_PER_FRAME, len(far))).astype(int)]
        return FrameScores(
            frame.path.name,
            frame.slide,
            (reader.info.width * mpp, reader.info.height * mpp),
            frame.mitoses * mpp,
            candidates * mpp,
            np.array([(d.x_l0, d.y_l0) for d in found]).reshape(-1, 2) * mpp,
            np.log(chances / (1 - chances)),
            *(detector.margins_at(reader, work, points) for points in (frame.mitoses, frame.look_alikes, nuclei)),
        )


def save_scores(scores: list[FrameScores], path: Path) -> None:
    path.write_text(json.dumps([frame.as_json() for frame in scores]))


def load_scores(path: Path) -> list[FrameScores]:
    return [FrameScores.from_json(raw) for raw in json.loads(path.read_text())]


def is_mitosis(frame: FrameScores) -> np.ndarray:
    """Which of the frame's detections are matched when all count: bool (n,). What calibration is fitted to."""
    taken = matching.match(frame.mitoses, frame.points)
    matched = np.zeros(len(frame.points), bool)
    matched[taken[taken >= 0]] = True
    return matched


def frame_score(frame: FrameScores, kept: np.ndarray, edge_um: float = 0.0) -> Score:
    """Counts for one frame with the detections `kept`; labels and false detections nearer to the edge than `edge_um`
    are left out.
    """
    points = frame.points[kept]
    taken = matching.match(frame.mitoses, points)
    label_counts, point_counts = _inside(frame.mitoses, frame.size_um, edge_um), _inside(points, frame.size_um, edge_um)
    point_counts[taken[taken >= 0]] = False
    tp = int(((taken >= 0) & label_counts).sum())
    return Score(tp, int(point_counts.sum()), int(label_counts.sum()) - tp)


def _inside(points: np.ndarray, size_um: tuple[float, float], edge_um: float) -> np.ndarray:
    return ((points >= edge_um) & (points <= np.array(size_um) - edge_um)).all(axis=1)


def pooled(frames: list[FrameScores], calibration: Calibration, threshold: float, edge_um: float = 0.0) -> Score:
    """Counts over all frames of the detections at or above a calibrated threshold."""
    return sum((frame_score(f, calibration(f.margins) >= threshold, edge_um) for f in frames), Score())


def best_threshold(frames: list[FrameScores], calibration: Calibration) -> float:
    """The threshold of the highest pooled F1, in steps of 0.01 (the lower one at a tie)."""
    steps = np.round(np.arange(0.05, 0.96, 0.01), 2)
    return float(max(steps, key=lambda threshold: (pooled(frames, calibration, threshold).f1, -threshold)))


def report(frames: list[FrameScores], calibration: Calibration, threshold: float) -> dict:
    """All figures for one set of frames at a fixed calibration and threshold, JSON-able, with the protocol."""
    margins = np.concatenate([f.margins for f in frames])
    truth = np.concatenate([is_mitosis(f) for f in frames])
    slides = sorted({f.slide for f in frames})
    return {
        "slides": slides,
        "frames": len(frames),
        "mitoses": int(sum(len(f.mitoses) for f in frames)),
        "protocol": "whole frames, 7.5 um, greedy one-to-one matching, pooled",
        "detection": _figures(pooled(frames, calibration, threshold))
        | {"f1_95_bootstrap_by_frame": bootstrap(frames, calibration, threshold)},
        "detection_without_25_px_edges": _figures(pooled(frames, calibration, threshold, EDGE_UM)),
        "detection_by_slide": {
            s: _figures(pooled([f for f in frames if f.slide == s], calibration, threshold)) for s in slides
        },
        "best_threshold_here": best_threshold(frames, calibration),
        "best_f1_here": round(pooled(frames, calibration, best_threshold(frames, calibration)).f1, 4),
        "patch": patch_figures(frames),
        "candidate_recall_7_5_um": round(candidate_recall(frames), 4),
        "candidates_per_mm2": round(
            sum(len(f.candidates) for f in frames) / sum(np.prod(f.size_um) * 1e-6 for f in frames)
        ),
        "calibration_error": round(calibration_error(calibration(margins), truth), 4),
    }


def _figures(score: Score) -> dict:
    ratios = {name: round(getattr(score, name), 4) for name in ("f1", "precision", "recall")}
    return ratios | asdict(score)


def bootstrap(frames: list[FrameScores], calibration: Calibration, threshold: float) -> list[float]:
    """95 % interval of pooled F1 over frames drawn with replacement. Frames of one slide resemble each other, so it is
    too narrow.
    """
    counts = np.array([list(asdict(frame_score(f, calibration(f.margins) >= threshold)).values()) for f in frames])
    drawn = np.random.default_rng(0).integers(len(frames), size=(BOOTSTRAPS, len(frames)))
    tp, fp, fn = counts[drawn].sum(axis=1).T
    return np.percentile(2 * tp / np.maximum(1, 2 * tp + fp + fn), (2.5, 97.5)).round(4).tolist()


def patch_figures(frames: list[FrameScores], prevalence: float = PREVALENCE) -> dict:
    """Patch F1 at margin 0, false positives weighted to the stated prevalence and the paper's mix of negatives."""
    recall, look_alike, random = (
        float((np.concatenate([getattr(f, name) for f in frames]) > 0).mean())
        for name in ("on_mitoses", "on_look_alikes", "on_nuclei")
    )
    false = (LOOK_ALIKE_SHARE * look_alike + (1 - LOOK_ALIKE_SHARE) * random) * (1 - prevalence) / prevalence
    precision = recall / (recall + false) if recall else 0.0
    f1 = 2 * precision * recall / (precision + recall) if recall else 0.0
    rates = {"recall": recall, "false_positive_rate_look_alikes": look_alike, "false_positive_rate_random": random}
    figures = {"f1": f1, "precision": precision} | rates
    return {"prevalence": prevalence} | {name: round(value, 4) for name, value in figures.items()}


def candidate_recall(frames: list[FrameScores]) -> float:
    """Share of labelled mitoses with a candidate within 7.5 µm, before scoring."""
    hits = [nearest_distance(f.mitoses, f.candidates) <= matching.RADIUS_UM for f in frames]
    return float(np.concatenate(hits).mean())
