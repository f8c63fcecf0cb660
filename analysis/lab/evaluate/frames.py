"""Whole labelled frames and what a network made of them: scoring, checking, writing and reading."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from analysis.lab import matching
from analysis.lab.datasets import frames as labelled
from analysis.lab.datasets import nearest_distance
from analysis.lab.datasets.copies import tissue_of
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import Card, StandardUse
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused, meant
from analysis.pipeline.normalise import Normaliser, make_normaliser
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.proposers import darkest as proposing
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN, standard_of
from analysis.pipeline.slide_grid import half_scale
from analysis.pipeline.spread import spread_evenly
from slides.wsi.reader import open_slide

log = logging.getLogger(__name__)

RANDOM_PER_FRAME = 12
TUMOUR = "human breast"
_PLACES = ("mitoses", "candidates", "points")
_NUMBERS = ("margins", "on_mitoses", "on_look_alikes", "on_nuclei")


@dataclass(frozen=True)
class FrameScores:
    """One frame's labels and what a network made of it; places in µm, margins uncalibrated.

    points (n, 2) and margins (n,) of all candidates that the distance rule left; candidates (k, 2) before it; mitoses
    (m, 2); the margins of windows centred on mitoses, look-alikes and random nuclei. A slide is one case. What is not
    known is left out: scanner, tumour; look_alikes (l, 2), the labelled ones' places; finder (k,), the first stage's
    logits of the candidates; evidence (n,), its logits of the points, where the margins do not hold them yet;
    dark_per_mm2, how densely dark nuclei lie in the frame; ordinary (o,), the margins of a sample of its dark nuclei
    whatever they are; level, what the margins of its slide are told from, in logits, and share, how much that is of its
    nuclei's level; labelled_mm2, of the part that was labelled, where that is not all of it.
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
    scanner: str = ""
    tumour: str = ""
    look_alikes: np.ndarray | None = None
    finder: np.ndarray | None = None
    evidence: np.ndarray | None = None
    dark_per_mm2: float | None = None
    ordinary: np.ndarray | None = None
    level: float | None = None
    share: float = 1.0
    labelled_mm2: float | None = None

    @property
    def area_mm2(self) -> float:
        return self.size_um[0] * self.size_um[1] * 1e-6 if self.labelled_mm2 is None else self.labelled_mm2

    @cached_property
    def near(self) -> list[np.ndarray]:
        """For each mitosis the indices of the points within 7.5 µm, nearest first."""
        return matching.within(self.mitoses, self.points)

    def as_json(self) -> dict:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in given.items()}
        return {key: value for key, value in plain.items() if value is not None and value != ""}

    @classmethod
    def from_json(cls, raw: dict) -> "FrameScores":
        """Raises KeyError, TypeError or ValueError where something is missing or no number."""
        given: dict[str, Any] = {key: np.array(raw[key], float).reshape(-1, 2) for key in _PLACES}
        given |= {key: np.array(raw[key], float).reshape(-1) for key in _NUMBERS}
        plain = ("scanner", "tumour", "dark_per_mm2", "level", "share", "labelled_mm2")
        given |= {key: raw[key] for key in plain if key in raw}
        if "look_alikes" in raw:
            given["look_alikes"] = np.array(raw["look_alikes"], float).reshape(-1, 2)
        for key in ("finder", "evidence", "ordinary"):
            if key in raw:
                given[key] = np.array(raw[key], float).reshape(-1)
        width, height = raw["size_um"]
        return cls(raw["frame"], raw["slide"], (float(width), float(height)), **given)


def score_frames(model: Model, data: Path, slides: tuple[str, ...], normaliser: str = "none") -> list[FrameScores]:
    """Runs the detector over all frames of the slides, without threshold or calibration, in order of their names.

    Raises PipelineRefused for a slide that there is not, or a score that is no number.
    """
    refuse_unknown(slides)
    return score_labelled(model, labelled.labelled_frames(data, slides), normaliser)


