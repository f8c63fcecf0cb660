"""Where on the slide there is tissue, on a thumbnail of about 8 µm/px.

A cell is tissue where its colour is saturated. Otsu's threshold is clamped, because a field that is tissue throughout
has no glass for Otsu to find: it would then part nuclei from stroma.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely

CELL_UM = 8.0
# Saturation as (max - min) of RGB after smoothing, 0 to 255: glass stays below the first, every stained tissue is above
# the second.
SATURATION_RANGE = (10, 22)
# Pen and dirt aside, black is no tissue, and neither is a speck.
MIN_BRIGHTNESS = 25
MIN_ISLAND_MM2 = 0.003


@dataclass(frozen=True)
class TissueMask:
    """`mask` bool (rows, columns); its cells tile the slide exactly, each `cell_w_l0` x `cell_h_l0` level-0 px."""

    mask: np.ndarray
    cell_w_l0: float
    cell_h_l0: float

    def contains(self, points_l0: np.ndarray) -> np.ndarray:
        """Whether each of (n, 2) points on the slide lies in a tissue cell: bool (n,)."""
        rows, columns = self.mask.shape
        column = np.clip((points_l0[:, 0] / self.cell_w_l0).astype(int), 0, columns - 1)
        row = np.clip((points_l0[:, 1] / self.cell_h_l0).astype(int), 0, rows - 1)
        return self.mask[row, column]

    def any_in(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Whether a tissue cell touches the box, in level-0 px."""
        columns = slice(int(x0 / self.cell_w_l0), int(np.ceil(x1 / self.cell_w_l0)))
        rows = slice(int(y0 / self.cell_h_l0), int(np.ceil(y1 / self.cell_h_l0)))
        return bool(self.mask[rows, columns].any())

    def area_in(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Of the tissue cells that touch a box, in px² of level 0."""
        columns = slice(int(x0 / self.cell_w_l0), int(np.ceil(x1 / self.cell_w_l0)))
        rows = slice(int(y0 / self.cell_h_l0), int(np.ceil(y1 / self.cell_h_l0)))
        return float(self.mask[rows, columns].sum() * self.cell_w_l0 * self.cell_h_l0)

    def bounds_in(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """The box in level-0 px about the tissue cells that touch a box: x0, y0, x1, y1, empty where none does."""
        first_column, first_row = int(x0 / self.cell_w_l0), int(y0 / self.cell_h_l0)
        touched = self.mask[
            first_row : int(np.ceil(y1 / self.cell_h_l0)), first_column : int(np.ceil(x1 / self.cell_w_l0))
        ]
        rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
        if not len(rows):
            return x0, y0, x0, y0
        return (
            (first_column + columns[0]) * self.cell_w_l0,
            (first_row + rows[0]) * self.cell_h_l0,
            (first_column + columns[-1] + 1) * self.cell_w_l0,
            (first_row + rows[-1] + 1) * self.cell_h_l0,
        )

    def area_l0(self, region: shapely.Geometry | None) -> float:
        """Tissue inside the region (the whole slide without one), in px² of level 0. Exact for the cells and the
        polygon.
        """
        cell = self.cell_w_l0 * self.cell_h_l0
        if region is None:
            return float(self.mask.sum() * cell)
        row, column = np.nonzero(self.mask)
        x, y = column * self.cell_w_l0, row * self.cell_h_l0
        cells = shapely.box(x, y, x + self.cell_w_l0, y + self.cell_h_l0)
        shapely.prepare(region)
        inside = shapely.contains(region, cells)
        touching = cells[~inside & shapely.intersects(region, cells)]
        return float(inside.sum() * cell + shapely.area(shapely.intersection(touching, region)).sum())

    def outline(self) -> list[list[list[float]]]:
        """Rings around the tissue in level-0 px, [[x, y], …], even-odd: a ring inside another is a hole."""
        padded = np.pad(self.mask.astype(np.uint8), 1)
        # Doubled, so that contours, which run through pixel centres, can be moved onto the cells' borders exactly
        # enough.
        doubled = cv2.resize(padded, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
        rings, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        rows, columns = self.mask.shape
        rings_l0 = []
        for ring in rings:
            if len(ring) > 3:
                cells = np.round((cv2.approxPolyDP(ring, 2.0, True)[:, 0] + 0.5) / 4 - 1, 0)
                x = np.clip(cells[:, 0], 0, columns) * self.cell_w_l0
                y = np.clip(cells[:, 1], 0, rows) * self.cell_h_l0
                rings_l0.append(np.column_stack([x, y]).round(2).tolist())
        return rings_l0


def find_tissue(thumbnail: np.ndarray, width_l0: int, height_l0: int, mpp_x: float, mpp_y: float) -> TissueMask:
    """Tissue of a slide from its thumbnail, uint8 (rows, columns, 3) RGB that shows the whole slide."""
    rows, columns = thumbnail.shape[:2]
    smooth = cv2.GaussianBlur(thumbnail, (0, 0), 2.0) if min(rows, columns) > 4 else thumbnail
    saturation = smooth.max(axis=2) - smooth.min(axis=2)
    otsu, _ = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = (saturation >= np.clip(otsu, *SATURATION_RANGE)) & (smooth.max(axis=2) >= MIN_BRIGHTNESS)
    closed = cv2.morphologyEx(
        mask.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    )
    cell_w, cell_h = width_l0 / columns, height_l0 / rows
    cell_mm2 = cell_w * mpp_x * cell_h * mpp_y * 1e-6
    # Smaller islands are specks and go, unless they are all there is.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    big = stats[:, cv2.CC_STAT_AREA] >= MIN_ISLAND_MM2 / cell_mm2
    big[0] = False
    if not big.any() and count > 1:
        big[1:] = True
    return TissueMask(big[labels], cell_w, cell_h)
