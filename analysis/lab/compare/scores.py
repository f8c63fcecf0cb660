"""The metrics that arms are set side by side with, and their intervals."""

from collections.abc import Callable, Sequence

import numpy as np

from analysis.lab.evaluate import FrameScores, patch_metrics
from analysis.lab.evaluate.patches import best_margin, metrics_at, pool_patches

DRAWS = 200


def arm_metrics(frames: Sequence[FrameScores]) -> dict[str, object]:
    """Patch metrics at the more likely class, and F1 at its best threshold on these very frames."""
    found = pool_patches(frames)
    own_best = round(metrics_at(found, best_margin(found))["f1"], 4)
    spread = interval_by_frame(frames, lambda drawn: average_precision([frames[i] for i in drawn]))
    return patch_metrics(frames) | {"f1_at_best_threshold": own_best, "average_precision_95_by_frame": spread}


def average_precision(frames: Sequence[FrameScores]) -> float:
    return float(pool_patches(frames).curve().average_precision)


def interval_by_frame(frames: Sequence[FrameScores], figure: Callable[[Sequence[int]], float]) -> list[float]:
    """95 % interval of a metric over frames drawn with replacement; it is told the numbers of the frames drawn."""
    rng, values = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = rng.integers(len(frames), size=len(frames)).tolist()
        # A draw may hold no mitosis at all; then there is nothing to measure.
        if any(len(frames[i].on_mitoses) for i in drawn):
            values.append(figure(drawn))
    return [round(float(value), 4) for value in np.percentile(values, (2.5, 97.5))]