def score_labelled(
    model: Model, found: Sequence[labelled.Frame], normaliser: str = "none", windows: bool = True
) -> list[FrameScores]:
    """The same over frames of any slides, in their order; `windows`: also those of patch metrics. Raises
    PipelineRefused for a score that is no number.
    """
    plain = replace(model.card, temperature=1.0, bias=0.0, threshold=0.5, floor=0.0)
    model = replace(model, card=plain)
    fitted: dict[str, Normaliser] = {}
    for slide in sorted({frame.slide for frame in found}) if normaliser != "none" else ():
        # On all frames of the slide: one fitted on a single field does harm.
        fitted[slide] = make_normaliser(normaliser)
        fitted[slide].fit(tissue_of([labelled.read_rgb(frame.path) for frame in found if frame.slide == slide]))
    scored = []
    for number, frame in enumerate(found, 1):
        scored.append(check_frame(_score_frame(model, frame, fitted.get(frame.slide), windows)))
        if number % 20 == 0:
            log.info("scored %d of %d frames", number, len(found))
    return scored if model.card.standard is None else from_nuclei(scored, model.card.standard)


def from_nuclei(frames: Sequence[FrameScores], use: StandardUse) -> list[FrameScores]:
    """The frames with their margins told from their slide's own nuclei, those of all its frames together."""
    own = {
        slide: standard_of(np.concatenate([frame.ordinary for frame in of_slide]), use.level, use.worth, use.share)
        for slide, of_slide in by_slide(frames).items()
    }
    found = []
    for frame in frames:
        standard = own[frame.slide]
        moved: dict[str, Any] = {name: standard(getattr(frame, name)) for name in (*_NUMBERS, "ordinary")}
        found.append(replace(frame, level=standard.level, share=use.share, **moved))
    return found


def refuse_unknown(slides: Sequence[str]) -> None:
    known = (*labelled.TRAINING_SLIDES, labelled.VALIDATION_SLIDE)
    unknown = [slide for slide in slides if slide not in known]
    if unknown:
        there_are = f"there are {', '.join(known)}{meant(unknown[0], known) or '.'}"
        raise PipelineRefused(f"There is no slide {', '.join(unknown)}; {there_are}")


def _score_frame(
    model: Model, frame: labelled.Frame, normaliser: Normaliser | None, windows: bool = True
) -> FrameScores:
    mpp = frame.mpp
    with open_slide(frame.path) as reader:
        settings = Settings(mpp, mpp, normaliser=normaliser.name if normaliser else "none")
        work, detector = (
            plan_work(reader, settings, model.card),
            Detector(model, settings, fitted=normaliser, standard=PLAIN),
        )
        tiles = list(detector.detect_tiles(reader, work, work.tiles))
        places = np.array([place for tile in tiles for place in tile.candidates_l0]).reshape(-1, 2)
        every = [detection for tile in tiles for detection in tile.detections]
        clear = clear_of_paint(places, frame), clear_of_paint(np.array([(d.x_l0, d.y_l0) for d in every]), frame)
        candidates, found = places[clear[0]], [each for each, is_clear in zip(every, clear[1], strict=True) if is_clear]
        probabilities = np.array([detection.probability for detection in found]).clip(1e-12, 1 - 1e-12)
        logits = np.array([logit for tile in tiles for logit in tile.finder_logits])
        # What haematoxylin alone would propose, without its cap: neither the random negatives of patch metrics nor how
        # dense a field is may depend on the network.
        half = half_scale(work.grid.read(reader, 0, 0, work.grid.width, work.grid.height))
        dark = work.grid.to_l0(proposing.dark_spots(half)[0].astype(float) * 2)
        far = dark[nearest_distance(dark, frame.mitoses) * mpp > 2 * matching.RADIUS_UM]
        far = far[clear_of_paint(far, frame)]
        nuclei = far[spread_evenly(len(far), RANDOM_PER_FRAME)]
        # Nothing is scored at a place that is given by a network that looks at whole images.
        has_windows = windows and detector.scores_patches
        measured = [p if has_windows else p[:0] for p in (frame.mitoses, frame.look_alikes, nuclei)]
        has_ordinary = detector.scores_patches and (windows or model.card.standard is not None)
        on_mitoses, on_look_alikes, on_nuclei = (detector.margins_at(reader, work, places) for places in measured)
        return FrameScores(
            frame.path.name,
            frame.slide,
            (reader.info.width * mpp, reader.info.height * mpp),
            frame.mitoses * mpp,
            candidates * mpp,
            np.array([(d.x_l0, d.y_l0) for d in found]).reshape(-1, 2) * mpp,
            np.log(probabilities / (1 - probabilities)),
            on_mitoses,
            on_look_alikes,
            on_nuclei,
            scanner=frame.scanner,
            tumour=TUMOUR,
            look_alikes=frame.look_alikes * mpp,
            finder=logits[clear[0]] if model.finder is not None else None,
            ordinary=detector.ordinary_margins(reader, work) if has_ordinary else None,
            dark_per_mm2=len(dark) / (reader.info.width * reader.info.height * mpp**2 * 1e-6),
        )


