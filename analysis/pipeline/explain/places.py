"""Maps of what a detector found, for the places that readers look at."""

from collections.abc import Sequence

import numpy as np

from analysis.pipeline.explain.cam import grad_cam
from analysis.pipeline.plan import Work
from analysis.pipeline.run import Detector
from analysis.pipeline.slide_grid import Reader


def explain_places(
    detector: Detector, reader: Reader, points_l0: Sequence[tuple[float, float]], work: Work | None = None
) -> list[dict[str, np.ndarray]]:
    """Grad-CAM of both classes for the patch at each place: `{"mitosis": uint8 (px, px), "other": …}`.

    Raises PipelineRefused for a network without a layer to explain.
    """
    if not points_l0:
        return []
    return grad_cam(detector.model.network, detector.card, detector.patches_at(reader, points_l0, work))
