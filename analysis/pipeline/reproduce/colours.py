"""What unseen colours cost: patch figures of left-out slides as they are, and again with their colours changed.

The changes are of whole slides, as another laboratory or scanner would make them, before the model's own normaliser
sees them: haematoxylin stronger and eosin weaker, the reverse, a coarse JPEG, and another normaliser in place of the
model's. The margin that calls a mitosis is the best one of the unchanged windows, so a shift of all scores counts.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.pipeline import augment
from analysis.pipeline.classifiers.store import Model
from analysis.pipeline.datasets import Source, mitos14
from analysis.pipeline.datasets.copies import with_copies
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.evaluate import FrameScores
from analysis.pipeline.evaluate.patches import best_margin, figures_at, patches
from analysis.pipeline.stain import HED_FROM_RGB, RGB_FROM_HED, optical_density, rgb_of_density

AS_IS = "as it is"
STRONGER, WEAKER = 1.3, 0.75
JPEG_QUALITY = 60


def scored(model: Model, data: Path, slides: tuple[str, ...]) -> dict[str, list[FrameScores]]:
    """Change → scores of windows on mitoses, look-alikes and nuclei, one entry for each frame."""
    from analysis.pipeline.train.validation import patch_scores

    found: dict[str, list[FrameScores]] = {}
    for slide in slides:
        (source,) = mitos14.load_slides(data, (slide,))
        for name, changed in changes(source, model.card.normaliser):
            found.setdefault(name, []).extend(patch_scores(model.network, changed, model.card.patch_px))
    return found


def changes(source: Source, normaliser: str):
    """Pairs of a change's name and the slide under it, one after the other: (name, Source)."""
    yield AS_IS, normalised(source, normaliser)
    stains = {
        "haematoxylin stronger, eosin weaker": (STRONGER, WEAKER),
        "haematoxylin weaker, eosin stronger": (WEAKER, STRONGER),
    }
    for name, (haematoxylin, eosin) in stains.items():
        images = [stains_changed(image, haematoxylin, eosin) for image in source.images]
        yield name, normalised(replace(source, images=images), normaliser)
    images = [augment.jpeg(image, JPEG_QUALITY) for image in source.images]
    yield f"JPEG quality {JPEG_QUALITY}", normalised(replace(source, images=images), normaliser)
    other = "reinhard" if normaliser != "reinhard" else "macenko"
    yield f"normaliser {other}", normalised(source, other)


def normalised(source: Source, normaliser: str) -> Source:
    """The slide as detection would see it."""
    if normaliser == "none":
        return source
    return replace(source, images=with_copies(source, normaliser).copies)


def stains_changed(rgb: np.ndarray, haematoxylin: float, eosin: float) -> np.ndarray:
    """An image with its stains' densities multiplied: uint8 (h, w, 3) → the same."""
    gain = np.diag(np.array([haematoxylin, eosin, 1.0], np.float32))
    mix = HED_FROM_RGB @ gain @ RGB_FROM_HED
    density = optical_density(rgb)
    return rgb_of_density((density.reshape(-1, 3) @ mix).reshape(density.shape))


def read(paths: Sequence[Path]) -> dict[str, list[FrameScores]]:
    """Change → frames of all files, each `scored` of one fold written as JSON."""
    found: dict[str, list[FrameScores]] = {}
    for path in paths:
        for name, rows in json.loads(path.read_bytes()).items():
            found.setdefault(name, []).extend(FrameScores.from_json(row) for row in rows)
    return found


def figures(found: dict[str, list[FrameScores]]) -> dict:
    """Patch figures under each change at the margin that is best unchanged, and what each costs in F1: JSON-able."""
    if AS_IS not in found:
        raise PipelineRefused("There are no scores of the slides as they are; score them again.")
    margin = best_margin(patches(found[AS_IS]))
    under = {name: figures_at(patches(frames), margin) for name, frames in found.items()}
    best = under[AS_IS]["f1"]
    rows = {
        name: {key: round(value, 4) for key, value in row.items()} | {"f1_drop": round(best - row["f1"], 4)}
        for name, row in under.items()
    }
    worst = max((name for name in rows if name != AS_IS), key=lambda name: rows[name]["f1_drop"])
    return {
        "protocol": "patch figures at 29 % mitoses on left-out slides, pooled; colours of whole slides changed; margin "
        "that is best unchanged",
        "margin": round(margin, 3),
        "changes": rows,
        "worst": worst,
        "worst_drop": rows[worst]["f1_drop"],
    }
