"""How far a turn moves a probability: a mitosis is one from every side.

Two questions. Turned patches say what one view of the second network is worth: the mean of four views is the same
whichever comes first, so as used they hardly move by construction. Turned slides say what a reader would see: the first
stage, the place and the resampled pixels change too.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from analysis.lab.calibrate import Calibration
from analysis.lab.datasets import frames as labelled
from analysis.pipeline.cards.card import ViewsUse
from analysis.pipeline.cards.store import Model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN, Standard
from analysis.pipeline.spread import spread_evenly
from slides.wsi.reader import open_slide

# Of a slide; a few thousand candidates in all are enough for a mean.
FRAMES_PER_SLIDE = 4
# Of those that are analysed anew, four times each.
TURNED_PER_SLIDE = 2
# Half of what two detections lie apart at least.
SAME_UM = 3.75
# Below it nobody looks at a place, and a turn cannot matter.
LEAST_PROBABILITY = 0.05


def side_margins(model: Model, data: Path, slides: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Of some frames of each slide the candidates' margins from eight sides, the finder's part included: slide and
    float32 (8, n). The first four are quarter turns of the patch, the last four of its mirror image.
    """
    for slide, frame in _chosen_frames(data, slides, FRAMES_PER_SLIDE):
        settings = Settings(frame.mpp, frame.mpp, normaliser=model.card.normaliser)
        with open_slide(frame.path) as reader:
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings, standard=PLAIN)
            for tile in work.tiles:
                yield slide, detector.margins_from_all_sides(reader, work, tile)


def _chosen_frames(data: Path, slides: Sequence[str], per_slide: int) -> Iterator[tuple[str, labelled.Frame]]:
    for slide in slides:
        frames = labelled.labelled_frames(data, (slide,))
        yield from ((slide, frames[i]) for i in spread_evenly(len(frames), per_slide))


def turned_slides(
    model: Model, data: Path, slides: Sequence[str], calibration: Calibration, levels: dict[str, float]
) -> Iterator[np.ndarray]:
    """Of some of these frames the probabilities of what is found in them, and of the same places in quarter turns:
    (4, n), 0 where nothing is kept. levels: what each slide's margins are told from, since a frame has few nuclei.
    """
    card = replace(model.card, temperature=calibration.temperature, bias=calibration.bias, floor=LEAST_PROBABILITY)
    for slide, frame in _chosen_frames(data, slides, TURNED_PER_SLIDE):
        picture, standard = labelled.read_rgb(frame.path), Standard(levels[slide])
        turned = [detect_turned(replace(model, card=card), picture, turn, frame.mpp, standard) for turn in range(4)]
        yield probabilities_at(turned, SAME_UM / frame.mpp)


def detect_turned(
    model: Model, picture: np.ndarray, turn: int, mpp: float, standard: Standard | None
) -> tuple[np.ndarray, np.ndarray]:
    """What is found in a picture, uint8 (h, w, 3) RGB, after so many quarter turns: places float (n, 2) x, y in pixels
    of the picture as it was, and probabilities (n,).
    """
    settings = Settings(mpp, mpp, normaliser=model.card.normaliser)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turned.png"
        cv2.imwrite(str(path), cv2.cvtColor(np.ascontiguousarray(np.rot90(picture, turn)), cv2.COLOR_RGB2BGR))
        with open_slide(path) as reader:
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings, standard=standard)
            results = list(detector.detect_tiles(reader, work, work.tiles))
    found = [detection for result in results for detection in result.detections]
    x, y = np.array([(each.x_l0, each.y_l0) for each in found]).reshape(-1, 2).T
    height, width = picture.shape[:2]
    back = [(x, y), (width - y, x), (width - x, height - y), (y, height - x)]
    return np.column_stack(back[turn]), np.array([each.probability for each in found])


def probabilities_at(turned: Sequence[tuple[np.ndarray, np.ndarray]], reach_px: float) -> np.ndarray:
    """Of the first one's places (n, 2) the probability in each, 0 where it has no place within reach: (turns, n)."""
    places = turned[0][0]
    told = np.zeros((len(turned), len(places)))
    for row, (points, probabilities) in zip(told, turned, strict=True):
        if len(points):
            away = np.linalg.norm(points[None] - places[:, None], axis=2)
            row[:] = np.where(away.min(axis=1) <= reach_px, probabilities[away.argmin(axis=1)], 0)
    return told


def turn_metrics(
    found: Sequence[tuple[np.ndarray, float]],
    calibration: Calibration,
    threshold: float,
    views: ViewsUse | None,
    turned: Sequence[np.ndarray] = (),
) -> dict:
    """Metrics of margins (8, n) of `side_margins`, each with the level that its slide's margins are told from, and of
    probabilities (4, n) of `turned_slides`.

    Of what has at least .05 from some side: how far quarter turns of the patch move the probability, by one view and as
    the version is used, how far one of the slide does, and how many of a hundred calls a turn takes away.
    """
    ways = {"one_view": None} | ({"as_used": views} if views else {})
    metrics: dict = {"protocol": "candidates of left-out slides with at least .05 from some side; quarter turns"}
    for name, use in ways.items():
        sides = [calibration(as_used(margins, use)[:4] - np.float32(level)) for margins, level in found]
        metrics[name] = _change_by_turns(sides, threshold)
    return metrics | ({"slide_turned": _change_by_turns(turned, threshold)} if turned else {})


def _change_by_turns(sides: Sequence[np.ndarray], threshold: float) -> dict:
    probabilities = np.concatenate([np.zeros((4, 0)), *sides], axis=1)
    probabilities = probabilities[:, probabilities.max(axis=0) >= LEAST_PROBABILITY]
    apart = probabilities.max(axis=0) - probabilities.min(axis=0)
    calls = probabilities >= threshold
    return {
        "candidates": int(probabilities.shape[1]),
        "mean_change": round(float(np.abs(probabilities[1:] - probabilities[0]).mean()), 4) if apart.size else None,
        "furthest_apart_mean": round(float(apart.mean()), 4) if apart.size else None,
        "furthest_apart_95": round(float(np.quantile(apart, 0.95)), 4) if apart.size else None,
        "calls_lost_by_a_turn": round(float((calls[0] & ~calls[1:]).sum() / max(1, 3 * calls[0].sum())), 4),
    }


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