def clear_of_paint(places: np.ndarray, frame: labelled.Frame) -> np.ndarray:
    """Which of (n, 2) places of a frame are not of a mitosis that an old label hides: bool (n,)."""
    places, reach = places.reshape(-1, 1, 2), matching.RADIUS_UM / frame.mpp
    low, high = frame.painted[None, :, :2] - reach, frame.painted[None, :, 2:] + reach
    is_within = np.logical_and(places >= low, places <= high)
    return ~np.any(np.all(is_within, axis=2), axis=1)


def check_frame(frame: FrameScores) -> FrameScores:
    """The frame itself. Raises PipelineRefused, naming it, for numbers that are none and lists that do not match."""
    arrays = {field.name: getattr(frame, field.name) for field in fields(frame)}
    for name, value in arrays.items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            raise PipelineRefused(f"Frame {frame.frame} has a value in {name} that is no number; score it again.")
    if len(frame.margins) != len(frame.points):
        raise PipelineRefused(
            f"Frame {frame.frame} has {len(frame.points)} points and {len(frame.margins)} margins; score it again."
        )
    if frame.finder is not None and len(frame.finder) != len(frame.candidates):
        raise PipelineRefused(f"Frame {frame.frame} has not one finder's logit for each candidate; score it again.")
    if frame.evidence is not None and len(frame.evidence) != len(frame.points):
        raise PipelineRefused(f"Frame {frame.frame} has not one piece of evidence for each point; score it again.")
    if not min(frame.size_um) > 0:
        raise PipelineRefused(f"Frame {frame.frame} has no size; score it again.")
    return frame


def save_scores(
    scores: list[FrameScores], path: Path, trained_on: Sequence[str] | None = None, card: Card | None = None
) -> None:
    """Writes a score file. `trained_on`: the slides that the network was trained on; without them the file never counts
    as left-out scores. `card`: of the network, for how it was used.
    """
    about: dict[str, Any] = {} if trained_on is None else {"trained_on": list(trained_on)}
    about |= {} if card is None else {"used_with": how_used(card)}
    content = about | {"frames": [frame.as_json() for frame in scores]}
    write_atomically(path, json.dumps(content).encode())


def load_scores(path: Path) -> list[FrameScores]:
    """The frames of a score file. Raises PipelineRefused for a file that is none, and where a score is no number."""
    return [check_frame(frame) for frame in _read_scores(path)[0]]


def load_left_out(paths: Sequence[Path]) -> list[FrameScores]:
    """All frames of score files whose networks had not seen the slides they are of.

    Raises PipelineRefused where a file says otherwise or does not say, for the validation slide, which decides nothing,
    and where a frame comes twice.
    """
    frames: list[FrameScores] = []
    for path in paths:
        found, trained_on = _read_scores(path)
        if trained_on is None:
            raise PipelineRefused(
                f"{path} does not say which slides its network was trained on, so nobody knows whether these were left "
                "out; score them again with `mitosis evaluate --scores`."
            )
        overlap = sorted({frame.slide for frame in found} & labelled.scans_of(trained_on))
        if overlap:
            raise PipelineRefused(f"{path} holds scores of {', '.join(overlap)} by a network that was trained on it.")
        refuse_validation_slide(found)
        frames += [check_frame(frame) for frame in found]
    names = [frame.frame for frame in frames]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PipelineRefused(f"Frame {twice} comes more than once in the score files; give each slide's scores once.")
    return frames


