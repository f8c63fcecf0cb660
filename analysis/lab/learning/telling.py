"""Threshold and calibration of a candidate, told again on held-out places from those of its base.

A data set holds the places that somebody judged: among them mitoses are far more frequent than among what detection
scores, so a calibration fitted on them alone would call too much (by four logits from 29 % to 1 %). But base
and candidate see the same places. Each gets its own Platt fit there, and what is carried over is how one must be moved
to say what the other says: the frequency of mitoses cancels. The same is done with the threshold of the best F1.

A few places say little, so what they say counts as n / (n + worth), n being the places of the rarer class, and never
moves a margin by more than `REACH` logits, nor its scale by more than `SCALE`.

Margins are those that detection has, as far as a patch shows them: the network's, with the finder's part, above the
usual level of ordinary nuclei. That level moves with the network, and is told again, too, on the nuclei beside the
places.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.special import expit, logit
from torch import nn

from analysis.lab.calibrate import fit_calibration
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, NUCLEUS, Source
from analysis.lab.train.validation import margins_at
from analysis.pipeline.calibration import Calibration
from analysis.pipeline.cards.card import Card
from analysis.pipeline.cards.store import Model
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.proposers.finder import highest_near
from analysis.pipeline.proposers.finder_geometry import ALIGN_PX
from analysis.pipeline.proposers.first_stage import logit_map
from analysis.pipeline.slide_grid import half_scale

REACH, SCALE = 2.0, 2.0
# A typical level is drawn from no fewer nuclei than so many as from a slide's own (release.WORTH).
WORTH_OF_LEVEL = 20.0
STEPS = np.round(np.arange(0.02, 0.985, 0.01), 2)


@dataclass(frozen=True)
class HeldOut:
    """What a network says of held-out places, in logits: margins (n,) with the finder's part, whether each is a mitosis
    (n,) bool, and margins of the ordinary nuclei beside them (k,).
    """

    margins: np.ndarray
    is_mitosis: np.ndarray
    ordinary: np.ndarray


def look_at_held_out(network: nn.Module, base: Model, source: Source, device: torch.device) -> HeldOut:
    """Margins of a network at the places of a source, with the base's finder."""
    network = network.to(device).eval()
    px, weight = base.card.patch_px, base.card.finder.weight if base.card.finder else 0.0
    points = np.concatenate([source.points[MITOSIS], source.points[LOOK_ALIKE]])
    ordinary = source.points[NUCLEUS]

    def margins_of(places: np.ndarray) -> np.ndarray:
        return margins_at(network, source, places, px, device) + weight * _finder_logits(base, source, places)

    is_mitosis = np.arange(len(points)) < len(source.points[MITOSIS])
    return HeldOut(margins_of(points), is_mitosis, margins_of(ordinary))


def _finder_logits(base: Model, source: Source, points: np.ndarray) -> np.ndarray:
    """The finder's highest logit within a cell of each place (n, 3): (n,); 0 without a finder."""
    found = np.zeros(len(points))
    if base.finder is None:
        return found
    for index in np.unique(points[:, 0]).astype(int):
        logits = logit_map(base.finder.cpu(), half_scale(source.images[index]), IMAGENET_MEAN, IMAGENET_STD)
        here = points[:, 0] == index
        found[here] = highest_near(logits, points[here, 1:] / ALIGN_PX)
    return found


@dataclass(frozen=True)
class Told:
    """A card's numbers told again, and what they rest on."""

    calibration: Calibration
    threshold: float
    level: float | None
    record: dict[str, Any]


