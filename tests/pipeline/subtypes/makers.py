"""Features with a planted difference, heads fitted on them, a manifest of a few rows."""

import csv
from pathlib import Path

import numpy as np

from analysis.lab.subtypes.labels import COLUMNS
from analysis.pipeline.subtypes import FEATURES, LENGTH, PHASES, SUBTYPES
from analysis.pipeline.subtypes.heads import fit_heads
from analysis.pipeline.subtypes.store import Heads

SLIDES = 12


def planted(n: int = 240, classes: int = 2, length: int = 20, distance: float = 3.0, seed: int = 1):
    """Features (n, length) whose first channels tell the class, labels with rarer later classes, slides in turn."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.geometric(0.6, n) - 1, classes - 1)
    features = rng.normal(size=(n, length)).astype(np.float32)
    features[np.arange(n), labels] += distance
    slides = np.array([f"{i % SLIDES:03d}" for i in range(n)])
    return features, labels, slides


def some_heads(network_sha256: str, name: str = "random", **values) -> Heads:
    """Heads of the shipped shape, fitted on noise."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(60, LENGTH)).astype(np.float32)
    labels = np.arange(60)
    figures = {"balanced_accuracy": 0.75}
    return Heads(
        **{
            "name": name,
            "network_sha256": network_sha256,
            "features": FEATURES,
            "subtype": fit_heads(features, labels % 2, SUBTYPES, [1.0])[0],
            "phase": fit_heads(features, labels % 3, PHASES, [1.0])[0],
            "metrics": {"subtype": figures, "phase": figures},
            "licence": "made in a test",
        }
        | values
    )


def write_manifest(folder: Path, rows: list[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> Path:
    """A manifest.csv under `folder/midog21`; returns its path."""
    path = folder / "midog21" / "manifest.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path
