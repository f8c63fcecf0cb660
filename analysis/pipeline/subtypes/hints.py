"""Hints of detections: what the heads say of a patch, as it is stored and shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.subtypes import FEATURES
from analysis.pipeline.subtypes.store import FOLDER, Heads, heads_for

if TYPE_CHECKING:
    from analysis.pipeline.plan import Work
    from analysis.pipeline.run import Detector
    from analysis.pipeline.slide_grid import Reader

DIGITS = 3


def hints_at(
    detector: "Detector",
    reader: "Reader",
    points_l0: Sequence[tuple[float, float]],
    work: "Work | None" = None,
    folder: Path = FOLDER,
) -> list[dict[str, Any]] | None:
    """Hints of what lies at each place, level-0 px; None where there are no heads for the detector's network.

    Raises ModelRefused for broken heads.
    """
    from analysis.pipeline.subtypes.features import read_features

    model = detector.model
    heads = heads_for(model.sha256, folder)
    if heads is None or not points_l0:
        return None if heads is None else []
    return hints_of(heads, read_features(model.patch_network, model.card, detector.patches_at(reader, points_l0, work)))


def hints_of(heads: Heads, features: np.ndarray) -> list[dict[str, Any]]:
    """One hint for each row of features float32 (n, f) of `read_features`, JSON-able:

    `{"subtype": {"normal": p, "atypical": p}, "phase": {"prometaphase": p, …}, "balanced_accuracy": {"subtype": a,
    "phase": a}, "heads": name}`; p are probabilities as if classes were equally common, a is from slides left out.
    Raises ModelRefused for heads that were fitted on other features.
    """
    lengths = {head.weight.shape[1] for head in (heads.subtype, heads.phase)}
    if heads.features != FEATURES or lengths != {features.shape[1]}:
        raise ModelRefused(f"The heads {heads.name} were fitted on other features; fit them again.")
    named = {"subtype": heads.subtype, "phase": heads.phase}
    accuracy = {key: heads.metrics[key]["balanced_accuracy"] for key in named}
    tables = {key: head.probabilities(features).tolist() for key, head in named.items()}
    return [
        {
            key: {name: round(p, DIGITS) for name, p in zip(head.classes, tables[key][row], strict=True)}
            for key, head in named.items()
        }
        | {"balanced_accuracy": accuracy, "heads": heads.name}
        for row in range(len(features))
    ]