def how_used(card: Card) -> dict[str, Any]:
    """What decides a network's margins beside its weights, the slide's level apart, in JSON."""
    return {
        "finder": card.finder.as_json() if card.finder else None,
        "views": asdict(card.views) if card.views else None,
        "normaliser": card.normaliser,
    }


def refuse_other_use(paths: Sequence[Path], card: Card) -> None:
    """Raises PipelineRefused for a score file that says it was made with another use of a network than a card has: its
    margins are no measure of that card's. Older files do not say.
    """
    for path in paths:
        raw, wanted = json.loads(path.read_bytes()), how_used(card)
        told = raw.get("used_with", wanted) if isinstance(raw, dict) else wanted
        told = told if isinstance(told, dict) else {}
        if unlike := [name for name in wanted if told.get(name) != wanted[name]]:
            scored, used = (
                ", ".join(f"{name} {json.dumps(each.get(name))}" for name in unlike) for each in (told, wanted)
            )
            raise PipelineRefused(
                f"{path} was scored with {scored}, and the version would be used with {used}; score it again."
            )


def refuse_validation_slide(frames: Sequence[FrameScores]) -> None:
    """Raises PipelineRefused where frames that are to decide something are of the slide that is only reported on."""
    held_back = labelled.VALIDATION_SLIDE
    if any(frame.slide == held_back for frame in frames):
        raise PipelineRefused(
            f"Slide {held_back} is for reporting only and must not set thresholds; leave its scores out."
        )


def _read_scores(path: Path) -> tuple[list[FrameScores], list[str] | None]:
    """Frames and the slides trained on, None where the file does not say. Older files are the bare list of frames."""
    try:
        raw = json.loads(path.read_bytes())
        about, rows = ({}, raw) if isinstance(raw, list) else (raw, raw["frames"])
        frames = [FrameScores.from_json(row) for row in rows]
        trained_on = [str(slide) for slide in about["trained_on"]] if "trained_on" in about else None
    except OSError as error:
        raise PipelineRefused(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PipelineRefused(
            f"{path} is no score file of `mitosis evaluate --scores` ({type(error).__name__}: {error})."
        ) from error
    if not frames:
        raise PipelineRefused(f"{path} holds no frames.")
    return frames, trained_on


def is_mitosis(frame: FrameScores) -> np.ndarray:
    """Which of the frame's detections are matched when all count: bool (n,). What calibration is fitted to."""
    taken = matching.match_greedily(frame.near, np.ones(len(frame.points), bool))
    matched = np.zeros(len(frame.points), bool)
    matched[taken[taken >= 0]] = True
    return matched


def margins_and_truth(frames: Sequence[FrameScores]) -> tuple[np.ndarray, np.ndarray]:
    """Margins (n,) and whether each is of a mitosis, bool (n,), of all frames' detections in their order."""
    return np.concatenate([f.margins for f in frames]), np.concatenate([is_mitosis(f) for f in frames])


def with_evidence(frames: Sequence[FrameScores], weight: float) -> list[FrameScores]:
    """The frames with the first stage's logits added to their margins, times `weight`. Raises PipelineRefused where a
    frame has none.
    """
    found = []
    for frame in frames:
        if frame.evidence is None:
            raise PipelineRefused(f"Frame {frame.frame} has no evidence of the first stage to add; score it again.")
        found.append(replace(frame, margins=frame.margins + weight * frame.evidence, evidence=None))
    return found


def by_slide(frames: Sequence[FrameScores]) -> dict[str, list[FrameScores]]:
    """The frames of each slide, slides in order of their names."""
    return {name: [f for f in frames if f.slide == name] for name in sorted({f.slide for f in frames})}
