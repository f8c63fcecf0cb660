"""How far a turn of the slide moves a probability: a mitosis is one from every side."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from analysis.lab.calibrate import Calibration
from analysis.lab.datasets import frames as labelled
from analysis.pipeline.cards.card import ViewsUse
from analysis.pipeline.cards.store import Model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN
from analysis.pipeline.spread import spread_evenly
from slides.wsi.reader import open_slide

# Of a slide; a few thousand candidates in all are enough for a mean.
FRAMES_PER_SLIDE = 4
# Below it nobody looks at a place, and a turn cannot matter.
LEAST_PROBABILITY = 0.05


def side_margins(model: Model, data: Path, slides: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Of some frames of each slide the candidates' margins from eight sides, the finder's part included: slide and
    float32 (8, n). The first four are quarter turns of the patch, the last four of its mirror image.
    """
    for slide in slides:
        frames = labelled.labelled_frames(data, (slide,))
        for frame in (frames[i] for i in spread_evenly(len(frames), FRAMES_PER_SLIDE)):
            settings = Settings(frame.mpp, frame.mpp, normaliser=model.card.normaliser)
            with open_slide(frame.path) as reader:
                work, detector = plan_work(reader, settings, model.card), Detector(model, settings, standard=PLAIN)
                for tile in work.tiles:
                    yield slide, detector.margins_from_all_sides(reader, work, tile)


def turn_metrics(
    found: Sequence[tuple[np.ndarray, float]], calibration: Calibration, threshold: float, views: ViewsUse | None
) -> dict:
    """Metrics of margins (8, n) of `side_margins`, each with the level that its slide's margins are told from.

    Of candidates that have at least .05 from some side: how far quarter turns move the probability, by one view and as
    the version is used, and how many of a hundred calls a turn takes away.
    """
    ways = {"one_view": None} | ({"as_used": views} if views else {})
    metrics: dict = {"protocol": "candidates of left-out slides with at least .05 from some side; quarter turns"}
    for name, use in ways.items():
        sides = [calibration(as_used(margins, use)[:4] - np.float32(level)) for margins, level in found]
        probabilities = np.concatenate([np.zeros((4, 0)), *sides], axis=1)
        probabilities = probabilities[:, probabilities.max(axis=0) >= LEAST_PROBABILITY]
        apart = probabilities.max(axis=0) - probabilities.min(axis=0)
        calls = probabilities >= threshold
        metrics[name] = {
            "candidates": int(probabilities.shape[1]),
            "mean_change": round(float(np.abs(probabilities[1:] - probabilities[0]).mean()), 4) if apart.size else None,
            "furthest_apart_mean": round(float(apart.mean()), 4) if apart.size else None,
            "furthest_apart_95": round(float(np.quantile(apart, 0.95)), 4) if apart.size else None,
            "calls_lost_by_a_turn": round(float((calls[0] & ~calls[1:]).sum() / max(1, 3 * calls[0].sum())), 4),
        }
    return metrics


def as_used(margins: np.ndarray, use: ViewsUse | None) -> np.ndarray:
    """Margins (8, n) from eight sides as a version says them from each side: near a call the mean of the views that
    begin there.
    """
    if use is None:
        return margins
    said = margins.copy()
    for start in range(len(margins)):
        mirrored, turn = divmod(start, 4)
        steps = (0, 2) if use.count == 2 else (0, 1, 2, 3)
        views = [4 * mirrored + (turn + step) % 4 for step in steps]
        mean = margins.mean(axis=0) if use.count == 8 else margins[views].mean(axis=0)
        near = (margins[start] >= use.low) & (margins[start] <= use.high)
        said[start] = np.where(near, mean, margins[start])
    return said
