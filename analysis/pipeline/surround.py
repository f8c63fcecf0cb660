"""Black around a scan is no tissue: some scanners write it where nothing was scanned.

Seen as it is stored it would be the darkest of all: a proposer finds a nucleus in each of its pixels, and the slide
check a background that no glass has. So the pipeline sees such areas as white, and their blurred edge as if it ran into
white. What is black for less than SMALLEST_UM (a pigment, a speck) stays what it is.
"""

import cv2
import numpy as np

from analysis.pipeline.tissue import MIN_BRIGHTNESS

SMALLEST_UM = 24.0
# Lossy coding and shrinking mix the edge with what lies beside it, over a block of eight fine pixels.
EDGE_UM, EDGE_PX = 2.0, 2
WHITE = 255


def whiten_surround(rgb: np.ndarray, mpp: float) -> np.ndarray:
    """The picture, uint8 (h, w, 3) RGB of pixels `mpp` µm wide, with wide black areas white.

    What lies outside the picture counts as more of the same, so that an area is known by the part that is seen.
    """
    black = cv2.inRange(rgb, (0, 0, 0), (MIN_BRIGHTNESS - 1,) * 3)
    if cv2.countNonZero(black) * mpp**2 < (SMALLEST_UM / 2) ** 2:
        return rgb
    area = _wide_parts(black > 0, SMALLEST_UM / 2 / mpp)
    if area is None:
        return rgb
    edge_px = max(EDGE_PX, EDGE_UM / mpp)
    edge = (_distance_to(area) <= edge_px) & ~area
    brightest = np.where(area, 0, rgb.max(axis=2)).astype(np.uint8)
    near = cv2.dilate(brightest, np.ones((2 * int(np.ceil(edge_px)) + 1,) * 2, np.uint8))
    share = 1 - brightest[edge] / np.maximum(near[edge], 1)  # of black in each pixel of the edge
    out = np.where(area[..., None], np.uint8(WHITE), rgb)
    out[edge] = np.minimum(out[edge] + WHITE * share[:, None], WHITE).astype(np.uint8)
    return out


def _wide_parts(black: np.ndarray, radius_px: float) -> np.ndarray | None:
    """Bool (h, w): those parts that a disc fits into; None where there are none."""
    if black.all():
        return black
    radius_px, side = max(1.0, radius_px), int(np.ceil(radius_px)) + 1
    beyond = cv2.copyMakeBorder(black.astype(np.uint8), *(side,) * 4, borderType=cv2.BORDER_REPLICATE)
    # The distance to the nearest pixel that is not black is 1 in the outermost black one.
    inner = cv2.distanceTransform(beyond, cv2.DIST_L2, 5) > radius_px
    if not inner.any():
        return None
    return black & (_distance_to(inner) <= radius_px + 1)[side:-side, side:-side]


def _distance_to(area: np.ndarray) -> np.ndarray:
    """How far each pixel lies from the nearest of an area, in px: float32 (h, w)."""
    return cv2.distanceTransform((~area).astype(np.uint8), cv2.DIST_L2, 5)