def tell_again(card: Card, base: HeldOut, candidate: HeldOut, worth: float) -> Told:
    """Calibration, threshold and typical level of a candidate, from its base's card and what both say of the same
    held-out places. With no place of one class they are the base's.
    """
    share, level, moved = 0.0, None, 0.0
    if card.standard is not None:
        share, moved = card.standard.share, _level_moved(base, candidate)
        level = round(card.standard.level + moved, 4)
    least = int(min(base.is_mitosis.sum(), (~base.is_mitosis).sum()))
    believed = least / (least + worth) if least else 0.0
    # What both margins are told from: the level's part that does not hang on the slide.
    before = base.margins - share * (card.standard.level if card.standard else 0.0)
    after = candidate.margins - share * (level or 0.0)
    scale, shift = _map_between(before, after, base.is_mitosis, believed)
    calibration = Calibration(round(card.temperature / scale, 4), round(card.bias + shift / card.temperature, 4))
    threshold = _move_threshold(card, before, calibration(after), base.is_mitosis, believed)
    record = {
        "places": len(base.margins), "mitoses": int(base.is_mitosis.sum()), "nuclei": len(base.ordinary),
        "believed": round(believed, 3), "scale": round(scale, 4), "shift": round(shift, 4),
        "level_moved": round(moved, 4), "base_threshold": card.threshold,
    }  # fmt: skip
    return Told(calibration, threshold, level, record)


def _level_moved(base: HeldOut, candidate: HeldOut) -> float:
    """How far the median of ordinary nuclei has moved, fewer of them believed less."""
    if not len(base.ordinary):
        return 0.0
    n = len(base.ordinary)
    return float(np.median(candidate.ordinary) - np.median(base.ordinary)) * n / (n + WORTH_OF_LEVEL)


def _map_between(before: np.ndarray, after: np.ndarray, is_mitosis: np.ndarray, believed: float) -> tuple[float, float]:
    """Scale and shift that make the candidate's margins (n,) say what the base's do, as far as they are believed."""
    if not believed:
        return 1.0, 0.0
    own, others = fit_calibration(after, is_mitosis), fit_calibration(before, is_mitosis)
    scale = float(np.clip(others.temperature / own.temperature, 1 / SCALE, SCALE))
    # Where a class's mean lies, a margin is moved; its scale turns about there.
    pivot = float((after[is_mitosis].mean() + after[~is_mitosis].mean()) / 2)
    meant = (pivot / own.temperature + own.bias - others.bias) * others.temperature
    moved = float(np.clip(meant - pivot, -REACH, REACH)) * believed
    scale = scale**believed
    return scale, pivot + moved - scale * pivot


def _move_threshold(
    card: Card, before: np.ndarray, probabilities: np.ndarray, is_mitosis: np.ndarray, believed: float
) -> float:
    """The base's threshold, moved as far as the best one of the held-out places has."""
    if not believed:
        return card.threshold
    was = _best_step(card.calibration(before), is_mitosis)
    moved = float(np.clip(logit(_best_step(probabilities, is_mitosis)) - logit(was), -REACH, REACH)) * believed
    begun = logit(np.clip(card.threshold, STEPS[0], STEPS[-1]))
    return round(float(np.clip(expit(begun + moved), STEPS[0], STEPS[-1])), 2)


def _best_step(probabilities: np.ndarray, is_mitosis: np.ndarray) -> float:
    """The threshold of the highest F1, the middle one of equals."""
    called = probabilities[None] >= STEPS[:, None]
    tp = (called & is_mitosis).sum(axis=1)
    f1 = 2 * tp / np.maximum(1, called.sum(axis=1) + is_mitosis.sum())
    best = np.flatnonzero(f1.round(6) == f1.max().round(6))
    return float(STEPS[best[len(best) // 2]])


def apply_told(card: Card, told: Told) -> Card:
    """A card with the numbers that were told again; its floor stays at most its threshold."""
    standard = card.standard
    if standard is not None and told.level is not None:
        standard = replace(standard, level=told.level)
    return replace(
        card,
        threshold=told.threshold,
        floor=min(card.floor, told.threshold),
        temperature=told.calibration.temperature,
        bias=told.calibration.bias,
        standard=standard,
    )
