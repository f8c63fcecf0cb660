"""Labelled images as the training and the evaluation want them.

A `Source` is one slide (mitos14, mitos12a), the crops of one scanner or hospital (midog21, tupac16_crops), or tiles of
tissue without labels (monuseg): the unit that sampling is balanced over and that splits are made by. Points are
pixels of the source's own images, origin top left, pixel centres at whole numbers + 0.5.
"""

from dataclasses import dataclass, field

import numpy as np

from analysis.pipeline.detection_files.class_names import LOOK_ALIKE, MITOSIS

# `mitosis_spot` is the candidate that stands for a labelled mitosis: what detection will centre its patch on.
MITOSIS_SPOT, NUCLEUS = "mitosis_spot", "nucleus"
# Further mitoses in a crop of another one, and places that are neither class (paint of an old label): no window is
# centred on them, and none of them is a negative.
OTHER_MITOSIS = "other_mitosis"
MODEL_MPP = 0.25
FRAME, CROP, TISSUE = KINDS = ("frame", "crop", "tissue")
# A window this near to a mitosis is neither class; nearer than the inner radius it is a mitosis. The network averages
# over 25 µm, so a nucleus beside a mitosis fires with it unless training says otherwise.
IGNORE_INNER_PX, IGNORE_OUTER_PX = 12, 30
# A candidate as far as this from a label still stands for it (an anaphase has two dark halves).
SPOT_OF_LABEL_PX = 24
# A mitosis cut by the frame's edge can be unlabelled in that frame.
EDGE_PX = 25


__all__ = ["LOOK_ALIKE", "MITOSIS"]  # for those who ask here; the rest is defined here


@dataclass(frozen=True)
class Source:
    """Images of one slide or scanner with their labelled places.

    `images` uint8 (h, w, 3) RGB at `mpp` µm/px; `points[group]` float32 (n, 3): image index, x, y in pixels of that
    image. `files` are the paths the images came from and `labels` those their places came from, for the data hash.
    `shares[group]` float32 (n,) is the share of readers who called each of a group's places a mitosis; a group without
    an entry is as certain as its name. `copies` are the images in the colours of the reference, where a normaliser was
    fitted on this source. `kind` is one of KINDS: whole frames whose mitoses are all labelled, crops about one mitosis,
    or tissue in which mitoses may occur and none is labelled. `cases` names each image's patient, empty where the
    source is one case; `weight` makes a source be drawn less often, `weights[group]` float (n,) single places more or
    less often than the others of their group.
    """

    name: str
    kind: str
    mpp: float
    images: list[np.ndarray]
    points: dict[str, np.ndarray]
    files: list = field(default_factory=list)
    shares: dict[str, np.ndarray] = field(default_factory=dict)
    copies: list[np.ndarray] = field(default_factory=list)
    labels: list = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    weight: float = 1.0
    weights: dict[str, np.ndarray] = field(default_factory=dict)


def as_points(rows: list[tuple[int, float, float]]) -> np.ndarray:
    """float32 (n, 3) from rows of image index, x, y; also of shape (0, 3) when there are none."""
    return np.array(rows, np.float32).reshape(-1, 3)


def nearest_distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of each of (n, 2) points to the nearest of (m, 2) others; inf when there are none. (n,) float."""
    if not len(others):
        return np.full(len(points), np.inf)
    return np.linalg.norm(points[:, None] - others[None], axis=2).min(axis=1)


def spots_of_labels(labels: np.ndarray, spots: np.ndarray, within_px: float) -> np.ndarray:
    """For each of (n, 2) labels the nearest of (m, 2) spots, left out where none lies within `within_px`: (k, 2)."""
    if not len(labels) or not len(spots):
        return np.zeros((0, 2))
    distance = np.linalg.norm(labels[:, None] - spots[None], axis=2)
    return spots[distance.argmin(axis=1)[distance.min(axis=1) <= within_px]]
