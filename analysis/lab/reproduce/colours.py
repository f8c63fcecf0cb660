"""What other colours cost: left-out slides as they are, and again with their colours changed.

The changes are of whole slides, as another laboratory or scanner would make them, before the model's own normaliser
sees them. The whole detector is run on the changed frames, with the first stage and with scores told from the slide's
own nuclei, so that what it takes up of a change counts for it. The margins that call a mitosis are the best ones of the
unchanged frames, so a shift of all scores counts against it.

Some changes are about as large as those of training (`augment`), the others beyond: the table says which.
"""

import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from analysis.lab import augment
from analysis.lab.datasets import frames as labelled
from analysis.lab.evaluate import FrameScores, detection, score_frames, thresholds
from analysis.lab.evaluate.patches import best_margin, metrics_at, pool_patches
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.spread import spread_evenly

AS_IS = "as it is"
# Enough of a slide for its own nuclei to be told from, and a third of the time of all.
FRAMES_PER_SLIDE = 20

Picture = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Change:
    """What is done to each frame, uint8 (h, w, 3) → the same, and whether training went as far."""

    picture: Picture
    trained: bool


CHANGES = {
    AS_IS: Change(lambda rgb: rgb, True),
    "haematoxylin x 1.3, eosin x 0.75": Change(partial(augment.change_stains, haematoxylin=1.3, eosin=0.75), True),
    "haematoxylin x 0.75, eosin x 1.3": Change(partial(augment.change_stains, haematoxylin=0.75, eosin=1.3), True),
    "haematoxylin x 1.7, eosin x 0.6": Change(partial(augment.change_stains, haematoxylin=1.7, eosin=0.6), False),
    "haematoxylin x 0.55, eosin x 1.6": Change(partial(augment.change_stains, haematoxylin=0.55, eosin=1.6), False),
    "hues turned by 16 degrees": Change(partial(augment.turn_hues, degrees=16), False),
    "JPEG quality 60": Change(partial(augment.recode_jpeg, quality=60), True),
    "JPEG quality 30": Change(partial(augment.recode_jpeg, quality=30), False),
}


def score_changed_slides(
    model: Model, data: Path, slides: tuple[str, ...], first: int | None = None
) -> dict[str, list[FrameScores]]:
    """Change → what the detector makes of the slides under it; the last is another normaliser than the model's.

    first: how many of the changes, from the first one on; all where it is None.
    """
    own, found = model.card.normaliser, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, change) in enumerate(list(CHANGES.items())[:first]):
            changed = Path(folder) / str(number)
            write_changed(data, changed, slides, change.picture)
            found[name] = score_frames(model, changed, slides, own)
        other = "reinhard" if own != "reinhard" else "macenko"
        found[f"normaliser {other}"] = score_frames(model, Path(folder) / "0", slides, other)
    return found


def write_changed(data: Path, folder: Path, slides: tuple[str, ...], picture: Picture) -> None:
    """Some frames of each slide changed, without loss, in a data folder of their own with their labels."""
    names = {}
    for slide in slides:
        frames = labelled.labelled_frames(data, (slide,))
        for frame in (frames[i] for i in spread_evenly(len(frames), FRAMES_PER_SLIDE)):
            names[frame.path.name] = f"{frame.path.stem}.png"
            changed = folder / frame.path.relative_to(data).with_suffix(".png")
            changed.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(changed), cv2.cvtColor(picture(labelled.read_rgb(frame.path)), cv2.COLOR_RGB2BGR))
    for labels in labelled.labels_of(data, slides):
        with labels.open(newline="") as file:
            rows = list(csv.DictReader(file))
        column = next(name for name in ("frame", "image") if name in rows[0])
        kept = [row | {column: names[row[column]]} for row in rows if row[column] in names]
        with (folder / labels.relative_to(data)).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(kept)


def read_scores(paths: Sequence[Path]) -> dict[str, list[FrameScores]]:
    """Change → frames of all files, each `score_changed_slides` of one fold written as JSON."""
    found: dict[str, list[FrameScores]] = {}
    for path in paths:
        for name, rows in json.loads(path.read_bytes()).items():
            found.setdefault(name, []).extend(FrameScores.from_json(row) for row in rows)
    return found


def colour_metrics(found: dict[str, list[FrameScores]]) -> dict:
    """Patch and detection metrics under each change at the margins that are best unchanged, and what each costs in F1:
    JSON-able. `worst_drop` is the worst patch F1's.
    """
    if AS_IS not in found:
        raise PipelineRefused("There are no scores of the slides as they are; score them again.")
    margin, (logit, _) = best_margin(pool_patches(found[AS_IS])), thresholds.best_logit(found[AS_IS])
    rows = {}
    for name, frames in found.items():
        called = detection.total_score(frames, [frame.margins >= logit for frame in frames])
        rows[name] = metrics_at(pool_patches(frames), margin) | {"detection_f1": called.f1}
    best = rows[AS_IS]
    for row in rows.values():
        row["f1_drop"] = best["f1"] - row["f1"]
        row["detection_f1_drop"] = best["detection_f1"] - row["detection_f1"]
    worst = max((name for name in rows if name != AS_IS), key=lambda name: rows[name]["f1_drop"])
    return {
        "protocol": "patch figures at 29 % mitoses and detection F1 of both stages on up to "
        f"{FRAMES_PER_SLIDE} frames of each left-out slide, pooled; whole slides changed; margins best unchanged",
        "margin": round(margin, 3),
        "logit": round(logit, 3),
        "changes": {
            name: {key: round(value, 4) for key, value in row.items()}
            | {"trained": name in CHANGES and CHANGES[name].trained}
            for name, row in rows.items()
        },
        "worst": worst,
        "worst_drop": round(rows[worst]["f1_drop"], 4),
        "worst_detection_drop": round(max(row["detection_f1_drop"] for row in rows.values()), 4),
    }
