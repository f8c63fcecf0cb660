"""Where the finder fires although nothing is labelled: windows about those places are drawn from then on.

A place counts when it is a negative cell of training and no mitosis lies within the radius of matching and 4 µm more:
so far a peak of a labelled one may have been moved. Look-alikes are negatives like all else. In tissue whose mitoses
nobody labelled, what looks most like one may be one and is left out.
"""

import time

import numpy as np

from analysis.lab.datasets import CROP, TISSUE, nearest_distance
from analysis.lab.finder.windows import NEGATIVE, Halved, cell_classes
from analysis.lab.matching import RADIUS_UM
from analysis.lab.train.interrupt import StopRequest
from analysis.lab.train.runs import log
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.proposers.finder import finder_places
from analysis.pipeline.proposers.finder_geometry import MAX_MOVE_UM, MPP
from analysis.pipeline.proposers.first_stage import logit_map

# A chance of .88: more of what lies above it in unlabelled tissue is mitotic than below.
DOUBTFUL_LOGIT = 2.0
CLEAR_UM = RADIUS_UM + MAX_MOVE_UM


def mine_wrong_places(
    network: FinderNet, sources: list[Halved], above: float, at_most: int, request: StopRequest
) -> np.ndarray | None:
    """The wrong places of all frames whose logit reaches `above`, the highest first and no more than `at_most`.

    float32 (n, 4): index of the source, of its image, x, y in the image's pixels. None where the run shall stop.
    """
    started, rows, scores = time.monotonic(), [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
    for number, source in enumerate(sources):
        if source.kind == CROP:
            continue
        for image, pixels in enumerate(source.images):
            if request.made:
                return None
            points, logits = finder_places(pixels, logit_map(network, pixels, IMAGENET_MEAN, IMAGENET_STD), above)
            wrong = is_wrong(source, image, points)
            if source.kind == TISSUE:
                wrong &= logits < DOUBTFUL_LOGIT
            where = np.full((wrong.sum(), 2), (number, image))
            rows.append(np.hstack([where, points[wrong]]).astype(np.float32))
            scores.append(logits[wrong])
    found = np.concatenate(rows)[np.argsort(-np.concatenate(scores), kind="stable")]
    log.info("mined %d of %d wrong places in %.0f s", min(len(found), at_most), len(found), time.monotonic() - started)
    return found[:at_most]


def is_wrong(source: Halved, image: int, points: np.ndarray) -> np.ndarray:
    """Which of (n, 2) places of an image the finder should not have fired at: bool (n,)."""
    labels = np.concatenate([source.mitoses, source.others])
    away_um = nearest_distance(points, labels[labels[:, 0] == image, 1:]) / source.step * MPP
    return (cell_classes(source, image, points, source.step) == NEGATIVE) & (away_um > CLEAR_UM)
