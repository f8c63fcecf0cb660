"""Fits and measures both heads for one network: `mitosis subtypes fit`."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.lab.subtypes import crossval as cv
from analysis.lab.subtypes.labels import LabelledMitoses, load_mitoses
from analysis.pipeline.cards.store import Model
from analysis.pipeline.subtypes import FEATURES, PHASES, SUBTYPES
from analysis.pipeline.subtypes.features import cached_features
from analysis.pipeline.subtypes.heads import Head, fit_heads, fit_temperature
from analysis.pipeline.subtypes.store import Heads

LICENCE = "LICENSE-weights: trained on challenge data (MIDOG 2021, CC0 as listed by MIDOG++), research use only"
PROTOCOL = (
    "midog21 figures; 5 folds by slide, penalty chosen within the other slides; interval: bootstrap by slide; classes"
    " weigh the same"
)
NOTES = (
    "A research hint: it changes no call and no count. The network itself was trained on these figures as mitoses, not"
    " on their types. The phase is one expert's word, of figures that this expert did not call atypical; the type is a"
    " majority of three. Probabilities are as if classes were equally common."
)


def fit_for_model(model: Model, data: Path, cache: Path, say: Callable[[str], object]) -> Heads:
    """Both heads for `model`, fitted on all figures, with figures from slides left out. Raises PipelineRefused for data
    that cannot be learned from.
    """
    figures = load_mitoses(data, model.card)
    began = time.monotonic()
    features = cached_features(model, figures.patches, cache)
    say(f"features of {len(features)} figures: {time.monotonic() - began:.0f} s")
    return fit_on_features(model, features, figures, say)


def fit_on_features(
    model: Model, features: np.ndarray, figures: LabelledMitoses, say: Callable[[str], object]
) -> Heads:
    """As `fit_for_model`, of features (n, f) that are at hand."""
    subtype, of_subtype = measured_head(features, figures.subtypes, figures.slides, SUBTYPES)
    say(f"normal or atypical: {describe_metrics(of_subtype)}")
    phase, of_phase = measured_head(features, figures.phases, figures.slides, PHASES)
    say(f"phase: {describe_metrics(of_phase)}")
    return Heads(
        name=model.name,
        network_sha256=model.sha256,
        features=FEATURES,
        subtype=subtype,
        phase=phase,
        metrics={"subtype": of_subtype, "phase": of_phase},
        licence=LICENCE,
        training={
            "data": "midog21",
            "figures": len(features),
            "slides": len(set(figures.slides)),
            "patches_sha256": hashlib.sha256(figures.patches.tobytes()).hexdigest(),
        },
        notes=NOTES,
    )


def measured_head(
    features: np.ndarray, labels: np.ndarray, slides: np.ndarray, classes: Sequence[str]
) -> tuple[Head, dict[str, Any]]:
    """A head fitted on all rows with a label (int (n,), -1 for none), and what heads like it do on slides left out.

    Temperature and figures are of the left-out logits.
    """
    known = labels >= 0
    features, labels, slides = features[known], labels[known], slides[known]
    logits, penalties = cv.left_out_logits(features, labels, slides, classes)
    temperature = fit_temperature(logits, labels)
    penalty = float(np.exp(np.median(np.log(penalties))))
    (head,) = fit_heads(features, labels, classes, [penalty])
    return replace(head, temperature=temperature), head_metrics(logits, labels, slides, classes, temperature) | {
        "penalty": round(penalty, 4)
    }


def head_metrics(
    logits: np.ndarray, labels: np.ndarray, slides: np.ndarray, classes: Sequence[str], temperature: float
) -> dict[str, Any]:
    """Figures of left-out logits (n, c), JSON-able."""
    calls = logits.argmax(1)
    table = cv.confusion_table(labels, calls, len(classes))
    low, high = cv.interval_by_slide(labels, calls, slides, len(classes))
    return {
        "protocol": PROTOCOL,
        "figures": len(labels),
        "slides": len(set(slides)),
        "prevalence": {name: round(float((labels == i).mean()), 4) for i, name in enumerate(classes)},
        "balanced_accuracy": round(float(cv.balanced_accuracy(table)), 4),
        "balanced_accuracy_95_bootstrap_by_slide": [round(low, 4), round(high, 4)],
        "recall": {name: round(table[i, i] / table[i].sum(), 4) for i, name in enumerate(classes)},
        "precision": {name: round(table[i, i] / max(1, table[:, i].sum()), 4) for i, name in enumerate(classes)},
        "confusion": {
            name: {other: int(table[i, j]) for j, other in enumerate(classes)} for i, name in enumerate(classes)
        },
        "calibration_error": round(cv.calibration_error(logits, labels, temperature), 4),
    }


def describe_metrics(figures: dict[str, Any]) -> str:
    """The figures of a report in one line."""
    low, high = figures["balanced_accuracy_95_bootstrap_by_slide"]
    recalls = ", ".join(f"{name} {value:.2f}" for name, value in figures["recall"].items())
    return (
        f"balanced accuracy {figures['balanced_accuracy']:.3f} ({low:.3f} to {high:.3f}), {figures['figures']} figures"
        f" of {figures['slides']} slides, left out in turn; found {recalls}"
    )
