"""Patch metrics: windows centred on labels, weighted to a stated share of mitoses and the paper's mix of negatives.

Not detection: the places are given, so these say how well the classifier tells classes apart and not what a reader
will see.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.lab.evaluate.frames import FrameScores
from analysis.lab.evaluate.roc import Curve, weighted_curve
from analysis.pipeline.errors import PipelineRefused

PREVALENCE = 0.29
# The paper's negatives: 2,617 look-alikes and 3,000 random patches; 2,293 mitoses are 29 % of all.
LOOK_ALIKE_SHARE = 2617 / 5617


@dataclass(frozen=True)
class Patches:
    """(n,) margins, bool (n,), and weights (n,) of sum 1: the prevalence on the mitoses, the rest on the negatives."""

    margins: np.ndarray
    is_mitosis: np.ndarray
    weights: np.ndarray
    false_rates: dict[str, np.ndarray]

    def curve(self) -> Curve:
        return weighted_curve(self.margins, self.is_mitosis, self.weights)


def has_patches(frames: Sequence[FrameScores]) -> bool:
    """Whether any window was scored at all; score files of detections alone hold none."""
    return any(len(f.on_mitoses) or len(f.on_look_alikes) or len(f.on_nuclei) for f in frames)


def pool_patches(frames: Sequence[FrameScores], prevalence: float = PREVALENCE) -> Patches:
    """All windows of the frames. Raises PipelineRefused for an empty class or a prevalence outside (0, 1).

    Where only one kind of negatives is there, it stands for both.
    """
    if not 0 < prevalence < 1:
        raise PipelineRefused(f"A share of mitoses of {prevalence:g} is none; it lies between 0 and 1.")
    names = ("on_mitoses", "on_look_alikes", "on_nuclei")
    mitoses, look_alikes, nuclei = (np.concatenate([getattr(f, name) for f in frames]) for name in names)
    if not len(mitoses):
        raise PipelineRefused("Patch figures need windows on mitoses; these frames have none.")
    if not len(look_alikes) + len(nuclei):
        raise PipelineRefused("Patch figures need windows on look-alikes or other nuclei; these frames have none.")
    share = LOOK_ALIKE_SHARE if len(look_alikes) and len(nuclei) else float(len(look_alikes) > 0)
    parts = ((mitoses, prevalence), (look_alikes, (1 - prevalence) * share), (nuclei, (1 - prevalence) * (1 - share)))
    weights = [np.full(len(margins), weight / max(1, len(margins))) for margins, weight in parts]
    return Patches(
        np.concatenate([margins for margins, _ in parts]),
        np.arange(sum(len(margins) for margins, _ in parts)) < len(mitoses),
        np.concatenate(weights),
        {"look_alikes": look_alikes, "random": nuclei},
    )


def metrics_at(found: Patches, margin: float) -> dict[str, float]:
    """Ratios of calling everything above `margin` a mitosis, unrounded, all in [0, 1]."""
    called = found.margins > margin
    tp = float(found.weights[called & found.is_mitosis].sum())
    fp = float(found.weights[called & ~found.is_mitosis].sum())
    positive = float(found.weights[found.is_mitosis].sum())
    negative = float(found.weights[~found.is_mitosis].sum())
    precision, recall = (tp / (tp + fp) if tp + fp else 0.0), tp / positive
    return {
        "f1": 2 * tp / (positive + tp + fp),
        "precision": precision,
        "recall": recall,
        "specificity": 1 - fp / negative,
        "accuracy": (tp + negative - fp) / (positive + negative),
    }


def best_margin(found: Patches) -> float:
    """The margin of the highest patch F1, halfway to the next lower score, so that it does not hang on one window."""
    line = found.curve()
    positive = found.weights[found.is_mitosis].sum()
    true = line.recall * positive
    f1 = 2 * true / (positive + true / np.maximum(line.precision, 1e-12))
    at = int(f1.argmax())
    below = line.scores[at + 1] if at + 1 < len(line.scores) else line.scores[at] - 1
    return float((line.scores[at] + below) / 2)


def patch_metrics(frames: Sequence[FrameScores], prevalence: float = PREVALENCE, margin: float = 0.0) -> dict:
    """Patch metrics at a margin, 0 being the more likely class; JSON-able. Raises PipelineRefused as `pool_patches`."""
    found = pool_patches(frames, prevalence)
    line = found.curve()
    rates = {
        f"false_positive_rate_{name}": round(float((margins > margin).mean()), 4) if len(margins) else None
        for name, margins in found.false_rates.items()
    }
    areas = {"roc_auc": line.roc_area, "average_precision": line.average_precision}
    mitoses = found.margins[found.is_mitosis]
    for name, others in found.false_rates.items():
        if len(others):
            margins = np.concatenate([mitoses, others])
            against = weighted_curve(margins, np.arange(len(margins)) < len(mitoses), np.ones(len(margins)))
            areas[f"roc_auc_{name}"] = against.roc_area
    ratios = {name: round(value, 4) for name, value in (metrics_at(found, margin) | areas).items()}
    counts = {"mitoses": int(found.is_mitosis.sum())} | {name: len(m) for name, m in found.false_rates.items()}
    return {"prevalence": prevalence, "margin": round(margin, 3)} | ratios | rates | {"windows": counts}
